"""Pairs of texts, read: a part to learn from and a held-out part, as ids."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unroll.data.pair_batches import EncodedPairs, Sequences
from unroll.data.pair_preprocessor import PairPreprocessor, learn_preprocessor
from unroll.data.pairs import Pair, PairFile, open_pairs
from unroll.data.problems import Problems
from unroll.data.split import count_shared, validation_rows
from unroll.data.vocabulary import UNKNOWN
from unroll.errors import UserError
from unroll.tasks.translate.settings import TranslateSettings

KNOWN = 20_000  # pairs of the training part whose texts are kept, for the baseline


@dataclass(frozen=True)
class PairCorpus:
    """file: where the pairs are. train, valid: ids. valid_pairs: the held-out texts, in order.
    known: texts of the training part, evenly from it. said: what was counted on the way."""

    file: PairFile
    preprocessor: PairPreprocessor
    train: EncodedPairs
    valid: EncodedPairs
    valid_pairs: list[Pair]
    known: list[Pair]
    sha256: str
    validation_set: str
    said: list[str]


def read_corpus(
    path: str, settings: TranslateSettings, preprocessor: PairPreprocessor | None = None
) -> PairCorpus:
    """The pairs at a path in two parts, read a line at a time, several times.

    preprocessor: the run's own; else it is learned from the training part.
    Raises: UserError for a file that has no pairs, and for bad records.
    """
    file = open_pairs(path, settings.source, settings.target)
    problems = Problems(settings.skip_bad)
    keys = [(key(pair.source), key("\t".join(pair))) for pair in file.pairs(problems)]
    if settings.valid is None:
        held = spread([source for source, _ in keys])
    else:
        held = np.zeros(len(keys), dtype=bool)

    def training() -> Iterator[Pair]:
        pairs = file.pairs(Problems(skip=True))
        return (pair for pair, out in zip(pairs, held, strict=True) if not out)

    if settings.valid is None:
        pairs = file.pairs(Problems(skip=True))
        valid_pairs = [pair for pair, out in zip(pairs, held, strict=True) if out]
        where = f"a tenth of the different sources of {file.name}"
    else:
        where = settings.valid
        target = settings.valid_target or (None if file.other else settings.target)
        valid_pairs = list(open_pairs(settings.valid, settings.source, target).pairs(problems))
    if len(keys) - int(held.sum()) < 1 or not valid_pairs:
        raise UserError(
            f"{path} holds {len(keys):,} pairs, {len(valid_pairs):,} held out; expected at least one "
            "to learn from and one held out. Give more pairs, or others to hold out by --valid FILE."
        )
    if preprocessor is None:
        preprocessor = learn_preprocessor(training, settings, file.other is not None)
    train, said = encoded_part(training(), preprocessor, settings)
    if not len(train):
        raise UserError(
            f"Every pair of {path} is longer than max_length={settings.max_length}. Give a larger "
            "--set max_length=N."
        )
    valid = encode(valid_pairs, preprocessor)
    every = max(1, len(keys) // KNOWN)
    known = [pair for n, pair in enumerate(training()) if n % every == 0]

    trained = [k for k, out in zip(keys, held, strict=True) if not out]
    repeated = [(key(pair.source), key("\t".join(pair))) for pair in valid_pairs]
    sources = count_shared([source for source, _ in trained], [source for source, _ in repeated])
    whole = count_shared([both for _, both in trained], [both for _, both in repeated])
    return PairCorpus(
        file=file,
        preprocessor=preprocessor,
        train=train,
        valid=valid,
        valid_pairs=valid_pairs,
        known=known,
        sha256=file.sha256(),
        validation_set=where,
        said=[
            *problems.messages(),
            *said,
            f"Duplicates: of {len(valid_pairs):,} held-out pairs {sources:,} have a source that is "
            f"also learned from, {whole:,} with the same target.",
        ],
    )


def encode(pairs: list[Pair], preprocessor: PairPreprocessor) -> EncodedPairs:
    """Further pairs in vocabularies that exist."""
    return EncodedPairs(
        Sequences(preprocessor.source.encode(pair.source) for pair in pairs),
        Sequences(preprocessor.target.encode(pair.target) for pair in pairs),
    )


def encoded_part(
    pairs: Iterator[Pair], preprocessor: PairPreprocessor, settings: TranslateSettings
) -> tuple[EncodedPairs, list[str]]:
    """The part to learn from, and what became of pairs that are too long.

    Raises: UserError for such a pair, where they are refused.
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
    what = "cut there" if settings.too_long == "cut" else "left out"
    said = [f"{long:,} pairs are longer than {most} tokens and {what}."] if long else []
    return EncodedPairs(Sequences(sources), Sequences(targets)), said


def unknown_rates(pairs: EncodedPairs) -> dict[str, float]:
    """The share of unknown tokens on each side."""
    sides = {"source": pairs.source.ids, "target": pairs.target.ids}
    return {
        name: float((ids == UNKNOWN).mean()) if len(ids) else 0.0 for name, ids in sides.items()
    }


def spread(sources: list[int]) -> np.ndarray:
    """Which records are held out: those of a tenth of the different sources, so that no source is
    in both parts."""
    if not sources:
        return np.zeros(0, dtype=bool)
    distinct, place = np.unique(np.array(sources, dtype=np.uint64), return_inverse=True)
    chosen: np.ndarray = validation_rows(len(distinct))[place]
    return chosen


def key(text: str) -> int:
    """64 bits that stand for a text."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")
