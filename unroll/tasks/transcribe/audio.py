"""Read sound files: any format of soundfile, mixed to one channel and resampled."""

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
class LoadedSound:
    """A sound of one channel.

    Attributes:
        samples: float32 [N], from -1 to 1.
        rate: samples per second.
        channels: channels of the file, before they were mixed to one.
        recorded_rate: samples per second of the file, before it was resampled.
    """

    samples: np.ndarray
    rate: int
    channels: int
    recorded_rate: int

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / self.rate


def read_audio(
    source: str | Path | bytes, rate: int | None = None, name: str | None = None
) -> LoadedSound:
    """The samples of a sound file, with its channels averaged to one.

    When to use it: for every sound that a task reads: WAV, FLAC, OGG, MP3 and the other formats of
    libsndfile.

    Args:
        source: a file, or its bytes.
        rate: samples per second; a file of another rate is resampled. Default: as recorded.
        name: the file's name in errors. Default: `source`.

    Returns:
        The samples, with what the file had.

    Raises:
        BadAudio: where the file is missing, is no sound, is truncated, is empty, has samples that
            are not finite, or has more than 2^28 samples.
        UserError: where soundfile or soxr is not installed.

    Examples:
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
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
    except FileNotFoundError as error:
        raise BadAudio(f"There is no file {name}; expected a sound.") from error
    except OSError as error:
        raise BadAudio(f"{name} cannot be read: {error.strerror or error}.") from error
    if not content:
        raise BadAudio(f"{name} is empty, without a byte; expected a sound.")
    if missing := missing_bytes(content):
        raise BadAudio(
            f"{name} is truncated: {missing:,} bytes that its header announces are missing."
        )
    try:
        with soundfile.SoundFile(BytesIO(content)) as file:
            announced, recorded = file.frames, file.samplerate
            if announced > MOST_SAMPLES:
                raise BadAudio(
                    f"{name} has {announced:,} samples; expected at most {MOST_SAMPLES:,}. Split "
                    "it into pieces."
                )
            channels = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        why = error.error_string
        # libsndfile's message for some broken MP3s, though the bytes are in memory
        why = "" if why.startswith("File does not exist") else f" ({why.rstrip('.')})"
        raise BadAudio(f"{name} is not a readable sound file{why}.") from error
    if len(channels) == 0:
        truncated = " or is truncated" if content.startswith(b"OggS") else ""
        raise BadAudio(f"{name} has zero length{truncated}; expected at least one sample.")
    if len(channels) < announced:
        raise BadAudio(
            f"{name} is truncated: it has {len(channels):,} of the {announced:,} samples that its "
            "header announces."
        )
    samples = mixed = channels.mean(1)
    if not np.isfinite(samples).all():
        raise BadAudio(f"{name} has samples that are not finite; expected finite numbers.")
    if rate is not None and rate != recorded:
        soxr = optional("soxr", "resamples sounds")
        if len(samples) * rate > MOST_SAMPLES * recorded:
            raise BadAudio(
                f"{name} would have more than {MOST_SAMPLES:,} samples at {rate:,} Hz; its own rate is "
                f"{recorded:,} Hz. Split it into pieces."
            )
        # a sound shorter than one sample of the new rate becomes one sample
        samples = soxr.resample(samples, recorded, rate).astype(np.float32)
        samples = samples if len(samples) else mixed.mean(keepdims=True)
    return LoadedSound(samples, rate or recorded, channels.shape[1], recorded)


def missing_bytes(content: bytes) -> int:
    """How many bytes of a WAV, AIFF or AU file are missing; libsndfile would not report them."""
    if content[:4] == b"FORM" and len(content) >= 8:
        return max(0, 8 + struct.unpack_from(">I", content, 4)[0] - len(content))
    if content[:4] == b".snd" and len(content) >= 12:
        start, size = struct.unpack_from(">II", content, 4)
        return 0 if size == 0xFFFFFFFF else max(0, start + size - len(content))
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return 0
    at = 12
    while at + 8 <= len(content):
        kind, size = struct.unpack_from("<4sI", content, at)
        if kind == b"data":
            # programs that write to a pipe do not know the size and leave the largest number
            return 0 if size >= 0xFFFFFF00 else max(0, at + 8 + size - len(content))
        at += 8 + size + size % 2
    return 0
