"""Bad records: the first one raises, or with `--skip-bad` each is skipped, counted and reported."""

from __future__ import annotations

from unroll.counting import counted
from unroll.errors import UserError, shorten_long_words

LISTED = 5  # bad records that a report quotes


class Problems:
    """Collects what is wrong with the records of a data set, one sentence with file and line for each.

    Args:
        skip: whether bad records are skipped. Default: the first one raises.
        may_skip: whether `--skip-bad` is possible here, so that the error mentions it. Default: yes.
        glance: whether the data is only looked at, so that reading ends where it would take long.
            Default: no.

    Attributes:
        count: bad records so far.

    Examples:
        >>> from unroll.data.problems import Problems
        >>> problems = Problems(skip=True)
        >>> problems.bad("a.csv, line 3: no label.")
        >>> problems.messages()
        ['1 bad record is skipped:', '  a.csv, line 3: no label.']
    """

    def __init__(self, skip: bool = False, may_skip: bool = True, glance: bool = False) -> None:
        self.skip, self.may_skip, self.glance, self.count = skip, may_skip, glance, 0
        self._first: list[str] = []

    def bad(self, sentence: str) -> None:
        """Note a bad record.

        Args:
            sentence: what is wrong, with file and line.

        Raises:
            UserError: with the sentence, unless bad records are skipped.
        """
        if not self.skip:
            hint = " (--skip-bad skips such records.)" if self.may_skip else ""
            raise UserError(sentence + hint)
        self.count += 1
        if len(self._first) < LISTED:
            self._first.append(shorten_long_words(sentence))

    def with_messages(self, sentence: str) -> str:
        """The sentence of an error, and below it the bad records that were skipped before."""
        return "\n".join([sentence, *self.messages()])

    def messages(self) -> list[str]:
        """How many records were skipped, and the first of them; empty where none was."""
        if not self.count:
            return []
        more = self.count - len(self._first)
        head = counted(self.count, "bad record is", "bad records are")
        return [
            f"{head} skipped:",
            *(f"  {sentence}" for sentence in self._first),
            *([f"  and {more:,} more."] if more else []),
        ]
