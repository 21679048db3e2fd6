"""metrics.jsonl: one line of JSON a measurement, only ever appended, cut back on resume."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from unroll.training.files import write_whole


class Metrics:
    """The growing file of a run's numbers."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **line: Any) -> None:
        """Append a line. Numbers that are not finite are written as words: JSON has none."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(in_words(line)) + "\n")

    def cut(self, step: int) -> None:
        """Drop what was written after this step, and a line that was cut off by a kill."""
        kept = [line for line in self.read() if line["step"] <= step]
        write_whole(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def read(self) -> list[dict[str, Any]]:
        """Every whole line."""
        if not self.path.exists():
            return []
        lines = []
        for text in self.path.read_text(encoding="utf-8").split("\n"):
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and "step" in line:
                lines.append(line)
        return lines


def in_words(value: Any) -> Any:
    """The same record with `nan` and `inf` as words, at any depth."""
    if isinstance(value, dict):
        return {k: in_words(v) for k, v in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
