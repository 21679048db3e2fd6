"""What turns words and tags into numbers and back, learned from the training set of a tagger."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from pydantic import ConfigDict
from torch import Tensor

from unroll.data.characters import CharacterVocabulary
from unroll.data.vocabulary import UNKNOWN, most_frequent
from unroll.saved_files import STRICT, are_unique, read_record, refuse_unless
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.floor import TagFloor
from unroll.tasks.tag.kept_vectors import KeptVectors
from unroll.tasks.tag.raw_text import RawText
from unroll.tasks.tag.schemes import LETTERS, convert_tags

FILE = "tags.json"
ELSEWHERE = ("vectors", "floor", "raw")  # attributes with files of their own
UNSEEN = -1  # the number of a tag that the training set does not have
DIGITS = str.maketrans("123456789", "000000000")


@dataclass(frozen=True)
class TagPreprocessor:
    """From words and tags to numbers and back.

    Attributes:
        forms: each word as it is written in the training set: how often it occurs, and the number of
            its most frequent label, whatever its case.
        labels: the tags in the scheme that the network learns, in the order of its outputs.
        letters: those of the words.
        scheme: the scheme that the network learns; None where tags are not spans.
        file_scheme: the scheme of the file, in which predictions are written.
        universal: whether the file was CoNLL-U.
        fold: whether words that differ by case or digits alone share a vector.
        min_count: how often a word must occur to have a vector.
        vocabulary_size: how many words may have a vector; None: any number.
        vectors: pretrained vectors of words; None: there are none.
        floor: the simple model that the network is combined with; None: the network is alone.
        raw: character networks that were trained on raw text; None: there are none.
    """

    __pydantic_config__ = STRICT | ConfigDict(arbitrary_types_allowed=True)

    forms: dict[str, tuple[int, int]]
    labels: tuple[str, ...]
    letters: str
    scheme: str | None = None
    file_scheme: str | None = None
    universal: bool = False
    fold: bool = True
    min_count: int = 1
    vocabulary_size: int | None = None
    vectors: KeptVectors | None = None
    floor: TagFloor | None = None
    raw: RawText | None = None

    @classmethod
    def learn(
        cls,
        sentences: Sequence[Sentence],
        labels: Sequence[str],
        *,
        scheme: str | None = None,
        file_scheme: str | None = None,
        universal: bool = False,
        fold: bool = True,
        min_count: int = 1,
        vocabulary_size: int | None = None,
    ) -> TagPreprocessor:
        """From the training set.

        Args:
            sentences: with tags of any scheme.
            labels: every label, in `scheme`.
            scheme: as the attribute, like all further arguments.
            file_scheme: as the attribute.
            universal: as the attribute.
            fold: as the attribute.
            min_count: as the attribute.
            vocabulary_size: as the attribute.

        Raises:
            KeyError: where a tag is not one of the labels.
        """
        numbers = {label: k for k, label in enumerate(labels)}
        counts: Counter[str] = Counter()
        labelled: dict[str, Counter[int]] = {}
        for sentence in sentences:
            tags = sentence.tags or ()
            own = convert_tags(tags, scheme) if scheme else tags
            for word, tag in zip(sentence.words, own, strict=True):
                counts[word] += 1
                labelled.setdefault(word.lower(), Counter())[numbers[tag]] += 1
        usual = {word: most_frequent_label(of) for word, of in labelled.items()}
        forms = {word: (count, usual[word.lower()]) for word, count in counts.items()}
        # a letter of one word alone is unknown, so that the unknown letter is learned too
        letters = CharacterVocabulary.learn(forms, min_count=2).characters
        return cls(
            forms,
            tuple(labels),
            letters,
            scheme=scheme,
            file_scheme=file_scheme,
            universal=universal,
            fold=fold,
            min_count=min_count,
            vocabulary_size=vocabulary_size,
        )

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it, by name."""
        names = [field.name for field in fields(self) if field.name not in ELSEWHERE]
        record = {name: getattr(self, name) for name in names}
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        own = {FILE: text.encode("utf-8", "surrogatepass")}
        parts = (part for part in (self.vectors, self.floor, self.raw) if part is not None)
        return {
            **own,
            **{name: content for part in parts for name, content in part.files().items()},
        }

    @classmethod
    def load(cls, folder: Path) -> TagPreprocessor:
        """The preprocessor of a run folder.

        Raises:
            UserError: where its file is missing.
        """
        path = folder / FILE
        found = read_record(folder, FILE, cls)
        refuse_unless(found.labels and are_unique(found.labels), path, "labels, each once")
        refuse_unless(are_unique(found.letters), path, "each letter once")
        labels = range(len(found.labels))
        fits = all(count > 0 and label in labels for count, label in found.forms.values())
        refuse_unless(fits, path, "for each word a count and the number of a label")
        for scheme in (found.scheme, found.file_scheme):
            refuse_unless(scheme is None or scheme in LETTERS, path, "a scheme of tags")
        refuse_unless((found.scheme is None) == (found.file_scheme is None), path, "two schemes")
        vectors = KeptVectors.load(folder)
        floor = TagFloor.load(folder, found.labels, found.scheme, vectors)
        return replace(found, vectors=vectors, floor=floor, raw=RawText.load(folder))

    @cached_property
    def words(self) -> dict[str, int]:
        """The number of each word that has a vector, folded; 0 is the unknown word."""
        kept = most_frequent(self._folded_counts, self.min_count, self.vocabulary_size)
        return {word: k for k, word in enumerate(kept, UNKNOWN + 1)}

    @property
    def counts(self) -> Tensor:
        """How often each word occurs, float32 [len(words) + 1]; the unknown word infinitely often."""
        return torch.tensor([torch.inf, *(self._folded_counts[word] for word in self.words)])

    @cached_property
    def _folded_counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for form, (count, _) in self.forms.items():
            counts[self.fold_word(form)] += count
        return counts

    @cached_property
    def alphabet(self) -> CharacterVocabulary:
        """The vocabulary of the letters."""
        return CharacterVocabulary(self.letters)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each label."""
        return {label: k for k, label in enumerate(self.labels)}

    def fold_word(self, word: str, fold: bool | None = None) -> str:
        """The word in lower case with every digit as 0, where words are folded.

        fold: whether they are. Default: as the attribute.
        """
        fold = self.fold if fold is None else fold
        return word.lower().translate(DIGITS) if fold else word

    def tags(self, labels: Iterable[int]) -> list[str]:
        """The tags of a sentence, in the scheme of the file, from label numbers."""
        tags = [self.labels[k] for k in labels]
        return convert_tags(tags, self.file_scheme) if self.file_scheme else tags

    def label_numbers(self, tags: Sequence[str]) -> np.ndarray:
        """The label numbers of a sentence, int64 [T], from tags of any scheme.

        A tag that the training set does not have is `UNSEEN`.
        """
        own = convert_tags(tags, self.scheme) if self.scheme else tags
        return np.array([self.numbers.get(tag, UNSEEN) for tag in own], dtype=np.int64)

    def knows_tags(self, sentence: Sentence) -> bool:
        """Whether the training set has every tag of a sentence."""
        return bool((self.label_numbers(sentence.tags or ()) != UNSEEN).all())

    def most_frequent_tags(self, words: Sequence[str]) -> list[str]:
        """The baseline: each word gets its most frequent tag, whatever its case.

        An unknown word gets that of the words that occur once: of those that begin with a capital, if
        it does, or of the others.
        """
        known = (self._usual_labels.get(word.lower()) for word in words)
        return self.tags(
            self._rare_labels[word[:1].isupper()] if label is None else label
            for word, label in zip(words, known, strict=True)
        )

    @cached_property
    def _usual_labels(self) -> dict[str, int]:
        return {form.lower(): label for form, (_, label) in self.forms.items()}

    @cached_property
    def _rare_labels(self) -> dict[bool, int]:
        """The most frequent label of the rarest words, by whether they begin with a capital."""
        counts: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
        rare = min(count for count, _ in self.forms.values())
        for word, (count, label) in self.forms.items():
            if count == rare:
                counts[word[:1].isupper()][label] += 1
        every = most_frequent_label(counts[True] + counts[False])
        return {capital: most_frequent_label(of) if of else every for capital, of in counts.items()}


def most_frequent_label(labels: Counter[int]) -> int:
    """The most frequent label number; of several, the smallest."""
    return min(labels, key=lambda k: (-labels[k], k))
