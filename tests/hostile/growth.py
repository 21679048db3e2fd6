"""Processor time against size: a reader of four times as much takes about four times as long.

python -m tests.hostile.growth                # a line a pattern, as JSON
python -m tests.hostile.growth --only abc
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from unroll.errors import UserError
from unroll.run.data_check import check

TIMES = 4  # larger


@dataclass(frozen=True)
class Pattern:
    """Data that a careless reader takes quadratic time for.

    Attributes:
        file: the name of the data.
        write: calls: a size -> the bytes of the file.
        size: the smaller one.
        task: that reads it.
        settings: as `unroll.train` takes them.
    """

    file: str
    write: Callable[[int], str]
    size: int
    task: str
    settings: dict[str, object] = field(default_factory=dict)


CELL = "a\n" * 900
HEAD = "X:1\nM:4/4\nL:1/8\nK:C\n"


def dna(size: int) -> str:
    return "".join(random.Random(0).choices("acgt", k=size))


def table(head: str, row: Callable[[int], str]) -> Callable[[int], str]:
    return lambda size: "\n".join([head, *map(row, range(size)), ""])


def tune(body: Callable[[int], str]) -> Callable[[int], str]:
    """A tune with this body, and another so that there is something to validate on."""
    return lambda size: f"{HEAD}{body(size)}\n\nX:2\nM:4/4\nL:1/8\nK:C\nCDEF GABc|\n"


def day(k: int) -> str:
    return f"20{k // 336 % 90 + 10}-{k // 28 % 12 + 1:02d}-{k % 28 + 1:02d}"


def numbers_of_clip(k: int) -> str:
    return ",".join([str(k % 2), *(f"{k * j % 17}.5" for j in range(1, 13))]) + "\n"


PATTERNS: dict[str, Pattern] = {
    "abc: unclosed fields": Pattern("a.abc", tune(lambda n: "[a:" * n), 10_000, "music"),
    "abc: bars": Pattern("a.abc", tune(lambda n: "CDEF GABc|" * n), 500, "music"),
    "abc: bar lines": Pattern("a.abc", tune(lambda n: "|" * n), 10_000, "music"),
    "abc: a chord": Pattern("a.abc", tune(lambda n: f"[{'C' * n}]"), 5_000, "music"),
    "abc: unclosed quotes": Pattern("a.abc", tune(lambda n: '"a\n' * n), 5_000, "music"),
    "abc: decorations": Pattern("a.abc", tune(lambda n: "!a" * n), 5_000, "music"),
    "abc: graces": Pattern("a.abc", tune(lambda n: "{" * n), 10_000, "music"),
    "abc: digits": Pattern("a.abc", tune(lambda n: "C" + "1" * n), 20_000, "music"),
    "abc: slashes": Pattern("a.abc", tune(lambda n: "C" + "/" * n), 20_000, "music"),
    "text: one word, bpe": Pattern("a.txt", dna, 50_000, "language", {"level": "bpe"}),
    "text: one word, characters": Pattern("a.txt", dna, 500_000, "language"),
    "text: one line of words": Pattern(
        "a.txt", lambda n: "one two three " * n, 50_000, "language", {"level": "word"}
    ),
    "text: blank lines": Pattern("a.txt", lambda n: "a\n\n\n\n" * n, 100_000, "language"),
    "json lines: one record": Pattern(
        "a.jsonl", lambda n: json.dumps({"text": "word " * n}) + "\n", 1_000_000, "language"
    ),
    "csv: open quotes": Pattern("a.csv", lambda n: 'x","\n' * n, 2_000, "classify"),
    "csv: quoted lines": Pattern(
        "a.csv",
        lambda n: "text,label\n" + "".join(f'"{CELL}",{k % 2}\n' for k in range(n)),
        50,
        "classify",
    ),
    "csv: columns": Pattern(
        "a.csv",
        lambda n: "\n".join([",".join(f"c{k}" for k in range(n)), *[",".join("a" * n)] * 3]),
        10_000,
        "classify",
    ),
    "csv: labels": Pattern(
        "a.csv", table("text,label", lambda k: f"a word {k},{k // 3}"), 3_000, "classify"
    ),
    "csv: rows": Pattern(
        "a.csv", table("text,label", lambda k: f"a word {k},{k % 2}"), 3_000, "classify"
    ),
    "csv: bad rows": Pattern(
        "a.csv", table("text,label", lambda k: f"a word {k}" + ",x" * (k % 3)), 10_000, "classify"
    ),
    "sequences": Pattern(
        "a.csv",
        table("id,x,label", lambda k: f"{k // 4},{k % 7},{k // 4 % 2}"),
        3_000,
        "classify",
        {"id": "id"},
    ),
    "conll: a sentence": Pattern(
        "a.conll", lambda n: "a O\n" * n + "\nb O\nc B-x\n\n" * 9, 20_000, "tag"
    ),
    "conll: sentences": Pattern("a.conll", lambda n: "a O\nb B-x\n\n" * n, 5_000, "tag"),
    "conll: tags": Pattern(
        "a.conll", lambda n: "".join(f"a B-{k}\nb O\n\n" for k in range(n)), 3_000, "tag"
    ),
    "pairs: one source": Pattern(
        "a.tsv", lambda n: "".join(f"one\tein {k}\n" for k in range(n)), 5_000, "translate"
    ),
    "pairs": Pattern(
        "a.tsv", lambda n: "".join(f"one {k}\tein {k}\n" for k in range(n)), 2_000, "translate"
    ),
    "series: rows": Pattern(
        "a.csv", table("day,y", lambda k: f"{day(k)},{k % 7}"), 5_000, "forecast"
    ),
    "series: many": Pattern(
        "a.csv",
        lambda n: table("day,shop,y", lambda k: f"{day(k % 40)},s{k // 40},{k % 7}")(40 * n),
        100,
        "forecast",
        {"by": "shop", "target": "y"},
    ),
    "rows of numbers": Pattern(
        "a.csv", lambda n: "".join(map(numbers_of_clip, range(n))), 1_000, "frames"
    ),
}  # fmt: skip


def seconds(pattern: Pattern, size: int) -> float:
    """Processor time of a check of this much data, in the current folder."""
    Path(pattern.file).write_text(pattern.write(size), encoding="utf-8")
    gc.collect()
    gc.disable()  # it walks through whatever else the process holds
    try:
        before = time.process_time()
        with suppress(UserError):  # a refusal has to come as quickly
            check(pattern.file, lambda sentence: None, task=pattern.task, **pattern.settings)
        return time.process_time() - before
    finally:
        gc.enable()


def growth(pattern: Pattern) -> tuple[float, float]:
    """Seconds for the smaller size, and how many times as long the larger one takes.

    The shortest of three at each size; below a hundredth of a second nothing is a growth.
    """
    small = max(0.01, min(seconds(pattern, pattern.size) for _ in range(3)))
    large = min(seconds(pattern, TIMES * pattern.size) for _ in range(2))
    return small, large / small


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.growth", description=__doc__)
    parser.add_argument("--only", default="", help="Patterns whose name begins so.")
    only = parser.parse_args().only
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, pattern in PATTERNS.items():
            if name.startswith(only):
                small, times = growth(pattern)
                print(json.dumps({"pattern": name, "seconds": round(small, 3), "times": round(times, 1)}), flush=True)  # noqa: E501  # fmt: skip


if __name__ == "__main__":
    main()
