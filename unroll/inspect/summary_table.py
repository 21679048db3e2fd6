"""The summary of a run for a page: the aligned lines of a terminal become tables, the others sentences."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from unroll.inspect.finding import html_table

OWN = "this model"  # the row of the model itself
NUMBER = r"[-+]?[\d.,]*\d ?%?"


def summary_html(lines: Sequence[str]) -> str:
    """The sentences of a summary as paragraphs, and its aligned lines as tables.

    Args:
        lines: of `run.summarise`.
    """
    parts = []
    for aligned, group in groupby(lines, key=lambda line: len(cells_of(line)) > 1):
        if not aligned:
            parts += [sentences_html(list(group))]
            continue
        for rows in tables_of([cells_of(line) for line in group]):
            table = html_table(rows).replace(
                f'<tr><th scope="row">{OWN}</th>', f'<tr class="own"><th scope="row">{OWN}</th>'
            )
            parts.append(f'<div class="wide">{table}</div>')
    return "".join(parts)


def sentences_html(lines: Sequence[str]) -> str:
    """Sentences as paragraphs, and indented lines as a list."""
    parts = []
    for indented, group in groupby(lines, key=lambda line: line.startswith("  ")):
        tag = "li" if indented else "p"
        words = "".join(f"<{tag}>{html.escape(line.strip())}</{tag}>" for line in group)
        parts.append(f"<ul>{words}</ul>" if indented else words)
    return "".join(parts)


def cells_of(line: str) -> list[str]:
    """The cells of an indented line; one that is a number belongs to the words before it.

    Examples:
        >>> from unroll.inspect.summary_table import cells_of
        >>> cells_of("  this model  accuracy  50.0%  F1 0.31")
        ['this model', 'accuracy 50.0%', 'F1 0.31']
    """
    if not line.startswith("  "):
        return [line]
    words = re.split(r"\s{2,}", line.strip())
    cells = words[:1]
    for word in words[1:]:
        named = len(cells) > 1 and not re.search(rf"(^|\s){NUMBER}( |$)", cells[-1])
        if re.fullmatch(NUMBER, word) and named:
            cells[-1] += f" {word}"
        else:
            cells.append(word)
    return cells


def tables_of(rows: Sequence[list[str]]) -> Iterator[list[list[str]]]:
    """Tables of lines that follow each other: one for each set of columns.

    Args:
        rows: the cells of each line. Where the first has no numbers it holds the names of the columns;
            elsewhere each cell has its name beside its number.
    """
    if len(rows) > 1 and not any(map(value_of, rows[0][1:])):
        yield [list(row) + [""] * (len(rows[0]) - len(row)) for row in rows]
        return
    for _, group in groupby(rows, key=lambda row: [name_of(cell) for cell in row[1:]]):
        same = list(group)
        names = [name_of(cell) for cell in same[0][1:]]
        yield [["", *names], *([row[0], *(value_of(c) or c for c in row[1:])] for row in same)]


def name_of(cell: str) -> str:
    """The words of a cell beside its number: `accuracy`, `nats per token`."""
    value = value_of(cell)
    return cell if value is None else " ".join(cell.replace(value, " ", 1).split()) or "value"


def value_of(cell: str) -> str | None:
    """The number of a cell that is a number and words: the last one; None where there is none."""
    found = re.findall(rf"(?:^|(?<=\s)){NUMBER}(?=\s|$)", cell)
    return found[-1].strip() if found else None
