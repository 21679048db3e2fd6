"""Read sound files: any format of soundfile, mixed to one channel and resampled."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np

from unroll.data.files.regular_files import CannotOpen, open_regular
from unroll.data.optional import optional
from unroll.errors import UserError
from unroll.tasks.transcribe.av_audio import is_for_av, read_av

MOST_SAMPLES = 1 << 28  # about five hours at 16 kHz
MOST_VALUES = 1 << 30  # samples of all channels: a small file of silence can announce more
LOWEST_RATE, HIGHEST_RATE = 1000, 1_000_000  # samples per second
BLOCK = 1 << 20  # values that are read at a time


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
    libsndfile; of a file also .m4a, .aac, .amr, .3gp, .webm, .wma with PyAV.

    Args:
        source: a file, or its bytes.
        rate: samples per second; a file of another rate is resampled. Default: as recorded.
        name: the file's name in errors. Default: `source`.

    Returns:
        The samples, with what the file had.

    Raises:
        BadAudio: where the file is missing, is no sound, is truncated, is empty, has samples that
            are not finite, has more than 2^28 samples, or has less than 1,000 samples per second.
        UserError: where soundfile or soxr is not installed.

    Examples:
        >>> import numpy as np, soundfile
        >>> from unroll.tasks.transcribe.audio import read_audio
        >>> soundfile.write("a.wav", np.zeros((800, 2)), 8000)
        >>> sound = read_audio("a.wav", rate=16000)
        >>> len(sound.samples), sound.channels, sound.recorded_rate
        (1600, 2, 8000)
    """
    optional("soundfile", "reads sounds")
    name = name or (str(source) if not isinstance(source, bytes) else "the sound")
    try:
        file = (
            BytesIO(source)
            if isinstance(source, bytes)
            else open_regular(Path(source), name, "a sound")
        )
        with file:
            if not isinstance(source, bytes) and is_for_av(file.read(12) or b""):
                samples, recorded, channels = read_av(Path(source), MOST_SAMPLES)
                sound = LoadedSound(finite(samples, name), recorded, channels, recorded)
            else:
                file.seek(0)
                sound = decode_sound(file, name)
        if not LOWEST_RATE <= sound.rate <= HIGHEST_RATE:
            raise BadAudio(
                f"{name} has {sound.rate:,} samples per second; expected {LOWEST_RATE:,} to "
                f"{HIGHEST_RATE:,}."
            )
        return sound if rate is None else resample_sound(sound, rate, name)
    except CannotOpen as error:
        raise BadAudio(str(error)) from error
    except OSError as error:
        raise BadAudio(f"{name} cannot be read: {error.strerror or error}.") from error
    except MemoryError as error:
        raise BadAudio(f"{name} needs more memory than there is. Split it into pieces.") from error


def decode_sound(file: IO[bytes], name: str) -> LoadedSound:
    """The samples of an open file, as recorded.

    Raises:
        BadAudio: where it is no sound, or a bad one.
    """
    soundfile = optional("soundfile", "reads sounds")
    start = file.read(4) or b""  # some files of /proc would block, and give nothing
    if not start:
        raise BadAudio(f"{name} is empty, without a byte; expected a sound.")
    if missing := missing_bytes(file):
        raise BadAudio(
            f"{name} is truncated: {missing:,} bytes that its header announces are missing."
        )
    file.seek(0)
    try:
        with soundfile.SoundFile(file) as opened:
            announced, recorded, channels = opened.frames, opened.samplerate, opened.channels
            check_size(announced, channels, name)
            samples = read_mixed(opened)
    except soundfile.LibsndfileError as error:
        why = error.error_string
        # libsndfile's message for some broken MP3s, though the file is open
        why = "" if why.startswith("File does not exist") else f" ({why.rstrip('.')})"
        raise BadAudio(f"{name} is not a readable sound file{why}.") from error
    if len(samples) == 0:
        truncated = " or is truncated" if start == b"OggS" else ""
        raise BadAudio(f"{name} has zero length{truncated}; expected at least one sample.")
    if len(samples) < announced:
        raise BadAudio(
            f"{name} is truncated: it has {len(samples):,} of the {announced:,} samples that its "
            "header announces."
        )
    return LoadedSound(finite(samples, name), recorded, channels, recorded)


def finite(samples: np.ndarray, name: str) -> np.ndarray:
    """The samples, which are checked.

    Raises:
        BadAudio: where one of them is not finite.
    """
    if not np.isfinite(samples).all():
        raise BadAudio(f"{name} has samples that are not finite; expected finite numbers.")
    return samples


def check_size(samples: int, channels: int, name: str) -> None:
    """Check that a sound is not too long, before its samples are read.

    Raises:
        BadAudio: where it is.
    """
    if samples > MOST_SAMPLES or samples * channels > MOST_VALUES:
        several = f" in each of {channels:,} channels" if channels > 1 else ""
        raise BadAudio(
            f"{name} has {samples:,} samples{several}; expected at most {MOST_SAMPLES:,}, and "
            f"{MOST_VALUES:,} in all channels. Split it into pieces."
        )


def read_mixed(opened: Any) -> np.ndarray:
    """The samples of a soundfile.SoundFile with its channels averaged to one, float32 [N].

    Channels are mixed block by block, so that memory holds one channel.
    """
    rows = max(1, BLOCK // opened.channels)
    blocks = []
    while len(block := opened.read(rows, dtype="float32", always_2d=True)):
        blocks.append(block.mean(1))
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)


def resample_sound(sound: LoadedSound, rate: int, name: str) -> LoadedSound:
    """A sound at another rate, in samples per second.

    Raises:
        BadAudio: where it would be too long.
    """
    if rate == sound.rate:
        return sound
    soxr = optional("soxr", "resamples sounds")
    if len(sound.samples) * rate > MOST_SAMPLES * sound.rate:
        raise BadAudio(
            f"{name} would have more than {MOST_SAMPLES:,} samples at {rate:,} Hz; its own rate is "
            f"{sound.rate:,} Hz. Split it into pieces."
        )
    samples = soxr.resample(sound.samples, sound.rate, rate).astype(np.float32)
    # a sound shorter than one sample of the new rate becomes one sample
    samples = samples if len(samples) else sound.samples.mean(keepdims=True)
    return LoadedSound(samples, rate, sound.channels, sound.rate)


def missing_bytes(file: IO[bytes]) -> int:
    """How many bytes of a WAV, AIFF or AU file are missing; libsndfile would not report them."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(12)
    if start[:4] == b"FORM" and len(start) >= 8:
        return max(0, 8 + struct.unpack_from(">I", start, 4)[0] - size)
    if start[:4] == b".snd" and len(start) >= 12:
        at, length = struct.unpack_from(">II", start, 4)
        return 0 if length == 0xFFFFFFFF else max(0, at + length - size)
    if start[:4] != b"RIFF" or start[8:12] != b"WAVE":
        return 0
    at = 12
    while at + 8 <= size:
        file.seek(at)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind == b"data":
            # programs that write to a pipe do not know the size and leave the largest number
            return 0 if length >= 0xFFFFFF00 else max(0, at + 8 + length - size)
        at += 8 + length + length % 2
    return 0
