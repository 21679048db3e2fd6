"""What a run reports about its data: at the start of training, and in `unroll data check`."""

from __future__ import annotations

from collections import Counter

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.tasks.transcribe.defaults import EPOCHS, count_speakers, hours
from unroll.tasks.transcribe.people import are_known
from unroll.tasks.transcribe.reader import TranscribeData
from unroll.tasks.transcribe.settings import TranscribeSettings

LISTED_TOKENS, LISTED_UNKNOWN = 12, 5
REPORTED_TOKENS = 100


def describe(data: TranscribeData, settings: TranscribeSettings) -> list[str]:
    """Sentences on the data, the features and the steps, each choice with the flag that changes it."""
    lines = [
        *data.warnings,
        *describe_records(data),
        *describe_sounds(data),
        *describe_perturbation(data, settings),
        describe_steps(data, settings),
        describe_floor(data, settings),
    ]
    if settings.epochs == EPOCHS:
        lines.append(f"Small data set: {EPOCHS} epochs (--seconds, --steps or --epochs).")
    return lines


def describe_records(data: TranscribeData) -> list[str]:
    """Sentences on the records and their texts."""
    preprocessor, train, valid = data.preprocessor, data.train, data.valid
    name = preprocessor.record_name
    lines = [f"Guessed: {', '.join(data.table.guesses)}."] if data.table.guesses else []
    lines.append(
        f"Training set: {counted(len(train), name)}. Validation set: {data.validation_set}, "
        f"{counted(len(valid), name)} (--valid FILE)."
    )
    listed = preprocessor.tokens[:LISTED_TOKENS]
    tokens = " ".join(repr(token) if preprocessor.units == "char" else token for token in listed)
    many = counted(len(preprocessor.tokens), f"different {preprocessor.units_name[:-1]}")
    lines.append(
        f"{many} (--set units=char|word): {tokens}"
        + (" ..." if len(preprocessor.tokens) > LISTED_TOKENS else "")
        + ("; converted to lower case." if preprocessor.lower else ".")
    )
    unknown = Counter(
        unit
        for record in valid.records
        for unit in preprocessor.split(record.text)
        if unit not in preprocessor.number
    )
    if unknown:
        most = ", ".join(repr(unit) for unit, _ in unknown.most_common(LISTED_UNKNOWN))
        lines.append(
            f"The validation set has {preprocessor.units_name} that are not in the training set and "
            f"cannot be recognised: {most}."
        )
    return lines


def describe_sounds(data: TranscribeData) -> list[str]:
    """Sentences on the features of sounds; none for images and strokes."""
    mel = data.preprocessor.mel
    if mel is None:
        return []
    lines = []
    others = sum(count for rate, count in data.rates.items() if rate != mel.rate)
    if others:
        rates = " or ".join(f"{rate:,} Hz" for rate in sorted(data.rates) if rate != mel.rate)
        lines.append(
            f"{counted(others, 'sound has', 'sounds have')} {rates}, resampled to {mel.rate:,} Hz "
            "(--set rate=N)."
        )
    if data.mixed:
        several = counted(data.mixed, "sound has", "sounds have")
        lines.append(f"{several} several channels, mixed to one.")
    over = {
        "utterance": "each recording",
        "speaker": "the recordings of each speaker",
        "corpus": "the training set",
    }[data.preprocessor.normalise]
    lines.append(
        f"Features: {mel.bands} mel bands at {mel.rate:,} Hz, one frame every {1000 * mel.hop:g} ms "
        f"(--set bands, rate, hop), scaled over {over} (--set normalise=...)."
    )
    if mel.empty_bands:
        lines.append(
            f"{counted(mel.empty_bands, 'band is', 'bands are')} always silent: the window is too "
            "short to separate so many bands. Use fewer --set bands, or a longer --set window."
        )
    return lines


def describe_perturbation(data: TranscribeData, settings: TranscribeSettings) -> list[str]:
    """A sentence on how training changes sounds; none for images and strokes."""
    if data.preprocessor.mel is None:
        return []
    speakers, length = count_speakers(data), hours(data)
    of = "unknown speakers" if speakers is None else counted(speakers, "speaker")
    words = {"speed": "speed", "pitch": "pitch", "vocal_tract": "vocal tract"}
    by = [f"{word} by {getattr(settings, name) or 0:.0%}" for name, word in words.items()]
    return [
        f"Training changes sounds as {of} in {length:.2g} hours need: {', '.join(by)} at most, noise in "
        f"{settings.noise or 0:.0%}, stripes of {settings.masks or 0:.0%} masked (--set speed, pitch, "
        "vocal_tract, noise, masks)."
    ]


def describe_steps(data: TranscribeData, settings: TranscribeSettings) -> str:
    """A sentence on the steps of the network."""
    preprocessor = data.preprocessor
    direction = "in both directions" if settings.both_ways else "forwards"
    if settings.streaming:
        direction += " from past frames only, so the model can stream"
    median = counted(int(np.median(data.train.lengths)) // preprocessor.subsample, "step")
    return (
        f"Steps: {counted(preprocessor.subsample, 'frame')} per step (--set subsample=N), so half of "
        f"the {preprocessor.record_name}s have {median} or fewer; read {direction} (--set "
        "bidirectional, streaming)."
    )


def describe_floor(data: TranscribeData, settings: TranscribeSettings) -> str:
    """A sentence on the simple model, or on why there is none."""
    floor = data.preprocessor.floor
    if floor is not None:
        known = are_known([record.person for record in data.train.records])
        over = "speakers" if known else "records"
        return (
            f"Simple model: which of {len(floor.texts):,} texts a whole {data.preprocessor.record_name} "
            f"has, a kernel machine on statistics of its 8 parts, fitted to each with "
            f"{counted(floor.copies, 'changed copy', 'changed copies')}, chosen over {over}; the network "
            "is combined with it (--set floor=none)."
        )
    if settings.floor == "none":
        return "No simple model (--set floor=auto): the network alone."
    if settings.streaming:
        return "No simple model: it would need the whole recording. The network alone."
    return "No simple model: the texts are no small closed set. The network alone."


def metadata(data: TranscribeData) -> dict[str, object]:
    """Facts about the data for the config of the run and its model card."""
    preprocessor = data.preprocessor
    frames = int(data.train.lengths.sum() + data.valid.lengths.sum())
    size: dict[str, object] = {"frames": frames}
    if preprocessor.mel is not None:
        size = {"hours": round(frames * preprocessor.mel.hop / 3600, 4)}
    records = len(data.train) + len(data.valid)
    return {"records": records, "tokens": len(preprocessor.tokens), **size}


def check_report(data: TranscribeData, problems: Problems) -> dict[str, object]:
    """What `unroll data check` reports. problems: the bad records, which were skipped."""
    records = [*data.train.records, *data.valid.records]
    lengths = np.concatenate([data.train.lengths, data.valid.lengths])
    sounds = {"rates": data.rates, "several_channels": data.mixed}
    return {
        "guessed": list(data.table.guesses),
        "rows": len(records) + problems.count,
        "units": data.preprocessor.units,
        "tokens": data.preprocessor.tokens[:REPORTED_TOKENS],
        **(sounds if data.preprocessor.mel else {}),
        "lengths": {
            "median": float(np.median(lengths)),
            "longest": int(lengths.max()),
            "unit": "frames",
        },
        "duplicates": len(records) - len({record.content_hash for record in records}),
        "too_short": data.too_short,
        "bad": problems.count,
        "problems": [sentence.strip() for sentence in problems.messages()[1:]],
    }
