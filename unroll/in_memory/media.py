"""Images and sounds in memory as files that lose nothing: PNG, and WAV of 32-bit floats."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unroll.errors import UserError
from unroll.in_memory.cells import is_missing

WAVE_FLOAT = 3  # the format of WAV for samples that are floats
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")


def write_media(cells: Sequence[Any], kind: str, column: str, folder: Path) -> list[str]:
    """Write each image or sound of a column as a file of its own.

    Args:
        cells: images of Pillow; or (array, rate), or dictionaries with both; missing ones stay so.
        kind: "image" or "sound".
        column: the name of the column.
        folder: where the files go.

    Returns:
        The names of the files; "" for a missing cell.

    Raises:
        UserError: for a sound or image that cannot be written, with its row.
    """
    names = []
    for row, cell in enumerate(cells):
        if is_missing(cell):
            names.append("")
            continue
        name = f"{kind}-{row}.{'png' if kind == 'image' else 'wav'}"
        if kind == "image":
            write_image(folder / name, cell, f"Column {column}, row {row}")
        else:
            samples, rate = sound_parts(cell)
            write_sound(folder / name, samples, rate, f"Column {column}, row {row}")
        names.append(name)
    return names


def write_image(path: Path, image: Any, where: str) -> None:
    """Write an image of Pillow as PNG; colours of print become those of screens.

    Raises:
        UserError: where it cannot be written.
    """
    try:
        (image if image.mode in PNG_MODES else image.convert("RGB")).save(path)
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{where}: the image cannot be read ({error}).") from error


def sound_parts(cell: Any) -> tuple[np.ndarray, int]:
    """The samples and the rate of (array, rate), or of a dictionary with both."""
    if isinstance(cell, dict):
        return np.asarray(cell["array"]), int(cell["sampling_rate"])
    return np.asarray(cell[0]), int(cell[1])


def write_sound(path: Path, samples: np.ndarray, rate: int, where: str) -> None:
    """Write samples as WAV of 32-bit floats; whole numbers are scaled to -1 to 1.

    Args:
        path: of the file.
        samples: [T], or [T, channels].
        rate: samples per second.
        where: names the sound in an error.

    Raises:
        UserError: for samples that are no real numbers, or of another shape.
    """
    if samples.dtype.kind not in "iuf" or samples.ndim not in (1, 2) or not samples.size:
        raise UserError(
            f"{where}: a sound of {samples.dtype} {list(samples.shape)}; expected samples [T] or "
            "[T, channels] as real numbers."
        )
    if samples.dtype.kind == "u":
        middle = (np.iinfo(samples.dtype).max + 1) / 2
        samples = (samples - middle) / middle
    elif samples.dtype.kind == "i":
        samples = samples / -float(np.iinfo(samples.dtype).min)
    if samples.ndim == 2 and samples.shape[0] < samples.shape[1] and samples.shape[0] <= 8:
        samples = samples.T  # torch has channels first
    content = np.ascontiguousarray(samples, dtype="<f4")
    channels = 1 if content.ndim == 1 else content.shape[1]
    width = 4 * channels
    format = struct.pack("<HHIIHH", WAVE_FLOAT, channels, rate, rate * width, width, 32)
    body = b"fmt " + struct.pack("<I", len(format)) + format
    body += b"data" + struct.pack("<I", content.nbytes) + content.tobytes()
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)
