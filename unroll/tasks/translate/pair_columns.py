"""Which columns of a table, or fields of JSON, hold sources and targets; no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unroll.counting import listed
from unroll.data.columns import holds_names, lacks_column, read_in_place
from unroll.data.table import column
from unroll.errors import UserError

SOURCES = ("source", "src", "source_text", "input", "from", "question", "prompt")
TARGETS = (
    *("target", "tgt", "target_text", "output", "to", "translation", "answer", "completion"),
)
NESTED = ("translation", "translations")  # fields of an object with a text for each language
CODES = frozenset(
    "af am ar as az ba be bg bn br bs ca ce co cs cv cy da de el en eo es et eu fa fi fo fr fy ga gd gl "
    "gu he hi hr ht hu hy id ig is it ja jv ka kk km kn ko ku ky la lb lo lt lv mg mi mk ml mn mr ms mt "
    "my nb ne nl nn no oc or pa pl ps pt qu ro ru rw sa sd si sk sl so sq sr su sv sw ta te tg th tk tl "
    "tr tt ug uk ur uz vi wo xh yi yo zh zu eng fra fre deu ger spa ita por rus jpn zho cmn nld kor ara "
    "tur pol ces swe dan fin ell heb hin ukr ron hun".split()
)
LANGUAGES = frozenset(
    "english french german spanish italian portuguese dutch russian chinese japanese korean arabic "
    "turkish polish czech swedish danish finnish norwegian greek hebrew hindi ukrainian romanian "
    "hungarian bulgarian croatian serbian slovak slovenian vietnamese thai indonesian malay persian urdu "
    "bengali tamil telugu latin catalan basque galician irish welsh estonian latvian lithuanian albanian "
    "georgian armenian swahili esperanto icelandic".split()
)
KINDS_OF_TEXT = frozenset(
    "word words sentence sentences text texts phrase phrases translation translations".split()
)  # what may follow the name of a language, as in "English words/sentences"
SEPARATORS = re.compile(r"[\W_]+")
REGION = re.compile(r"[-_](?:[a-z]{2}|[a-z]{4}|[0-9]{3})")  # as in en_GB and zh-Hans
MOST = 0.9  # of the cells of a column of texts hold a letter
FEWEST_ROWS = 5  # from which on a column of few values is no text


@dataclass(frozen=True)
class PairColumns:
    """Which column of a table holds what, counted from 0.

    Attributes:
        source: the column of the sources.
        target: the column of the targets.
        names: of the columns; where texts are in objects, the fields of those.
        header: whether the names are the first row.
        nested: the column whose objects hold the texts; None where cells are texts.
    """

    source: int
    target: int
    names: tuple[str, ...]
    header: bool = False
    nested: int | None = None

    def cells(self, cells: Sequence[Any]) -> Sequence[Any]:
        """The cells of a row, or those of the object in it."""
        if self.nested is None:
            return cells
        held = as_object(cells[self.nested]) if self.nested < len(cells) else None
        return [held.get(name) if held else None for name in self.names]

    def others(self) -> list[str]:
        """The names, or numbers from 1, of the columns that are not read."""
        places = [k for k in range(len(self.names)) if k not in (self.source, self.target)]
        return [self.names[k] or str(k + 1) for k in places]


def as_object(cell: Any) -> Mapping[str, Any] | None:
    """The object that a cell holds, also as JSON; None where it holds none."""
    if isinstance(cell, str) and cell.lstrip().startswith("{"):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return None
    return cell if isinstance(cell, Mapping) else None


def is_language(name: str) -> bool:
    """Whether a name is that of a language, or its code, with or without a region."""
    word = name.strip().lower()
    return word in LANGUAGES or word in CODES or (word[:2] in CODES and is_region(word[2:]))


def begins_with_language(name: str) -> str | None:
    """The language of a name such as "English words/sentences"; None where it is another name."""
    first, *rest = SEPARATORS.split(name.strip().lower())
    is_one = first in LANGUAGES and all(word in ("", *KINDS_OF_TEXT) for word in rest)
    return first if is_one else None


def is_region(rest: str) -> bool:
    """Whether what follows a code of two letters is a region or a script."""
    return REGION.fullmatch(rest) is not None


def named_pair(names: Sequence[str]) -> tuple[int, int] | None:
    """The columns of source and target by their names alone; None where they do not tell."""
    words = [name.strip().lower() for name in names]
    for known, others in ((SOURCES, TARGETS), (("text",), ("translation",))):
        source = next((words.index(word) for word in known if word in words), None)
        target = next((words.index(word) for word in others if word in words), None)
        if source is not None and target is not None:
            return source, target
    # beside two columns or more, "id" is no Indonesian
    spoken = [
        k for k, word in enumerate(words) if is_language(word) and (word != "id" or len(words) == 2)
    ]
    if len(spoken) < 2:
        begun = [begins_with_language(word) for word in words]
        spoken = [k for k, language in enumerate(begun) if language is not None]
        words = [language or "" for language in begun]
    if len(spoken) < 2 or words[spoken[0]] == words[spoken[1]]:
        return None
    return spoken[0], spoken[1]


def find_pair_columns(
    rows: Sequence[Sequence[Any]],
    names: Sequence[str] | None,
    name: str,
    source: str | None = None,
    target: str | None = None,
) -> PairColumns | None:
    """Which columns hold sources and targets; None where nothing tells.

    Args:
        rows: the first rows.
        names: of the columns; None where the first row may hold them.
        name: of the file, in errors.
        source: a column by its number from 1, or by its name. Default: by the names, else the first
            that holds texts.
        target: the same; by default the next one.

    Raises:
        UserError: where there is no such column, or both are one.
    """
    rows, names, nested = unpacked(rows, names)
    width = max((len(row) for row in rows), default=0)
    header = names is None and bool(rows) and is_header(rows, (source, target))
    if names is None:
        names = [str(cell).strip() for cell in rows[0]] if header else [""] * width
        rows = rows[1:] if header else rows
    pair = guessed_pair(rows, names, known=header or nested is not None or any(names)) or ()
    given = [
        place(each, names, name, flag) for each, flag in ((source, "source"), (target, "target"))
    ]
    chosen = [
        given[k]
        if given[k] is not None
        else next((c for c in pair[k:] + pair[:k] if c not in given), None)
        for k in (0, 1)
    ]
    if chosen[0] is None or chosen[1] is None:
        return None
    if chosen[0] == chosen[1]:
        raise UserError(
            f"Source and target are both column {chosen[0] + 1} of {name}; expected two columns. Name "
            "them with --set source=N and --target N."
        )
    return PairColumns(chosen[0], chosen[1], tuple(names), header, nested)


def unpacked(
    rows: Sequence[Sequence[Any]], names: Sequence[str] | None
) -> tuple[Sequence[Sequence[Any]], Sequence[str] | None, int | None]:
    """Rows and names; where texts are in objects those of the objects, and the column of these."""
    nested = next((k for k, each in enumerate(names or ()) if each.lower() in NESTED), None)
    held = [as_object(row[nested]) for row in rows] if nested is not None else []
    fields = tuple(dict.fromkeys(key for each in held if each for key in each))
    if len(fields) < 2:
        return rows, names, None
    return [[each.get(f) if each else None for f in fields] for each in held], fields, nested


@dataclass(frozen=True)
class PairNames:
    """The columns that a translator reads, which further data should have.

    Attributes:
        source: the column of the sources, by its name or its number from 1; None where the training
            data had no names.
        target: the column of the targets.
        named: the settings that the user gave in training.
    """

    source: str | None = None
    target: str | None = None
    named: Collection[str] = ()

    def of(
        self,
        rows: Sequence[Sequence[Any]],
        names: Sequence[str] | None,
        name: str,
        *,
        with_target: bool = True,
    ) -> tuple[str | None, str | None]:
        """What these columns are called in a further file; None where it has no names.

        Where the user named no column in training, the only one that may be meant is read; that is told.

        Args:
            rows: the first rows.
            names: of the columns; None where the first row may hold them.
            name: of the file, in errors.
            with_target: whether the targets are read too.

        Raises:
            UserError: where a column is missing, and another one would be a guess.
        """
        rows, names, _ = unpacked(rows, names)
        wanted = {"source": self.source, "target": self.target if with_target else None}
        if names is None:
            given = (self.source, self.target)
            if not rows or not (is_header(rows, given) or holds_names(rows)):
                source, target = (
                    word if word is None or word.isdecimal() or setting in self.named else None
                    for setting, word in wanted.items()
                )
                return source, target
            names, rows = [str(cell).strip() for cell in rows[0]], rows[1:]
        found: dict[str, str | None] = {}
        for setting, word in wanted.items():
            found[setting] = word
            if word is None or word.isdecimal() or word in names:
                continue
            taken = {self.source, self.target, *found.values()}
            possible = [
                k
                for k, each in enumerate(names)
                if each not in taken and holds_texts([row[k] for row in rows if k < len(row)])
            ]
            if len(possible) != 1 or (setting in self.named and len(names) > 1):
                raise lacks_column(name, names, setting, word)
            found[setting] = names[possible[0]]
            read_in_place(name, setting, word, names[possible[0]])
        return found["source"], found["target"]


def group_beside(
    texts: Sequence[int], by: str | None, names: Sequence[str], path: str
) -> int | None:
    """The place of the column of the group of a pair, or None where none is named.

    Args:
        texts: the places of source and target.
        by: the column, by its number from 1 or by its name.
        names: of all columns.
        path: of the file, for errors.

    Raises:
        UserError: where there is no such column, or it holds the texts.
    """
    if by is None:
        return None
    group = column(by, tuple(names), path, "--by")
    if group in texts:
        raise UserError(
            f"--by names column {names[group] or group + 1} of {path}, which is read as a text; "
            "expected another one. Name the texts by --set source=NAME --target NAME."
        )
    return group


def find_source_column(
    rows: Sequence[Sequence[Any]], names: Sequence[str] | None, name: str, source: str | None = None
) -> PairColumns:
    """Which column of a table of inputs holds the sources; its target is not read.

    Args:
        rows: the first rows.
        names: of the columns; None where the first row may hold them.
        name: of the file, in errors.
        source: the column of the training set, by its number or name.

    Raises:
        UserError: where no column must be the one.
    """
    for wanted in dict.fromkeys((source, None)):
        try:
            found = find_pair_columns(rows, names, name, wanted)
        except UserError:
            continue  # a further file may have other names
        if found is not None:
            return found
    first = [str(cell).strip() for cell in (names or (rows[0] if rows else ()))]
    known = [k for k, each in enumerate(first) if each.lower() in (*SOURCES, "text", source)]
    texts = [k for k in range(len(first)) if holds_texts([row[k] for row in rows if k < len(row)])]
    if not known and len(texts) != 1:
        raise UserError(
            f"{name} has no column that must be the sources ({listed(first)}); name it as in the "
            f"training set{f', {source}' if source else ''}, or source, or text."
        )
    place = (known or texts)[0]
    return PairColumns(place, place, tuple(first), names is None and bool(known))


def is_header(rows: Sequence[Sequence[Any]], given: Sequence[str | None]) -> bool:
    """Whether the first row holds names: two known ones that no other row has, or those given."""
    first = [str(cell).strip() for cell in rows[0]]
    if any(each is not None and not each.isdecimal() and each in first for each in given):
        return True
    pair = named_pair(first)
    if pair is None:
        return False
    words = {first[k].lower() for k in pair}
    return not any(
        str(row[k]).strip().lower() in words for row in rows[1:] for k in pair if k < len(row)
    )


def guessed_pair(
    rows: Sequence[Sequence[Any]], names: Sequence[str], *, known: bool
) -> tuple[int, int] | None:
    """The columns of source and target by their names, else the first two that hold texts."""
    by_name = named_pair(names) if known else None
    if by_name is not None:
        return by_name
    texts = [k for k in range(len(names)) if holds_texts([row[k] for row in rows if k < len(row)])]
    if known and len(texts) > 2:
        return None  # of many named columns any two may be meant
    return (texts[0], texts[1]) if len(texts) > 1 else None


def holds_texts(cells: Sequence[Any]) -> bool:
    """Whether a column holds texts: letters in most cells, and not a few values again and again."""
    filled = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    letters = sum(any(map(str.isalpha, cell)) for cell in filled)
    if not filled or letters < MOST * len(cells):
        return False
    return len(cells) < FEWEST_ROWS or len(set(filled)) >= len(cells) / 3


def place(column: str | None, names: Sequence[str], name: str, setting: str) -> int | None:
    """The place of a column from 0; None where none was given.

    Raises:
        UserError: where there is no such column.
    """
    if column is None:
        return None
    if column in names:
        return names.index(column)
    if column.isdecimal() and 1 <= int(column) <= len(names):
        return int(column) - 1
    flag = "--target" if setting == "target" else "--set source"
    known = f"one of {listed(names)}, or " if any(names) else ""
    raise UserError(
        f"{flag}={column} is not a column of {name}; expected {known}a number from 1 to {len(names)}."
    )
