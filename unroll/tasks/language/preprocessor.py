"""The vocabulary of a language model, and the conditions that it was trained with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from unroll.data.vocabularies import load_vocabulary
from unroll.data.vocabulary import Vocabulary
from unroll.saved_files import are_unique, is_listed, read_record, refuse_unless
from unroll.tasks.language.floor import FLOOR, LanguageFloor

CATEGORIES = "categories.json"


@dataclass(frozen=True)
class LanguagePreprocessor:
    """Text to token ids and back.

    Attributes:
        vocabulary: text to ids and back, learned from the training set alone.
        categories: the conditions, by name; a condition's number is its place. Empty where the model has
            none.
        floor: the n-gram model that the network is mixed with. None: the network is alone.
    """

    vocabulary: Vocabulary
    categories: list[str]
    floor: LanguageFloor | None = None

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it, by name."""
        files = dict(self.vocabulary.files())
        if self.categories:
            files[CATEGORIES] = json.dumps(self.categories, ensure_ascii=False).encode()
        return files if self.floor is None else files | self.floor.files()

    @classmethod
    def load(cls, folder: Path) -> LanguagePreprocessor:
        """The preprocessor that a run folder holds.

        Raises:
            UserError: where the folder has no vocabulary that this version reads.
        """
        categories: list[str] = []
        if is_listed(folder, CATEGORIES):
            categories = read_record(folder, CATEGORIES, list[str])
            refuse_unless(are_unique(categories), folder / CATEGORIES, "each condition once")
        vocabulary, floor = load_vocabulary(folder), None
        if is_listed(folder, FLOOR):
            floor = LanguageFloor.load(folder, len(vocabulary))
        return cls(vocabulary, categories, floor)
