"""Pairs of texts as a training set and a validation set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.split import count_shared, validation_groups, validation_rows
from unroll.errors import UserError
from unroll.tasks.translate.batches import EncodedPairs, SequenceArray
from unroll.tasks.translate.memory import TranslationMemory
from unroll.tasks.translate.pair_columns import PairNames
from unroll.tasks.translate.pairs import Pair, PairFile, open_further_pairs, open_pairs
from unroll.tasks.translate.preprocessor import PairPreprocessor, learn_preprocessor
from unroll.tasks.translate.settings import TranslateSettings

# pairs whose texts are kept: for the baseline, and as known pairs; of more they are read again
KEPT_TEXTS, KNOWN_PAIRS = 20_000, 500_000


@dataclass(frozen=True)
class TranslateData:
    """The training set and the validation set of a translator.

    Attributes:
        file: where the pairs are.
        preprocessor: the vocabularies.
        train: the training set as ids.
        valid: the validation set as ids.
        valid_pairs: the texts of the validation set, in order.
        training_pairs: texts of the training set, evenly spread over it, for the floor or the baseline.
        sha256: of the file and of the columns that are read.
        validation_set: what the validation set is, for people.
        messages: what was skipped, truncated and found twice, in sentences.
    """

    file: PairFile
    preprocessor: PairPreprocessor
    train: EncodedPairs
    valid: EncodedPairs
    valid_pairs: list[Pair]
    training_pairs: list[Pair]
    sha256: str
    validation_set: str
    messages: list[str]

    def joined(self) -> TranslateData:
        """The same data with the validation set in the training set too."""
        return replace(self, train=self.train.joined(self.valid))

    def with_floor(self, memory: TranslationMemory) -> TranslateData:
        """The same data with these known pairs in its preprocessor."""
        return replace(self, preprocessor=replace(self.preprocessor, floor=memory))


def read_pairs(
    path: str, settings: TranslateSettings, preprocessor: PairPreprocessor | None = None
) -> TranslateData:
    """Read the pairs at a path; many of them line by line and several times, so that any size fits.

    Args:
        path: a file of pairs, or of sources.
        settings: what to read, and how.
        preprocessor: the run's own. Default: learned from the training set.

    Raises:
        UserError: for a file without pairs, and for bad records that are not skipped.
    """
    file = open_pairs(path, settings.source, settings.target, settings.by)
    problems = Problems(settings.skip_bad)
    scan = ScannedPairs.of(file, problems)
    held = np.zeros(len(scan.hashes), dtype=bool)
    if settings.valid is None:
        held, where = scan.choose_validation(settings.by)
        valid_pairs = list(scan.pairs(held))
    else:
        where = settings.valid
        names = file.column_names()
        target = None if file.other else settings.target or names[1]
        run = PairNames(settings.source or names[0], target)
        other = open_further_pairs(settings.valid, run, target=settings.valid_target)
        valid_pairs = list(other.pairs(problems))
    training = ~held
    if not training.any() or not valid_pairs:
        raise UserError(
            f"{path} holds {counted(len(held), 'pair')}; the validation set has "
            f"{len(valid_pairs):,} and the training set {int(training.sum()):,}. Expected at least "
            "one in each. Give more pairs, or a validation set by --valid FILE."
        )
    if preprocessor is None:
        parallel = file.other is not None
        preprocessor = learn_preprocessor(lambda: scan.pairs(training), settings, parallel)
    train, messages = encode_training_set(scan.pairs(training), preprocessor, settings)
    if not len(train):
        raise UserError(
            f"Every pair of {path} is longer than max_length={settings.max_length}. Give a larger "
            "--set max_length=N."
        )
    kept = KEPT_TEXTS if settings.floor == "none" else KNOWN_PAIRS
    every = max(1, -(-len(held) // kept))
    trained = [each for each, chosen in zip(scan.hashes, training, strict=True) if chosen]
    return TranslateData(
        file=file,
        preprocessor=preprocessor,
        train=train,
        valid=encode_pairs(valid_pairs, preprocessor),
        valid_pairs=valid_pairs,
        training_pairs=list(islice(scan.pairs(training), 0, None, every)),
        sha256=file.sha256(),
        validation_set=where,
        messages=[
            *problems.messages(),
            *messages,
            describe_duplicates(trained, [PairHash.of(pair) for pair in valid_pairs]),
        ],
    )


@dataclass(frozen=True)
class ScannedPairs:
    """What a first reading of all pairs finds.

    Attributes:
        file: where the pairs are.
        hashes: of each pair.
        groups: of each pair, "" where there are none.
        kept: the first pairs; all of them, unless they are many.
    """

    file: PairFile
    hashes: list[PairHash]
    groups: list[str]
    kept: list[Pair]

    @classmethod
    def of(cls, file: PairFile, problems: Problems) -> ScannedPairs:
        """Read everything once, so that every bad record is found here."""
        scan = cls(file, [], [], [])
        for pair, group in file.grouped_pairs(problems):
            scan.hashes.append(PairHash.of(pair))
            scan.groups.append(group)
            if len(scan.kept) < KNOWN_PAIRS:
                scan.kept.append(pair)
        return scan

    def pairs(self, rows: np.ndarray) -> Iterator[Pair]:
        """The pairs whose row is true, bool [N]; bad records were reported before."""
        is_whole = len(self.kept) == len(self.hashes)
        pairs = self.kept if is_whole else self.file.pairs(Problems(skip=True))
        return (pair for pair, chosen in zip(pairs, rows, strict=True) if chosen)

    def choose_validation(self, by: str | None) -> tuple[np.ndarray, str]:
        """Which pairs are the validation set, bool [N], and what it is, for people.

        Args:
            by: the column of the groups, all of whose pairs are in one of the sets. Default: those of
                a tenth of the different sources.

        Raises:
            UserError: where the column has one group.
        """
        if by is None or not self.groups:
            held = choose_validation_rows([each.source for each in self.hashes])
            return held, f"a tenth of the different sources of {self.file.name}"
        held, groups = validation_groups(self.groups)
        out = len({group for group, chosen in zip(self.groups, held, strict=True) if chosen})
        return held, f"those of {out:,} of {groups:,} in column {by} of {self.file.name}"


def encode_pairs(pairs: list[Pair], preprocessor: PairPreprocessor) -> EncodedPairs:
    """Pairs as ids of vocabularies that exist."""
    return EncodedPairs(
        SequenceArray(preprocessor.source.encode(pair.source) for pair in pairs),
        SequenceArray(preprocessor.target.encode(pair.target) for pair in pairs),
    )


def encode_training_set(
    pairs: Iterator[Pair], preprocessor: PairPreprocessor, settings: TranslateSettings
) -> tuple[EncodedPairs, list[str]]:
    """Encode the training set; pairs that are too long are refused, truncated or skipped.

    Returns:
        The pairs as ids, and sentences on those that are too long.

    Raises:
        UserError: for a pair that is too long, where such pairs are refused.
    """
    most, sources, targets, long = settings.max_length, [], [], 0
    for pair in pairs:
        source, target = (
            preprocessor.source.encode(pair.source),
            preprocessor.target.encode(pair.target),
        )
        if most is not None and max(len(source), len(target)) > most:
            long += 1
            if settings.too_long == "refuse":
                raise UserError(
                    f"A pair has {len(source)} and {len(target)} tokens, with max_length={most}: "
                    f"{pair.source[:60]!r}. Give a larger --set max_length=N, or --set "
                    "too_long=leave_out or too_long=cut."
                )
            if settings.too_long == "leave_out":
                continue
            source, target = source[:most], target[:most]
        sources.append(source.astype(np.int32))
        targets.append(target.astype(np.int32))
    messages = []
    if long:
        verb = "truncated" if settings.too_long == "cut" else "skipped"
        one, many = "pair is longer than", "pairs are longer than"
        are = "is" if long == 1 else "are"
        messages.append(
            f"{counted(long, one, many)} {counted(most or 0, 'token')} and {are} {verb}."
        )
    return EncodedPairs(SequenceArray(sources), SequenceArray(targets)), messages


class PairHash(NamedTuple):
    """Content hashes of 64 bits, so that the texts need not stay in memory.

    Attributes:
        source: of the source.
        both: of source and target together.
    """

    source: int
    both: int

    @classmethod
    def of(cls, pair: Pair) -> PairHash:
        """The hashes of a pair."""
        return cls(content_hash(pair.source), content_hash("\t".join(pair)))


def content_hash(text: str) -> int:
    """64 bits of a hash of a text."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def choose_validation_rows(sources: Sequence[int]) -> np.ndarray:
    """Which pairs are the validation set: those of a tenth of the different sources.

    No source is then in both sets.

    Args:
        sources: a content hash of each pair's source.

    Returns:
        True for the pairs of the validation set, bool [N].
    """
    if not sources:
        return np.zeros(0, dtype=bool)
    distinct, place = np.unique(np.array(sources, dtype=np.uint64), return_inverse=True)
    chosen: np.ndarray = validation_rows(len(distinct))[place]
    return chosen


def describe_duplicates(train: list[PairHash], valid: list[PairHash]) -> str:
    """A sentence on the pairs of the validation set that the training set has too."""
    sources = count_shared([each.source for each in train], [each.source for each in valid])
    both = count_shared([each.both for each in train], [each.both for each in valid])
    return (
        f"Duplicates: {sources:,} of {counted(len(valid), 'validation pair')} have a source that is in "
        f"the training set too; {both:,} of them have the same target there."
    )
