"""Read clips: video files, folders of images, strips of frames, animations, rows of numbers.

T time, C channels, H height, W width, F numbers per frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data.files.media_paths import IMAGES, VIDEO
from unroll.data.images import (
    BadImage,
    check_pixels,
    convert_colours,
    open_image,
    read_image,
)
from unroll.data.optional import optional
from unroll.tasks.frames.number_rows import NUMBERS, read_numbers
from unroll.tasks.frames.video import BadClip, video_frames, video_size

CLIP_FILES = (*VIDEO, *IMAGES, *NUMBERS)
MOST_DECODED = 1 << 31  # pixels of all frames of an animation
WIDEST = 64  # how many times as wide as high a frame may be, and as high as wide


@dataclass(frozen=True)
class Clip:
    """A clip that was read.

    Attributes:
        values: frames uint8 [T, C, H, W], or numbers float32 [T, F].
        total: frames of the file, of which T are read.
        times: seconds at which each frame begins, and the end, [T + 1]; None where the file does
            not say.
    """

    values: np.ndarray
    total: int
    times: np.ndarray | None


@dataclass(frozen=True)
class ClipReader:
    """Reads the clips of a data set, all in the same way.

    When to use it: for every clip that a network reads, in training and later.

    Attributes:
        shape: (C, H, W) of a frame, or (F,).
        every: every n-th frame is read.
        longest: at most this many frames are read.
        strip: frames side by side in an image; None: as many squares as it has.
        left_out: columns of a table of frames that are not read, from 0.

    Examples:
        >>> from PIL import Image
        >>> from unroll.tasks.frames.clips import ClipReader
        >>> Image.new("RGB", (24, 8)).save("strip.png")
        >>> ClipReader((3, 4, 4), every=2)("strip.png").values.shape
        (2, 3, 4, 4)
    """

    shape: tuple[int, ...]
    every: int = 1
    longest: int = 400
    strip: int | None = None
    left_out: tuple[int, ...] = ()

    def __call__(self, path: str | Path) -> Clip:
        """The clip at a path.

        Raises:
            BadClip: where it cannot be read, or has no frame.
        """
        try:
            return self._read(Path(path))
        except OSError as error:  # a folder that may not be listed
            raise BadClip(f"{path} cannot be read: {error.strerror or error}.") from error
        except MemoryError as error:
            raise BadClip(f"{path} needs more memory than there is. Cut it into clips.") from error

    def _read(self, path: Path) -> Clip:
        """The clip at a path, of whatever kind it is."""
        if len(self.shape) == 1:
            return self.read_rows(read_numbers(path, self.shape[0], self.left_out))
        if path.is_dir():
            files = frame_files(path)
            check_sizes(files)
            return Clip(
                np.stack([self._read_image(f) for f in files[:: self.every][: self.longest]]),
                len(files),
                None,
            )
        if path.suffix.lower() in VIDEO:
            _, height, width = self.shape
            return Clip(*video_frames(path, height, width, self._grey, self.every, self.longest))
        return self._read_animation(path) if picture_count(path) > 1 else self._read_strip(path)

    def read_rows(self, values: np.ndarray) -> Clip:
        """A clip of frames of numbers [T, F] that are in memory."""
        return Clip(values[:: self.every][: self.longest], len(values), None)

    @property
    def _grey(self) -> bool:
        return self.shape[0] == 1

    def _read_image(self, path: Path) -> np.ndarray:
        channels, height, width = self.shape
        try:
            return to_bytes(read_image(path, channels, height, width).numpy())
        except BadImage as error:
            raise BadClip(str(error)) from error

    def _read_strip(self, path: Path) -> Clip:
        """Frames side by side in an image."""
        channels, height, width = self.shape
        tall, wide = image_size(path)
        count = strip_frames(path, tall, wide, self.strip)
        try:
            image = read_image(path, channels).numpy()
            frames = image.reshape(channels, tall, count, wide // count).transpose(2, 0, 1, 3)
            taken = list(frames[:: self.every][: self.longest])
            if (tall, wide // count) != (height, width):
                taken = [resize_frame(frame, height, width) for frame in taken]
        except BadImage as error:
            raise BadClip(str(error)) from error
        return Clip(to_bytes(np.stack(taken)), count, None)

    def _read_animation(self, path: Path) -> Clip:
        """An animated GIF, PNG or WebP."""
        pillow = optional("PIL.Image", "reads images")
        channels, height, width = self.shape
        kept: list[np.ndarray] = []
        begins: list[float] = [0.0]
        with opened(path) as image:
            total = image.n_frames
            check_animation(path, total, image.height, image.width)
            for k in range(total):
                image.seek(k)
                frame = convert_colours(image, channels)
                if k % self.every == 0 and len(kept) < self.longest:
                    small = frame.resize((width, height), pillow.Resampling.BILINEAR)
                    pixels = np.asarray(small, dtype=np.uint8)
                    kept.append(pixels.reshape(height, width, channels).transpose(2, 0, 1))
                begins.append(begins[-1] + image.info.get("duration", 0) / 1000)
        times = np.asarray([*begins[: total : self.every], begins[-1]])[: len(kept) + 1]
        return Clip(np.stack(kept), total, times if begins[-1] else None)


def clip_size(path: Path, strip: int | None = None) -> tuple[int, int]:
    """Height and width of a clip's frames, without reading them all.

    Args:
        path: of the clip.
        strip: frames side by side in an image. Default: as many squares as it has.

    Raises:
        BadClip: where it cannot be read, or has no frame.
    """
    if path.is_dir():
        size = image_size(frame_files(path)[0])
    elif path.suffix.lower() in VIDEO:
        size = video_size(path)
    else:
        size = image_size(path)
        if picture_count(path) == 1:
            size = size[0], size[1] // strip_frames(path, *size, strip)
    check_proportions(path, *size)
    return size


def frame_files(folder: Path) -> list[Path]:
    """The images of a folder, ordered by the numbers in their names: 2 before 10.

    Raises:
        BadClip: where it has none.
    """
    found = [p for p in folder.iterdir() if p.suffix.lower() in IMAGES and p.name[0] != "."]
    if not found:
        raise BadClip(f"The folder {folder} has no image; expected the frames of a clip.")
    return sorted(found, key=lambda p: [int(w) if w.isdecimal() else w for w in NAME_PARTS(p.name)])


NAME_PARTS = re.compile(r"(\d+)").split  # words and numbers alternate


def check_sizes(files: Sequence[Path]) -> None:
    """Check that the frames of a clip, an image each, have one size.

    Raises:
        BadClip: where one has another size.
    """
    first = image_size(files[0])
    for file in files[1:]:
        size = image_size(file)
        if size != first:
            raise BadClip(
                f"{file} is {size[1]} x {size[0]} pixels where {files[0].name} is {first[1]} x "
                f"{first[0]}; expected frames of one size in a folder."
            )


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of an image, from its header."""
    with opened(path) as image:
        return image.height, image.width


def picture_count(path: Path) -> int:
    """How many pictures an image file has; more than one in an animation."""
    with opened(path) as image:
        return getattr(image, "n_frames", 1)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An image file of Pillow of a size that may be read; its errors are raised as `BadClip`.

    Raises:
        BadClip: where the file is missing, or is not a readable image.
    """
    try:
        with open_image(path, str(path)) as image:
            check_pixels(image.width, image.height, str(path))
            yield image
    except BadImage as error:
        raise BadClip(str(error)) from error


def check_animation(path: Path, frames: int, height: int, width: int) -> None:
    """Check that an animation has not too many pixels, before they are read.

    Raises:
        BadClip: where it has.
    """
    if frames * height * width > MOST_DECODED:
        raise BadClip(
            f"{path} has {frames:,} frames of {width:,} x {height:,} pixels; expected at most "
            f"{MOST_DECODED:,} pixels in all. Cut it into clips."
        )


def check_proportions(path: Path, height: int, width: int) -> None:
    """Check that a frame is no strip, whose neighbours would be scaled to a strip too.

    Raises:
        BadClip: where it is.
    """
    if max(height, width) > WIDEST * min(height, width):
        raise BadClip(
            f"{path} has frames of {width:,} x {height:,} pixels; expected frames at most {WIDEST} "
            "times as wide as high. Set --set frames=N for frames side by side in an image."
        )


def strip_frames(path: Path, height: int, width: int, strip: int | None) -> int:
    """How many frames an image has side by side.

    Args:
        path: of the image, for errors.
        height: of the image.
        width: of the image.
        strip: the number that the settings give. Default: as many squares as it has.

    Raises:
        BadClip: where the width does not fit that number.
    """
    if strip is None and width % height == 0:
        return width // height
    if strip is None or width % strip:
        expected = (
            "a whole number of squares" if strip is None else f"{strip} frames (--set frames)"
        )
        raise BadClip(
            f"{path} is {width} x {height} pixels, which are not {expected} side by side. Set "
            "their number by --set frames=N."
        )
    return strip


def resize_frame(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """A frame [C, h, w] of numbers from 0 to 1, scaled to [C, height, width] as images are."""
    pillow = optional("PIL.Image", "reads images")
    pixels = to_bytes(frame)
    image = pillow.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    small = np.asarray(image.resize((width, height), pillow.Resampling.BILINEAR))
    scaled: np.ndarray = (small[None] if len(pixels) == 1 else small.transpose(2, 0, 1)) / 255
    return scaled


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Numbers from 0 to 1 as 8-bit numbers."""
    rounded: np.ndarray = (values * 255).round().astype(np.uint8)
    return rounded
