"""metrics.jsonl: one line of JSON per measurement, only ever appended, truncated on resume."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from unroll.saved_files import read_regular
from unroll.training.files import naming, write_whole


class MetricsFile:
    """The growing file of a run's metrics.

    Args:
        path: of the file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **line: object) -> None:
        """Append a line. Numbers that are not finite are written as words: JSON has none."""
        text = json.dumps(words_for_non_finite(line)) + "\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        with naming(self.path), os.fdopen(os.open(self.path, flags, 0o666), "ab") as file:
            file.write(text.encode())

    def truncate(self, step: int) -> None:
        """Drop what was written after this step, and a line that a kill cut off."""
        kept = [line for line in self.read() if line["step"] <= step]
        write_whole(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def read(self) -> list[dict[str, Any]]:
        """Every complete line, with `step` among its keys; empty where there is no file."""
        try:
            content = read_regular(self.path)
        except FileNotFoundError:
            return []
        lines = []
        for text in content.decode("utf-8", "replace").split("\n"):
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict) and isinstance(line.get("step"), int):
                lines.append(line)
        return lines


def words_for_non_finite(value: object) -> object:
    """The same record with `nan` and `inf` as words, at any depth of its dictionaries."""
    if isinstance(value, dict):
        return {k: words_for_non_finite(v) for k, v in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
