"""Which columns of a table in memory a task reads, where its file holds only those."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from unroll.data.columns import LABELS, TEXTS, find_columns, lacks_column, read_in_place
from unroll.errors import UserError
from unroll.in_memory.cells import is_missing
from unroll.in_memory.forms import MemoryArrays, MemoryData, MemoryTexts, item_kind
from unroll.in_memory.tables import MemoryTable, named_place, texts_of

VALUES = ("text", "caption", "label")  # settings that name what stands beside a sound or image
LOOK = 1000  # rows that a guess looks at
TOKENS = ("tokens", "words", "token", "word", "text", "sentence")
TAGS = ("tags", "ner_tags", "labels", "ner", "pos_tags", "pos", "tag", "upos", "label")
SENTENCES = ("sentence", "sentence_id", "sentence #", "sent_id", "sentence_number")
SOURCES = ("source", "src", "input", "from", "text")
TARGETS = ("target", "tgt", "output", "to", "translation", "label")


@dataclass(frozen=True)
class FittedData:
    """Data in the form that the file of a task has.

    Attributes:
        data: with the columns that the task reads.
        settings: the columns by their names, where they were found.
        messages: what was chosen and changed, for people.
        read: the columns that were read, by the settings that name them, where the file has others.
    """

    data: MemoryData
    settings: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[str, ...] = ()
    read: Mapping[str, str] = field(default_factory=dict)


def decided_task(found: MemoryData) -> tuple[str, str] | None:
    """The task that the form of the data decides, and why; None where its file is looked at."""
    if isinstance(found, MemoryTexts):
        return "language", "texts without labels"
    if isinstance(found, MemoryArrays):
        per_step = any(
            not isinstance(label, str) and np.ndim(label) for label in found.labels or ()
        )
        if per_step:
            return "frames", "sequences of numbers with a label for each step"
        return "classify", "sequences of numbers with labels"
    if found.names == ("source", "target"):
        return "translate", "pairs of texts"
    if tagged_columns(found) is not None:
        return "tag", "words with tags"
    texts = [place for place in range(len(found.names)) if is_text_column(found.columns[place])]
    if len(found.names) == 1 and texts:
        return "language", "texts without labels"
    if len(found.names) == 2 == len(texts) and not {*map(str.lower, found.names)} & {
        *LABELS,
        *TEXTS,
    }:
        different = [len(set(column[:LOOK])) for column in found.columns]
        if min(different) > len(found.columns[0][:LOOK]) / 2:
            return "translate", "two columns of texts that hardly come back"
    return None


def fit_to_task(found: MemoryData, task: str | None, values: Mapping[str, Any]) -> FittedData:
    """The data with the columns that a task reads.

    Args:
        found: what was given.
        task: the task, where it is known.
        values: the settings by name, which may name columns.

    Raises:
        UserError: where a named column is missing, or it is not clear which one is meant.
    """
    if not isinstance(found, MemoryTable):
        return FittedData(found)
    if task == "forecast" or (task is None and "horizon" in values):
        refuse_missing_times(found)
    if task == "tag" and (columns := tagged_columns(found)) is not None:
        return tagged_table(found, *columns, by=values.get("by"))
    if task == "language":
        return language_texts(found, values)
    if task == "translate":
        return pairs_table(found, values)
    if task == "music":
        return FittedData(
            MemoryTexts(texts_of(found, one_column(found, ("tune", "abc", "text"))), found.kind)
        )
    return FittedData(found)


def refuse_missing_times(table: MemoryTable) -> None:
    """Refuse a single column of numbers as a series to forecast.

    Raises:
        UserError: where there are no times beside it.
    """
    if len(table.names) == 1 and all(
        is_missing(cell) or isinstance(cell, (int, float, np.number)) for cell in table.columns[0]
    ):
        raise UserError(
            f"The {table.kind} has the column {table.names[0]} alone; expected times beside it. Give an "
            "index of dates (DatetimeIndex), or a column of times."
        )


def renamed_like(table: MemoryTable, names: Mapping[str, Any]) -> MemoryTable:
    """The table with the column names of a run's training data, where a list gave it other ones.

    Args:
        table: with images or sounds in one column, and perhaps a text or label beside it.
        names: the settings of the run that name columns.
    """
    media = [
        place
        for place, cells in enumerate(table.columns)
        if any(item_kind(cell) in ("image", "sound") for cell in cells[:1])
    ]
    if len(media) != 1:
        return table
    changed = list(table.names)
    values = [place for place in range(len(changed)) if place != media[0]]
    for place, settings in ((media[0], ("audio", "image", "video")), (values[:1], VALUES)):
        where = place if isinstance(place, int) else next(iter(place), None)
        wanted = next((str(names[each]) for each in settings if names.get(each)), None)
        if where is not None and wanted is not None and wanted not in changed:
            if where == media[0] or len(values) == 1:  # of several, any would be a guess
                changed[where] = wanted
    return replace(table, names=tuple(changed))


def with_names_of(
    table: MemoryTable, names: Mapping[str, Any], settings: Iterable[str]
) -> MemoryTable:
    """The table with the names of a run's training data for columns that the user gave no name.

    Args:
        table: with columns that are named after settings: "text", "label".
        names: the settings of the run that name columns.
        settings: the names of the columns that are changed.
    """
    changed = list(table.names)
    for setting in settings:
        wanted = names.get(setting)
        if setting in changed and wanted and not wanted.isdigit() and wanted not in changed:
            changed[changed.index(setting)] = wanted
    return replace(table, names=tuple(changed))


def refuse_other_columns(
    table: MemoryTable, names: Mapping[str, str | None], named: Collection[str]
) -> None:
    """Refuse a table whose columns have names, and none is the one that a run reads.

    A column with a name that tells what it is may take the place of one that was guessed in training.

    Args:
        table: new data for a run.
        names: the columns of the run by their settings, "text" and "label".
        named: the settings that the user gave in training.

    Raises:
        UserError: with the column that is expected.
    """
    lower = [name.lower() for name in table.names]
    for setting, wanted in names.items():
        if wanted is None or wanted.isdigit() or wanted in table.names or table.numbered:
            continue
        known = first_named(lower, LABELS if setting == "label" else TEXTS, range(len(lower)))
        if setting in named or known is None:
            raise UserError(
                f"The {table.kind} has the columns {', '.join(table.names)[:80]}; expected the {setting} "
                f"in column {wanted!r}, as in training. Rename the column, or name another by "
                f"{setting}= (run.evaluate)."
            )


def in_columns_of(
    table: MemoryTable, names: Mapping[str, Any], settings: Sequence[str], named: Collection[str]
) -> dict[str, str]:
    """What the columns that a run reads are called in a table from Python.

    Where the user named no column in training, the only one that may be meant is read; that is told.

    Args:
        table: new data for a run, whose columns have names.
        names: the settings of the run that name columns.
        settings: which of them are read.
        named: the settings that the user gave in training.

    Raises:
        UserError: where a column is missing, and another one would be a guess.
    """
    found: dict[str, str] = {}
    for setting in settings:
        wanted = names.get(setting)
        if not isinstance(wanted, str) or wanted.isdigit() or table.numbered:
            continue
        found[setting] = wanted
        if wanted in table.names:
            continue
        taken = {name for name in (*names.values(), *found.values()) if isinstance(name, str)}
        possible = [
            name
            for name, cells in zip(table.names, table.columns, strict=True)
            if name not in taken and (is_text_column(cells) or is_list_column(cells))
        ]
        if len(table.names) == 1:
            possible = list(table.names)
        if len(possible) != 1 or (setting in named and len(table.names) > 1):
            change = "text= (run.evaluate)" if setting == "text" else None
            raise lacks_column(f"The {table.kind}", table.names, setting, wanted, change)
        read_in_place(f"The {table.kind}", setting, wanted, possible[0])
        found[setting] = possible[0]
    return found


def tagged_in(table: MemoryTable, word: str, tag: str | None) -> MemoryTable:
    """The columns of words and tags alone, under the names by which they are found.

    Args:
        table: of any columns.
        word: the column of the words.
        tag: the column of the tags; None where there is none.
    """
    places = [table.names.index(each) for each in (word, tag) if each is not None]
    kept = ("tokens", "tags")
    if not all(is_list_column(table.columns[k]) for k in places):
        others = [k for k in range(len(table.names)) if k not in places]
        sentence = first_named([name.lower() for name in table.names], SENTENCES, others)
        if sentence is None:
            return table
        places, kept = [*places, sentence], ("word", "tag")
    names = (*kept[: 1 if tag is None else 2], "sentence")[: len(places)]
    return replace(table, names=names, columns=tuple(table.columns[k] for k in places))


def is_text_column(cells: Sequence[Any]) -> bool:
    """Whether the cells that are looked at are texts, but for missing ones."""
    seen = [cell for cell in cells[:LOOK] if not is_missing(cell)]
    return bool(seen) and all(isinstance(cell, str) for cell in seen)


def is_list_column(cells: Sequence[Any]) -> bool:
    """Whether the cells are lists of texts or of labels."""
    seen = [cell for cell in cells[:LOOK] if not is_missing(cell)]
    return bool(seen) and all(
        not isinstance(cell, (str, Mapping)) and isinstance(cell, Iterable) for cell in seen
    )


def tagged_columns(
    table: MemoryTable, *, with_tags: bool = True
) -> tuple[int, int, int | None] | None:
    """The places of words, tags and, where a row is a word, of the sentence; None where they are not.

    Words and tags are columns of lists, or columns of words beside one that names the sentence.

    Args:
        table: of any columns.
        with_tags: whether there must be tags. False: their place may be that of the words.
    """
    lower = [name.lower() for name in table.names]
    lists = [place for place in range(len(lower)) if is_list_column(table.columns[place])]
    token = first_named(lower, TOKENS, lists)
    tag = first_named(lower, TAGS, [place for place in lists if place != token])
    if token is not None and tag is not None:
        return token, tag, None
    sentence = first_named(lower, SENTENCES, range(len(lower)))
    token = first_named(lower, ("word", "token", "words", "tokens", "form"), range(len(lower)))
    tag = first_named(lower, ("tag", "tags", "ner", "ner_tag", "label", "pos"), range(len(lower)))
    tag = token if tag is None and not with_tags else tag
    if sentence is None or token is None or tag is None or sentence in (token, tag):
        return None
    return token, tag, sentence


def first_named(names: Sequence[str], known: Sequence[str], among: Iterable[int]) -> int | None:
    """The place of the first known name among some places."""
    places = {names[place]: place for place in among}
    return next((places[name] for name in known if name in places), None)


def tagged_table(
    table: MemoryTable, token: int, tag: int, sentence: int | None, by: Any = None
) -> FittedData:
    """Lists of words with lists of their tags, one row for each sentence; and its group.

    Args:
        table: of any columns.
        token: the place of the words.
        tag: the place of the tags.
        sentence: the place of what names the sentence of a word; None where a row is a sentence.
        by: the column of the groups, by its name. Default: there are none.
    """
    words, tags = table.columns[token], table.columns[tag]
    groups = None if by is None else texts_of(table, named_place(table, by, "by"))
    index = table.index
    if sentence is not None:
        starts = sentence_starts(table.columns[sentence])
        ends = [*starts[1:], len(words)]
        words, tags = (
            [cells[a:b] for a, b in zip(starts, ends, strict=True)] for cells in (words, tags)
        )
        groups = None if groups is None else [groups[start] for start in starts]
        index = None
    message = (
        f"Words: column {table.names[token]}. Tags: column {table.names[tag]} (another one: give a frame "
        "with the columns tokens and tags alone)."
    )
    names: tuple[str, ...] = ("tokens", "tags")
    columns: tuple[list[Any], ...] = (words, tags)
    if groups is not None:
        names, columns = (*names, str(by)), (*columns, groups)
    fitted = replace(table, names=names, columns=columns, index=index)
    read = {"word": table.names[token], "tag": table.names[tag]}
    return FittedData(fitted, messages=(message,), read=read)


def sentence_starts(cells: Sequence[Any]) -> list[int]:
    """The rows on which sentences begin; an empty cell goes on with the one above it."""
    starts, current = [], None
    for row, cell in enumerate(cells):
        if row == 0 or (not is_missing(cell) and cell != current):
            starts.append(row)
        if not is_missing(cell):
            current = cell
    return starts


def language_texts(table: MemoryTable, values: Mapping[str, Any]) -> FittedData:
    """The texts of a column as documents; with a condition the column of the category too."""
    wanted, condition = values.get("text"), values.get("condition")
    place = (
        named_place(table, wanted, "text") if wanted is not None else text_place(table, condition)
    )
    said = (f"Text: column {table.names[place]} (text=).",) if len(table.names) > 1 else ()
    if condition is not None:
        other = named_place(table, condition, "condition")
        names = (table.names[place], table.names[other])
        fitted = replace(table, names=names, columns=(table.columns[place], table.columns[other]))
        return FittedData(fitted, {"text": names[0], "condition": names[1]}, said)
    read = {"text": table.names[place]}
    return FittedData(MemoryTexts(texts_of(table, place), table.kind), {"text": None}, said, read)


def text_place(table: MemoryTable, but: Any) -> int:
    """The column of texts: one with a known name, else the one with the longest texts.

    Raises:
        UserError: where no column holds texts.
    """
    places = [
        place
        for place, name in enumerate(table.names)
        if name != but and is_text_column(table.columns[place])
    ]
    if not places:
        raise UserError(
            f"The {table.kind} has no column of texts among {', '.join(table.names)[:120]}; expected one."
        )
    known = first_named([name.lower() for name in table.names], TEXTS, places)
    if known is not None:
        return known

    def letters(place: int) -> int:
        return sum(len(cell) for cell in table.columns[place][:LOOK] if isinstance(cell, str))

    return max(places, key=letters)


def pairs_table(table: MemoryTable, values: Mapping[str, Any]) -> FittedData:
    """The columns of source and target, by settings or names, else the first two texts; the group's."""
    source, target = values.get("source"), values.get("target")
    lower = [name.lower() for name in table.names]
    texts = [place for place in range(len(lower)) if is_text_column(table.columns[place])]
    left = named_place(table, source, "source") if source is not None else None
    right = named_place(table, target, "target") if target is not None else None
    if left is None:
        free = [place for place in texts if place != right]
        left = first_named(lower, SOURCES, free)
        left = left if left is not None or not free else free[0]
    if right is None:
        free = [place for place in texts if place != left]
        right = first_named(lower, TARGETS, free)
        right = right if right is not None or not free else free[0]
    if left is None or right is None:
        raise UserError(
            f"The {table.kind} has the columns {', '.join(table.names)[:120]}; expected two of texts. Name "
            "them by source= and target=."
        )
    names = (table.names[left], table.names[right])
    columns = [table.columns[left], table.columns[right]]
    group = values.get("by")
    if group is not None:
        columns.append(texts_of(table, named_place(table, group, "by")))
    kept = names if group is None else (*names, str(group))
    fitted = replace(table, names=kept, columns=tuple(columns))
    settings = {} if names == ("source", "target") else {"source": names[0], "target": names[1]}
    said = (
        () if len(table.names) == 2 else (f"Source: column {names[0]}. Target: column {names[1]}.",)
    )
    return FittedData(fitted, settings, said)


def one_column(table: MemoryTable, known: Sequence[str]) -> int:
    """The column with a known name, else the only one.

    Raises:
        UserError: where it is not clear which one is meant.
    """
    place = first_named([name.lower() for name in table.names], known, range(len(table.names)))
    if place is not None or len(table.names) == 1:
        return place or 0
    raise UserError(
        f"The {table.kind} has the columns {', '.join(table.names)[:120]}; expected one of "
        f"{', '.join(known)}, or a single column."
    )


def labelled_columns(table: MemoryTable, values: Mapping[str, Any]) -> dict[str, str]:
    """The names of the columns of text and label: no first row has to prove that it holds names.

    None where they are not columns of texts with labels, or of a table of media.
    """
    if values.get("id") is not None:
        return {}
    rows = [
        ["" if is_missing(cell) else str(cell) for cell in row]
        for row in zip(*(column[:LOOK] for column in table.columns), strict=True)
    ]
    found = find_columns(
        rows, f"The {table.kind}", values.get("text"), values.get("label"), names=table.names
    )
    chosen = {"text": found.text, "label": found.label}
    return {name: table.names[place] for name, place in chosen.items() if place is not None}
