"""hello: the smallest text of the tutorials. After l comes l or o, by what was before."""

from __future__ import annotations

from typing import ClassVar

import torch

from unroll.compare.problem import Problem, Sequences, next_symbols


class Spelling(Problem):
    """The word hello, letter by letter; only memory tells the first l from the second."""

    name = "hello"
    title = "The next letter of hello"
    symbols = ("h", "e", "l", "o")
    distance = "letter of the word"
    trained: ClassVar[tuple[int, ...]] = (0,)
    tested = (2, 3, 4, 5)
    counts = "letters"
    steps = 200

    def sequences(self, distance: int, count: int, generator: torch.Generator) -> Sequences:
        """`hello` in every row; measured is the letter of this number, or in training all."""
        rows = torch.tensor([0, 1, 2, 2, 3])[:, None].expand(-1, count).contiguous()
        scored = torch.zeros_like(rows, dtype=torch.bool)
        scored[distance - 1 if distance else slice(1, None)] = True
        return next_symbols(rows, scored)

    def chance(self, distance: int) -> float:
        """Of the letter before alone: h and e tell what comes, l does not."""
        return 1.0 if distance < 4 else 0.5
