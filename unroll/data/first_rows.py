"""The first rows of a table, to guess what it holds; no torch is loaded here."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
LINES = (".jsonl", ".jsonl.gz")
LOOK = 200  # rows that are read at most


def first_rows(path: Path) -> tuple[list[list[str]], list[str] | None]:
    """The first rows of a table.

    Args:
        path: a .csv, .tsv or .jsonl, or one of them as .gz.

    Returns:
        The rows, and for JSON lines the names of their fields; None where names are in the first row.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    # a bad line is reported with its number when the file is read; it does not prevent the guess
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        if path.name.endswith(LINES):
            return as_rows(list(json_objects(islice(file, LOOK))))
        tabs = ".tsv" in path.name
        reader = csv.reader(
            file,
            delimiter="\t" if tabs else ",",
            quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL,
        )
        return [row for row in islice(reader, LOOK) if row], None


def json_objects(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The lines that are JSON objects; others are skipped."""
    for line in lines:
        with suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict):
                yield record


def as_rows(records: list[dict[str, Any]]) -> tuple[list[list[str]], list[str]]:
    """JSON objects as rows of strings, and the names of their fields."""
    names = list(dict.fromkeys(name for record in records for name in record))
    return [
        [
            cell if isinstance(cell := record.get(name, ""), str) else json.dumps(cell)
            for name in names
        ]
        for record in records
    ], names
