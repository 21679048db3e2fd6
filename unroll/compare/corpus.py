"""The sequences of a problem as a text file to train on, and files of labels and of each distance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from unroll.compare.agreement import NOUNS
from unroll.compare.problem import Problem
from unroll.compare.problems import PROBLEMS
from unroll.errors import UserError

LINES, LABELLED, TESTED = 5000, 500, 100


def write_corpus(
    task: str, folder: Path, write: Callable[[Path, bytes], None], seed: int = 1
) -> None:
    """Write the data of a problem: NAME.txt to train on, and what it is measured on.

    `agreement` also has agreement_labels.tsv, each word beside whether the subject read last is plural,
    and a file of each tested distance.

    Args:
        task: the name of a problem of symbols.
        folder: where; it is made.
        write: writes a file.
        seed: of the sequences.

    Raises:
        UserError: for an unknown problem, and one of numbers.
    """
    if task not in PROBLEMS or not PROBLEMS[task].symbols:
        known = ", ".join(name for name, kind in PROBLEMS.items() if kind.symbols)
        raise UserError(f"--write-data got --task {task}; expected one of {known}.")
    problem, generator = PROBLEMS[task](), torch.Generator().manual_seed(seed)
    lines = [
        line
        for distance in problem.trained
        for line in texts(problem, distance, LINES // len(problem.trained), generator)
    ]
    order = torch.randperm(len(lines), generator=generator).tolist()
    write(folder / f"{task}.txt", as_lines([lines[k] for k in order]))
    if task == "agreement":
        rows: list[str] = []
        for k in torch.randint(25, [LABELLED], generator=generator).tolist():
            rows += labelled_rows(texts(problem, k, 1, generator)[0])
        write(folder / "agreement_labels.tsv", as_lines(rows))
    for distance in problem.tested if len(problem.trained) > 1 else ():
        found = texts(problem, distance, TESTED, generator)
        write(folder / f"{task}_{distance}.txt", as_lines(found))


def texts(problem: Problem, distance: int, count: int, generator: torch.Generator) -> list[str]:
    """Sequences of one distance as lines: what is read, and what is to be said at its end.

    A full stop that begins a sequence is left out, as the beginning of a line says it.
    """
    sequences = problem.sequences(distance, count, generator)
    last = sequences.targets[-1].tolist()
    apart = " " if any(len(symbol) > 1 for symbol in problem.symbols) else ""
    found = []
    for ids, end in zip(sequences.x.T.tolist(), last, strict=True):
        words = [problem.symbols[k] for k in [*ids, *([end] if end >= 0 else [])]]
        if words[0] == ".":
            words = words[1:]
        if apart and words[-1] != ".":
            words.append(".")
        found.append(apart.join(words))
    return found


def labelled_rows(line: str) -> list[str]:
    """The words of a sentence, each with 1 or 0 from a plural or singular subject to before the verb."""
    rows, label = [], "-"
    for word in line.split():
        if word.removesuffix("s") in NOUNS:
            label = str(int(word.endswith("s")))
        if word in ("was", "were"):
            label = "-"
        rows.append(f"{word}\t{label}")
    return [*rows, ""]


def as_lines(lines: list[str]) -> bytes:
    """Lines as the content of a file."""
    return ("\n".join(lines) + "\n").encode()
