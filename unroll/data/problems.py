"""Bad records: the first one stops, or with `--skip-bad` each is left out, counted and told."""

from __future__ import annotations

from unroll.counting import counted
from unroll.errors import UserError

SHOWN = 5


class Problems:
    """What is wrong with the records of some data, a sentence with file and line each.

    skip: whether a bad record is left out. may_skip: whether that could have been asked for.

    Example:
        >>> from unroll.data.problems import Problems
        >>> problems = Problems(skip=True)
        >>> problems.bad("a.csv, line 3: no label.")
        >>> problems.messages()
        ['1 bad record is left out:', '  a.csv, line 3: no label.']
    """

    def __init__(self, skip: bool = False, may_skip: bool = True) -> None:
        self.skip, self.may_skip, self.count = skip, may_skip, 0
        self._first: list[str] = []

    def bad(self, sentence: str) -> None:
        """Raises: UserError with the sentence, unless bad records are skipped."""
        if not self.skip:
            hint = " (--skip-bad leaves such records out.)" if self.may_skip else ""
            raise UserError(sentence + hint)
        self.count += 1
        if len(self._first) < SHOWN:
            self._first.append(sentence)

    def with_messages(self, sentence: str) -> str:
        """The sentence of an error, and below it what was left out before it came to that."""
        return "\n".join([sentence, *self.messages()])

    def messages(self) -> list[str]:
        """How many records were left out, and the first of them."""
        if not self.count:
            return []
        more = self.count - len(self._first)
        head = counted(self.count, "bad record is", "bad records are")
        return [
            f"{head} left out:",
            *(f"  {sentence}" for sentence in self._first),
            *([f"  and {more:,} more."] if more else []),
        ]
