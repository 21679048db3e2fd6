"""Sounds as numbers: whatever soundfile reads, mixed down and resampled as asked."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from unroll.data.optional import optional
from unroll.errors import UserError

MOST_SAMPLES = 1 << 28  # about five hours at 16 kHz


class BadAudio(UserError):
    """A sound that cannot be read; its sentence names the file."""


@dataclass(frozen=True)
class Sound:
    """samples: float32 [N], -1 to 1, of one channel. rate: of them, a second. channels,
    recorded_rate: as the file has them, before they were mixed down and resampled."""

    samples: np.ndarray
    rate: int
    channels: int
    recorded_rate: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate


def read_audio(
    source: str | Path | bytes, rate: int | None = None, name: str | None = None
) -> Sound:
    """A sound as numbers, of one channel: the mean of those that the file has.

    When to use it: for every sound that a task reads: WAV, FLAC, OGG, MP3 and what else libsndfile
    knows.

    source: a file, or its bytes. rate: samples a second, to which others are resampled; None: as
    recorded. name: for complaints.
    Raises: BadAudio where it is missing, no sound, cut off, empty, not finite or longer than 2^28
    samples; UserError where soundfile or soxr is not installed.

    Example:
        >>> import numpy as np, soundfile
        >>> from unroll.tasks.transcribe.audio import read_audio
        >>> soundfile.write("a.wav", np.zeros((800, 2)), 8000)
        >>> sound = read_audio("a.wav", rate=16000)
        >>> len(sound.samples), sound.channels, sound.recorded_rate
        (1600, 2, 8000)
    """
    soundfile = optional("soundfile", "reads sounds")
    name = name or (str(source) if not isinstance(source, bytes) else "the sound")
    try:
        held = source if isinstance(source, bytes) else Path(source).read_bytes()
    except FileNotFoundError as error:
        raise BadAudio(f"There is no file {name}; expected a sound.") from error
    except OSError as error:
        raise BadAudio(f"{name} cannot be read: {error.strerror or error}.") from error
    if not held:
        raise BadAudio(f"{name} is empty, without a byte; expected a sound.")
    if missing := missing_bytes(held):
        raise BadAudio(
            f"{name} is cut off: {missing:,} bytes that its header promises are not there."
        )
    try:
        with soundfile.SoundFile(BytesIO(held)) as file:
            promised, recorded = file.frames, file.samplerate
            if promised > MOST_SAMPLES:
                raise BadAudio(
                    f"{name} has {promised:,} samples; expected at most {MOST_SAMPLES:,}. Cut it "
                    "into pieces."
                )
            channels = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        why = error.error_string
        # what it says of some broken MP3s, though all their bytes are at hand
        why = "" if why.startswith("File does not exist") else f" ({why.rstrip('.')})"
        raise BadAudio(f"{name} is no sound that can be read{why}.") from error
    if len(channels) == 0:
        cut = " or is cut off" if held.startswith(b"OggS") else ""
        raise BadAudio(f"{name} has zero length{cut}; expected at least one sample.")
    if len(channels) < promised:
        raise BadAudio(
            f"{name} is cut off: it has {len(channels):,} of the {promised:,} samples that its "
            "header promises."
        )
    samples = whole = channels.mean(1)
    if not np.isfinite(samples).all():
        raise BadAudio(f"{name} holds samples that are not finite; expected numbers.")
    if rate is not None and rate != recorded:
        soxr = optional("soxr", "resamples sounds")
        if len(samples) * rate > MOST_SAMPLES * recorded:
            raise BadAudio(
                f"{name} would have more than {MOST_SAMPLES:,} samples at {rate:,} a second; its own "
                f"rate is {recorded:,}. Cut it into pieces."
            )
        # shorter than a sample of that rate: one
        samples = soxr.resample(samples, recorded, rate).astype(np.float32)
        samples = samples if len(samples) else whole.mean(keepdims=True)
    return Sound(samples, rate or recorded, channels.shape[1], recorded)


def missing_bytes(held: bytes) -> int:
    """How many bytes of a WAV's, AIFF's or AU's data are not there; libsndfile would read the rest in
    silence."""
    if held[:4] == b"FORM" and len(held) >= 8:
        return max(0, 8 + struct.unpack_from(">I", held, 4)[0] - len(held))
    if held[:4] == b".snd" and len(held) >= 12:
        start, size = struct.unpack_from(">II", held, 4)
        return 0 if size == 0xFFFFFFFF else max(0, start + size - len(held))
    if held[:4] != b"RIFF" or held[8:12] != b"WAVE":
        return 0
    at = 12
    while at + 8 <= len(held):
        kind, size = struct.unpack_from("<4sI", held, at)
        if kind == b"data":
            # writers to a pipe do not know the size and leave the largest, or none
            return 0 if size >= 0xFFFFFF00 else max(0, at + 8 + size - len(held))
        at += 8 + size + size % 2
    return 0
