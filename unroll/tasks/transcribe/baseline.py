"""The baseline of a run: its most frequent training text, and hashes of the training set."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from unroll.saved_files import Damaged, parse_record
from unroll.tasks.transcribe.batches import TranscribeDataset, TranscribeRecord
from unroll.training.folder import damaged_baseline, read_baseline

FILE = "baseline.json"
HASH_DIGITS = 16


@dataclass(frozen=True)
class TranscribeBaseline:
    """What a run knows of its training set.

    Attributes:
        most_frequent: the most frequent text.
        content_hashes: of the files, the first digits of each.
    """

    most_frequent: str
    content_hashes: frozenset[str]

    def count_known(self, records: list[TranscribeRecord]) -> int:
        """How many of these records are in the training set too."""
        return sum(short_hash(record) in self.content_hashes for record in records)


def short_hash(record: TranscribeRecord) -> str:
    """The first digits of a record's content hash."""
    return record.content_hash[:HASH_DIGITS]


def fit_baseline(train: TranscribeDataset) -> dict[str, bytes]:
    """The file of the baseline of this training set, for the run folder."""
    texts = Counter(train.preprocessor.normalise_text(record.text) for record in train.records)
    content = {
        # the keys are those of the first version of the format
        "commonest": min(texts, key=lambda text: (-texts[text], text)),
        "train": sorted({short_hash(record) for record in train.records}),
    }
    return {FILE: json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")}


@dataclass
class BaselineRecord:
    """What the file holds.

    Attributes:
        commonest: the most frequent text.
        train: a hash of each record of the training set.
    """

    commonest: str
    train: list[str]


def load_baseline(path: Path) -> TranscribeBaseline:
    """The baseline of a run folder.

    Raises:
        UserError: where its file is damaged.
    """
    content = read_baseline(path, FILE)
    try:
        record = parse_record(content, BaselineRecord, path / FILE)
    except Damaged as damage:
        raise damaged_baseline(damage) from damage
    return TranscribeBaseline(record.commonest, frozenset(record.train))
