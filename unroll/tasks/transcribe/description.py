"""What was read of recordings and lines, in sentences, each choice with the flag that changes it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from unroll.counting import counted
from unroll.tasks.transcribe.reader import Transcribed
from unroll.tasks.transcribe.settings import TranscribeSettings


def as_read(data: Transcribed, settings: TranscribeSettings) -> list[str]:
    """What was read and guessed, and the steps that a network makes of it."""
    preprocessor, train, valid = data.preprocessor, data.train, data.valid
    said = [*data.told]
    said += [f"Guessed: {', '.join(data.table.said)}."] if data.table.said else []
    said.append(
        f"{counted(len(train), preprocessor.thing)} to learn from; held out: {data.validation_set}, "
        f"{counted(len(valid), preprocessor.thing)} (--valid FILE)."
    )
    shown = " ".join(
        repr(token) if preprocessor.units == "char" else token for token in preprocessor.tokens[:12]
    )
    many = counted(len(preprocessor.tokens), f"different {preprocessor.units_name[:-1]}")
    said.append(
        f"{many} (--set units=char|word): {shown}"
        + (" ..." if len(preprocessor.tokens) > 12 else "")
        + ("; case dropped." if preprocessor.lower else ".")
    )
    strange = Counter(
        unit
        for item in valid.items
        for unit in preprocessor.split(item.text)
        if unit not in preprocessor.number
    )
    if strange:
        most = ", ".join(repr(unit) for unit, _ in strange.most_common(5))
        said.append(f"Held out stand {preprocessor.units_name} that cannot be found: {most}.")
    said += heard_as(data)
    ways = "both ways" if settings.both_ways else "one way"
    if settings.streaming:
        ways += ", never ahead: it can stream"
    median = counted(int(np.median(train.lengths)) // preprocessor.subsample, "step")
    said.append(
        f"{counted(preprocessor.subsample, 'frame makes', 'frames make')} a step (--set subsample=N), so "
        f"half of the {preprocessor.thing}s have {median} or fewer; read {ways} (--set bidirectional, "
        "streaming)."
    )
    return said


def heard_as(data: Transcribed) -> list[str]:
    """How sounds become features, in sentences; nothing of images and strokes."""
    preprocessor = data.preprocessor
    if preprocessor.mel is None:
        return []
    said, rate = [], preprocessor.mel.rate
    others = sum(count for other, count in data.rates.items() if other != rate)
    if others:
        named = " or ".join(f"{other:,} Hz" for other in sorted(data.rates) if other != rate)
        said.append(
            f"{counted(others, 'sound has', 'sounds have')} {named}, resampled to {rate:,} Hz "
            "(--set rate=N)."
        )
    if data.mixed:
        several = counted(data.mixed, "sound has", "sounds have")
        said.append(f"{several} several channels, mixed to one.")
    by = {"utterance": "recording", "speaker": "speaker", "corpus": "corpus"}[
        preprocessor.normalise
    ]
    said.append(
        f"{preprocessor.mel.bands} mel bands of {rate:,} Hz, a frame every {1000 * preprocessor.mel.hop:g} ms "
        f"(--set bands, rate, hop), scaled over each {by} (--set normalise=...)."
    )
    if preprocessor.mel.deaf:
        said.append(
            f"{counted(preprocessor.mel.deaf, 'of the bands hears', 'of the bands hear')} nothing: there "
            "are more than the window can tell apart. Fewer --set bands, or a longer --set window."
        )
    return said
