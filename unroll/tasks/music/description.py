"""What was read of tunes and learned from them, in sentences and as a report on data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.split import count_shared
from unroll.tasks.music.abc import field_value
from unroll.tasks.music.abc_bars import odd_bars, read_bars
from unroll.tasks.music.batches import TuneBatches
from unroll.tasks.music.metrics import UNITS, count_units
from unroll.tasks.music.preprocessor import ABC, MusicPreprocessor
from unroll.tasks.music.reader import (
    MusicData,
    count_multitrack,
    count_untransposable,
    read_tunes,
)
from unroll.tasks.music.settings import MusicSettings
from unroll.training.budget import network_seconds
from unroll.training.sizes_for_seconds import may_choose_size

LISTED_KEYS, LISTED_METRES = 8, 6


def describe(data: MusicData, settings: MusicSettings) -> list[str]:
    """Sentences on what was read and chosen, each choice with the flag that changes it."""
    preprocessor = data.preprocessor
    texts, valid = [tune.text for tune in data.train], [tune.text for tune in data.valid]
    sentences = [
        *data.messages,
        f"Training set: {counted(len(texts), 'tune')}. Validation set: {data.validation_set}, "
        f"{counted(len(valid), 'tune')} (--valid FILE).",
    ]
    if preprocessor.notation == ABC:
        keys = list(preprocessor.keys.items())
        listed = ", ".join(f"{name} {n:,}" for name, n in keys[:LISTED_KEYS])
        more = ", ..." if len(keys) > LISTED_KEYS else ""
        sentences.append(f"Keys: {listed}{more}; metres: {describe_metres(texts)}.")
    elif data.multitrack:
        have = counted(data.multitrack, "tune has", "tunes have")
        sentences.append(
            f"{have} several tracks: all tracks are kept, one after another, and notes that sound "
            "together are kept too."
        )
    sentences.append(
        f"Tokens: {counted(len(preprocessor.tokens), 'piece')} seen {settings.min_count} times or more "
        "(--set min_count=N), and characters, which spell all other pieces."
    )
    if settings.transpose:
        stay = counted(
            data.untransposable,
            "tune cannot be transposed and stays as it is",
            "tunes cannot be transposed and stay as they are",
        )
        sentences.append(
            f"{settings.transpose:.0%} of the tunes are read in another key, drawn again each time "
            f"(--set transpose=0 turns this off); {stay}."
        )
    if may_choose_size(settings):
        sentences.append(
            f"Units, dropout and learning rate that were not given fit "
            f"{network_seconds(settings):g} seconds of this machine and these tunes (--hidden, "
            "--set dropout=P learning_rate=R)."
        )
    # a token has a byte at least
    may_divide = max(len(text.encode()) for text in texts) >= settings.longest
    if may_divide and (divided := TuneBatches(texts, preprocessor, settings).divided):
        sentences.append(
            f"{counted(divided, 'tune is', 'tunes are')} longer than {settings.longest:,} tokens and "
            "are split (--set longest=N)."
        )
    if shared := count_shared(texts, valid):
        sentences.append(
            f"{counted(shared, 'tune of the validation set is', 'tunes of the validation set are')} in "
            "the training set too."
        )
    return sentences


def describe_metres(texts: Sequence[str]) -> str:
    """How often the metres of tunes in ABC occur, the most frequent first."""
    counts = Counter(field_value(text, "M") or "none" for text in texts)
    return ", ".join(f"{name} {n:,}" for name, n in counts.most_common(LISTED_METRES))


def check_report(path: str, settings: MusicSettings) -> dict[str, object]:
    """What `unroll data check` reports: tunes, keys, metres, bars that do not add up, bad records.

    Raises:
        UserError: where the path holds no tunes at all.
    """
    problems = Problems(skip=True)
    notation, tunes = read_tunes(path, problems)
    texts = [tune.text for tune in tunes]
    report: dict[str, object] = {"notation": notation, "tunes": len(tunes)}
    if texts:
        preprocessor = MusicPreprocessor.learn(texts, notation, settings.min_count)
        sizes = [len(preprocessor.encode(text)) for text in texts]
        report |= {
            "size": counted(count_units(texts, notation), UNITS[notation]),
            "lengths": {"median": float(np.median(sizes)), "longest": max(sizes), "unit": "tokens"},
            "cannot_be_transposed": count_untransposable(texts, preprocessor),
            "duplicates": len(texts) - len(set(texts)),
        }
        if notation == ABC:
            report |= {"keys": preprocessor.keys, "metres": describe_metres(texts)}
            report["bars"] = describe_bars(texts)
        else:
            report["several_tracks"] = count_multitrack(texts)
    report["bad"] = problems.count
    report["problems"] = [sentence.strip() for sentence in problems.messages()[1:]]
    return report


def describe_bars(texts: Sequence[str]) -> str:
    """How many bars there are, and how many do not have the length of their metre."""
    total = odd = 0
    for text in texts:
        for voice in read_bars(text):
            total += len(voice)
            odd += len(odd_bars(voice))
    return f"{total:,}, of which {odd:,} do not have the length of their metre (pickups excepted)"
