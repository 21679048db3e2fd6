"""What was read of recordings and lines, in sentences, each choice with the flag that changes it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from unroll.counting import counted
from unroll.data.transcribed import Transcribed
from unroll.settings.transcribe import TranscribeSettings


def as_read(data: Transcribed, settings: TranscribeSettings) -> list[str]:
    """What was read and guessed, and the steps that a network makes of it."""
    codec, train, valid = data.codec, data.train, data.valid
    said = [*data.told]
    said += [f"Guessed: {', '.join(data.table.said)}."] if data.table.said else []
    said.append(
        f"{counted(len(train), codec.thing)} to learn from; held out: {data.held_out}, "
        f"{counted(len(valid), codec.thing)} (--valid FILE)."
    )
    shown = " ".join(repr(token) if codec.units == "char" else token for token in codec.tokens[:12])
    many = counted(len(codec.tokens), f"different {codec.units_name[:-1]}")
    said.append(
        f"{many} (--set units=char|word): {shown}"
        + (" ..." if len(codec.tokens) > 12 else "")
        + ("; case dropped." if codec.lower else ".")
    )
    strange = Counter(
        unit for item in valid.items for unit in codec.split(item.text) if unit not in codec.number
    )
    if strange:
        most = ", ".join(repr(unit) for unit, _ in strange.most_common(5))
        said.append(f"Held out stand {codec.units_name} that cannot be found: {most}.")
    said += heard_as(data)
    ways = "both ways" if settings.both_ways else "one way"
    if settings.streaming:
        ways += ", never ahead: it can stream"
    median = counted(int(np.median(train.lengths)) // codec.subsample, "step")
    said.append(
        f"{counted(codec.subsample, 'frame makes', 'frames make')} a step (--set subsample=N), so "
        f"half of the {codec.thing}s have {median} or fewer; read {ways} (--set bidirectional, "
        "streaming)."
    )
    return said


def heard_as(data: Transcribed) -> list[str]:
    """How sounds become features, in sentences; nothing of images and strokes."""
    codec = data.codec
    if codec.mel is None:
        return []
    said, rate = [], codec.mel.rate
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
    by = {"utterance": "recording", "speaker": "speaker", "corpus": "corpus"}[codec.normalise]
    said.append(
        f"{codec.mel.bands} mel bands of {rate:,} Hz, a frame every {1000 * codec.mel.hop:g} ms "
        f"(--set bands, rate, hop), scaled over each {by} (--set normalise=...)."
    )
    if codec.mel.deaf:
        said.append(
            f"{counted(codec.mel.deaf, 'of the bands hears', 'of the bands hear')} nothing: there "
            "are more than the window can tell apart. Fewer --set bands, or a longer --set window."
        )
    return said
