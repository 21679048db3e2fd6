"""Words with their tags behind a slash or an underscore: `Rome/NNP is/VBZ old/JJ`; no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unroll.data.files.lines import numbered_lines
from unroll.data.problems import Problems
from unroll.tasks.tag.conll import Sentence

SEPARATORS = ("/", "_", "|")
MOST = 0.95  # of the words have a tag
LONGEST_TAG = 20


@dataclass(frozen=True)
class SlashForm:
    """What stands between a word and its tag.

    Attributes:
        separator: the character.
        word: 0, as a word stands before its tag.
        tag: 1.
        universal: False, as of every file but CoNLL-U.
    """

    separator: str
    word: int = 0
    tag: int | None = 1
    universal: bool = False

    def settings(self) -> tuple[int, str]:
        """What `--set word` and `--set tag` call the parts."""
        return 1, "2"

    def description(self) -> str:
        """How words are tagged, for people."""
        return f"a sentence a line, each word with its tag behind {self.separator!r}"


def find_slash_form(lines: Sequence[str]) -> SlashForm | None:
    """What stands between words and tags in some lines, or None where it is no such text.

    Examples:
        >>> from unroll.tasks.tag.slashed import find_slash_form
        >>> find_slash_form(["Rome/NNP is/VBZ old/JJ ./.", "It/PRP is/VBZ big/JJ ./."]).separator
        '/'
        >>> find_slash_form(["and/or is a word", "and this is none"]) is None
        True
    """
    words = [word for line in lines for word in line.split()]
    filled = sum(bool(line.strip()) for line in lines)
    if len(words) < 4 or len(words) < 2 * filled:
        return None
    for separator in SEPARATORS:
        parts = [word.rpartition(separator) for word in words]
        tags = [
            tag
            for word, _, tag in parts
            if word and 0 < len(tag) <= LONGEST_TAG and not tag.isdecimal() and "://" not in word
        ]
        if len(tags) >= MOST * len(words) and 1.5 * len(set(tags)) <= len(tags):
            return SlashForm(separator)
    return None


def read_slashed(
    path: Path, name: str, form: SlashForm, problems: Problems, *, tags: bool = True
) -> Iterator[Sentence]:
    """The sentences of a text whose words have tags, one a line.

    Args:
        path: the file.
        name: of the file, in errors.
        form: what stands between word and tag.
        problems: takes sentences with a word without a tag.
        tags: whether each word must have a tag; a word without one is read whole where not.

    Raises:
        UserError: for the first bad sentence, unless `problems` skips them.
    """
    for number, line in numbered_lines(path, name, problems):
        parts = [(*word.rpartition(form.separator), word) for word in line.split()]
        if not parts:
            continue
        bare = next((word for before, _, tag, word in parts if not (before and tag)), None)
        if bare is not None and tags:
            problems.bad(
                f"{name}, line {number}: {bare!r} has no tag; expected word{form.separator}TAG."
            )
            continue
        words = tuple(before if before and tag else word for before, _, tag, word in parts)
        found = tuple(tag for _, _, tag, _ in parts)
        rows = (0,) * len(words)
        yield Sentence(words, found if tags else None, number, rows)


def slashed_line(words: Sequence[str], tags: Sequence[str], form: SlashForm) -> str:
    """A sentence with its tags, as the file of the form has it."""
    return " ".join(f"{word}{form.separator}{tag}" for word, tag in zip(words, tags, strict=True))
