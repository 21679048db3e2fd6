"""Sounds that libsndfile does not read, such as .m4a and .amr, with PyAV."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data.av_files import open_av
from unroll.data.files.regular_files import CannotOpen

# how files begin that PyAV reads: MP4 and 3GP (from the fifth byte), Matroska, AMR, Windows Media, AAC
MARKS = re.compile(
    rb"....ftyp|\x1a\x45\xdf\xa3|#!AMR|\x30\x26\xb2\x75|\xff[\xf0\xf1\xf8\xf9]", re.S
)
LOST = 0.02  # share of the announced length that may be missing
SPARE = 0.2  # seconds of it that encoders add or remove at both ends


def is_for_av(start: bytes) -> bool:
    """Whether a file that begins so is one that PyAV reads and libsndfile does not."""
    return MARKS.match(start) is not None


def read_av(path: Path, most: int) -> tuple[np.ndarray, int, int]:
    """The samples of a sound with its channels averaged to one, as recorded.

    When to use it: where libsndfile does not know the format.

    Args:
        path: of the file.
        most: samples of all channels that it may have.

    Returns:
        float32 [N] samples, samples per second, and channels.

    Raises:
        CannotOpen: where it is no sound, is truncated, or is too long.
        UserError: where PyAV is not installed.
    """
    blocks: list[np.ndarray] = []
    rate = channels = size = 0
    with open_av(path, "a sound") as container:
        if not container.streams.audio:
            raise CannotOpen(f"{path} has no sound; expected one.")
        stream = container.streams.audio[0]
        announced = announced_seconds(container, stream)
        for frame in container.decode(stream):
            samples = mixed(frame)
            if rate and (frame.sample_rate, len(frame.layout.channels)) != (rate, channels):
                raise CannotOpen(f"{path} changes its rate or its channels; expected one of each.")
            rate, channels = frame.sample_rate, len(frame.layout.channels)
            size += len(samples) * channels
            if size > most:
                raise CannotOpen(f"{path} has more than {most:,} samples. Split it into pieces.")
            blocks.append(samples)
    if not size:
        raise CannotOpen(f"{path} has zero length; expected at least one sample.")
    seconds = size / channels / rate
    if seconds < (1 - LOST) * announced - SPARE:
        raise CannotOpen(
            f"{path} is truncated: it has {seconds:.1f} of the {announced:.1f} seconds that it announces."
        )
    return np.concatenate(blocks), rate, channels


def announced_seconds(container: Any, stream: Any) -> float:
    """The length that a file of PyAV announces, in seconds; 0 where it is estimated."""
    if not container.format.name.startswith(("mov", "matroska")):
        return 0.0
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # PyAV counts the length of a container in microseconds
    return (container.duration or 0) / 1e6


def mixed(frame: Any) -> np.ndarray:
    """The channels of an audio frame of PyAV averaged to one, float32 [N] from -1 to 1."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, len(frame.layout.channels)).T
    if values.dtype.kind in "iu":
        full = np.float32(1 << (8 * values.itemsize - 1))
        middle = full if values.dtype.kind == "u" else np.float32(0)
        values = (values.astype(np.float32) - middle) / full
    found: np.ndarray = values.astype(np.float32).mean(0)
    return found
