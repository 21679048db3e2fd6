"""What turns labelled texts or numbers into what the classifier reads, and classes into labels.

T time, F columns, K classes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from unroll.data.bpe import BPEVocabulary
from unroll.data.characters import CharacterVocabulary
from unroll.data.class_labels import ClassNumbers, different_classes
from unroll.data.records import Record
from unroll.data.series import LARGEST, Scaler, number
from unroll.data.vocabularies import BPE_SIZE, LOOK, load_vocabulary
from unroll.data.vocabulary import Vocabulary
from unroll.data.words import WORD_OR_MARK, WordVocabulary, punctuation_is_separate
from unroll.errors import UserError
from unroll.saved_files import STRICT, are_unique, is_listed, read_record, refuse_unless
from unroll.tasks.classify.counts import FILE as COUNTS_FILE
from unroll.tasks.classify.counts import NgramCounts
from unroll.tasks.classify.floor import FILE as FLOOR_FILE
from unroll.tasks.classify.floor import ClassifyFloor
from unroll.tasks.classify.settings import ClassifySettings
from unroll.tasks.classify.source import ClassifySource

FILE = "classes.json"
SPLIT_RECORDS = 1000  # records that decide where words end
MOST_TOKENS, MOST_ROWS = 400, 4000  # steps of a sequence that are read: of a text, of numbers


@dataclass
class ScalerRecord:
    """What the file holds of the scales of numbers.

    Attributes:
        names: of the columns.
        mean: of each column.
        deviation: of each column.
    """

    __pydantic_config__ = STRICT

    names: list[str]
    mean: list[float]
    deviation: list[float]

    def fits(self) -> bool:
        """Whether each column has a mean and a deviation."""
        columns = len(self.names)
        same = columns == len(self.mean) == len(self.deviation)
        return same and columns > 0 and min(self.deviation) > 0


@dataclass
class ClassRecord:
    """What the file holds; the attributes are those of the preprocessor.

    Attributes:
        classes: the labels.
        several: whether a record may have any number of labels.
        split: where words end.
        lower: whether text is lowercased.
        longest: how many steps of a sequence are read.
        scaler: the scales of numbers.
    """

    __pydantic_config__ = STRICT

    classes: list[str]
    several: bool = False
    split: Literal["spaces", "punctuation"] = "spaces"
    lower: bool = True
    longest: Annotated[int, Field(ge=1)] = 400
    scaler: ScalerRecord | None = None


@dataclass(frozen=True)
class ClassifyPreprocessor:
    """From texts or numbers, and labels, to what a network reads, and back.

    Learned from the training set; the run folder keeps it.

    Attributes:
        classes: the labels, in the order of the network's outputs.
        multi_label: whether a record may have any number of labels.
        vocabulary: the tokens of texts; None where the records are numbers.
        scaler: the scales of numbers; None where the records are texts.
        split: where words end: "spaces", or "punctuation" for also at punctuation.
        lower: whether text is lowercased.
        longest: how many steps of a sequence are read.
        counts: the scores by counting that are added to the network's; None where there are none.
        floor: the simple model; None where there is none.
        class_numbers: the place of each label in `classes`; 1.0 is the label 1.
    """

    classes: list[str]
    multi_label: bool = False
    vocabulary: Vocabulary | None = None
    scaler: Scaler | None = None
    split: str = "spaces"
    lower: bool = True
    longest: int = MOST_TOKENS
    counts: NgramCounts | None = field(default=None, compare=False)
    floor: ClassifyFloor | None = field(default=None, compare=False)
    class_numbers: ClassNumbers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_numbers", ClassNumbers(self.classes))

    @property
    def inputs(self) -> int:
        """Tokens of the vocabulary, or columns of the numbers."""
        if self.scaler is not None:
            return len(self.scaler.names)
        return 0 if self.vocabulary is None else len(self.vocabulary)

    @property
    def record_unit(self) -> str:
        """What a record is, for people: "texts" or "sequences"."""
        return "sequences" if self.vocabulary is None else "texts"

    @property
    def step_unit(self) -> str:
        """What a step of a record is, for people: "words", "characters", "tokens" or "rows"."""
        if self.vocabulary is None:
            return "rows"
        return {"char": "characters", "word": "words", "bpe": "tokens"}[self.vocabulary.level]

    def check_input(self, input: object) -> str | np.ndarray:
        """An input that `encode` takes: a text, or numbers float64 [T, F].

        Args:
            input: a text; or rows of numbers, as a list, an array, or JSON.

        Raises:
            UserError: for anything else.
        """
        if self.scaler is None:
            if not isinstance(input, str) or not input.strip():
                raise UserError(f"Got {input!r} to classify; expected a text with words in it.")
            return input
        names = self.scaler.names
        try:
            rows = json.loads(input) if isinstance(input, str) else input
            values = np.asarray(rows, dtype=np.float64)
        except (ValueError, TypeError):
            values = np.zeros(0)
        if values.ndim == 1 and len(names) == 1:
            values = values[:, None]
        is_table = values.ndim == 2 and len(values) > 0 and values.shape[1] == len(names)
        if is_table and (np.abs(values) <= LARGEST).all():
            return values
        raise UserError(
            f"Got {str(input)[:60]!r} to classify; expected rows of {len(names)} finite numbers "
            f"({', '.join(names)}), as JSON: [[...], [...]]."
        )

    def encode(self, value: Any) -> np.ndarray:
        """All steps of a text, ids int64 [T]; or of numbers [T, F], scaled float32 [T, F]."""
        if self.scaler is not None:
            return self.scaler(value)
        if self.vocabulary is None:
            return np.zeros(0, dtype=np.int64)
        return self.vocabulary.encode(
            prepare_text(value, self.vocabulary.level, self.split, self.lower)
        )

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text, each as it is written in the prepared text."""
        if self.vocabulary is None:
            return []
        level = self.vocabulary.level
        text = prepare_text(text, level, self.split, self.lower)
        if level == "word":
            return text.split(" ")
        if level == "char":
            return list(text)
        return [self.vocabulary.name(int(id)) for id in self.vocabulary.encode(text)]

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it, by name."""
        record: dict[str, Any] = {
            "classes": self.classes,
            "several": self.multi_label,
            "split": self.split,
            "lower": self.lower,
            "longest": self.longest,
        }
        if self.scaler is not None:
            record["scaler"] = vars(self.scaler)
        text = json.dumps(record, ensure_ascii=False, indent=0)
        files = {FILE: text.encode("utf-8", "surrogatepass")}
        if self.counts is not None:
            files[COUNTS_FILE] = self.counts.to_bytes()
        if self.floor is not None:
            files[FLOOR_FILE] = self.floor.to_bytes()
        return files if self.vocabulary is None else {**files, **self.vocabulary.files()}

    @classmethod
    def load(cls, folder: Path) -> ClassifyPreprocessor:
        """The preprocessor of a run folder.

        Raises:
            UserError: where a file of it is missing.
        """
        path = folder / FILE
        record = read_record(folder, FILE, ClassRecord)
        refuse_unless(record.classes and are_unique(record.classes), path, "classes, each once")
        kept = vars(record)
        several, scales = kept.pop("several"), kept.pop("scaler")
        K, scaler, vocabulary, counts = len(record.classes), None, None, None
        if scales is not None:
            refuse_unless(scales.fits(), path, "a mean and a deviation above 0 for each column")
            scaler = Scaler(**vars(scales))
        else:
            vocabulary = load_vocabulary(folder)
            if is_listed(folder, COUNTS_FILE):
                counts = NgramCounts.load(folder, len(vocabulary), K, several)
        columns = None if scaler is None else len(scaler.names)
        return cls(
            **kept,
            multi_label=several,
            scaler=scaler,
            vocabulary=vocabulary,
            counts=counts,
            floor=load_floor(folder, K, columns, several),
        )


def load_floor(
    folder: Path, classes: int, columns: int | None, multi_label: bool
) -> ClassifyFloor | None:
    """The simple model that a run folder holds, or None.

    Args:
        folder: the run folder.
        classes: K.
        columns: F, where the records are numbers.
        multi_label: whether a record may have several classes.
    """
    if not is_listed(folder, FLOOR_FILE):
        return None
    return ClassifyFloor.load(folder, classes, columns, multi_label)


def learn_preprocessor(
    records: Callable[[], Iterator[Record]],
    labels: list[tuple[str, ...]],
    settings: ClassifySettings,
    source: ClassifySource,
) -> ClassifyPreprocessor:
    """The preprocessor of a training set, still without counts.

    Args:
        records: reads the training set from its start.
        labels: those of every record, of the validation set too.
        settings: what a token is, and how many there may be.
        source: where the records come from; says whether they are numbers.
    """
    classes = sorted(
        different_classes(label for each in labels for label in each),
        key=lambda name: (number(name) is None, number(name) or 0.0, name),
    )
    multi_label = settings.separator is not None or any(len(each) != 1 for each in labels)
    if source.number_columns is not None:
        scaler = Scaler.learn(list(source.number_columns), (each.value for each in records()))
        longest = settings.longest or MOST_ROWS
        return ClassifyPreprocessor(classes, multi_label, scaler=scaler, longest=longest)
    split = settings.split
    if split == "auto":
        head = "\n".join(each.value for each in islice(records(), SPLIT_RECORDS))[:LOOK]
        split = "spaces" if punctuation_is_separate(head) else "punctuation"
    return ClassifyPreprocessor(
        classes,
        multi_label,
        vocabulary=learn_text_vocabulary(
            (prepare_text(each.value, settings.level, split, settings.lower) for each in records()),
            settings,
        ),
        split=split,
        lower=settings.lower,
        longest=settings.longest or MOST_TOKENS,
    )


def learn_text_vocabulary(texts: Iterator[str], settings: ClassifySettings) -> Vocabulary:
    """The vocabulary of prepared texts, of the kind and size that the settings name."""
    size = settings.vocabulary_size
    if settings.level == "char":
        return CharacterVocabulary.learn(texts, settings.min_count, size)
    if settings.level == "bpe":
        return BPEVocabulary.learn(texts, size or BPE_SIZE, settings.min_count)
    return WordVocabulary.learn(texts, settings.min_count, size, "spaces")


def prepare_text(text: str, level: str, split: str, lower: bool) -> str:
    """A text as its vocabulary reads it; words are separated by single spaces.

    Args:
        text: as written.
        level: "word", "char" or "bpe".
        split: where words end: "spaces", or "punctuation" for also at punctuation.
        lower: whether the text is lowercased.
    """
    if lower:
        text = text.lower()
    if level != "word":
        return text
    return " ".join(WORD_OR_MARK.findall(text) if split == "punctuation" else text.split())
