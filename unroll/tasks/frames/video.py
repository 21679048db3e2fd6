"""Video files frame by frame, through PyAV: whatever FFmpeg reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data.optional import optional
from unroll.errors import UserError

LOST = 0.05  # share of the frames that a file may lack of those that it says it has
DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")


class BadClip(UserError):
    """A clip that cannot be read; its sentence names the file."""


def video_size(path: Path) -> tuple[int, int]:
    """Height and width of the frames of a video file.

    Raises: BadClip where it is none.
    """
    av = optional("av", "reads video")
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(stream_of(container, path)), None)
            if frame is None:
                raise BadClip(f"{path} holds no frame; expected a video.")
            return (frame.height, frame.width)[:: -1 if turned(frame) % 2 else 1]
    except (av.FFmpegError, OSError) as error:
        raise BadClip(trouble(path, error)) from error


def video_frames(
    path: Path, height: int, width: int, grey: bool = False, every: int = 1, longest: int = 400
) -> tuple[np.ndarray, int, np.ndarray]:
    """The frames of a video file at a size: uint8 [T, C, height, width], how many the file has, and
    the seconds from its first frame at which each begins, with the end of the last: [T + 1].

    When to use it: through `unroll.tasks.frames.clips.Reading`, which also reads images and folders. Every
    frame is decoded, so that one that is cut off is found; only those that are read are kept.

    every, longest: every n-th frame is read, and at most so many.
    Raises: BadClip where the file is no video, is damaged or ends too early. The file is closed
    whatever happens.

    Example:
        >>> import av, numpy as np
        >>> from pathlib import Path
        >>> from unroll.tasks.frames.video import video_frames
        >>> with av.open("two.mp4", "w") as file:
        ...     stream = file.add_stream("mpeg4", rate=10, width=16, height=16)
        ...     for k in range(2):
        ...         picture = np.full((16, 16, 3), 200 * k, np.uint8)
        ...         file.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        ...     file.mux(stream.encode())
        >>> frames, total, times = video_frames(Path("two.mp4"), 8, 8)
        >>> frames.shape, total, times.round(3).tolist()
        ((2, 3, 8, 8), 2, [0.0, 0.1, 0.2])
    """
    av = optional("av", "reads video")
    kept: list[np.ndarray] = []
    times: list[float] = []
    total, last, end = 0, 0.0, 0.0
    try:
        with av.open(str(path)) as container:
            stream = stream_of(container, path)
            step = 1 / float(stream.average_rate or stream.guessed_rate or 25)
            promised = frames_promised(stream, step)
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise BadClip(f"{path} is damaged at its frame {total + 1}. Make it again.")
                last = frame.time if frame.time is not None else total * step
                if total % every == 0:
                    if len(kept) < longest:
                        kept.append(scaled(frame, height, width, grey))
                    if len(times) <= longest:
                        times.append(last)
                total += 1
            end = last + step
    except (av.FFmpegError, OSError) as error:
        raise BadClip(trouble(path, error)) from error
    if not kept:
        raise BadClip(f"{path} holds no frame; expected a video.")
    if total < (1 - LOST) * promised - 1:
        raise BadClip(
            f"{path} ends after {total} of {promised:.0f} frames: it is cut off. Copy it again."
        )
    begins = np.asarray([*times, end][: len(kept) + 1])
    return np.stack(kept), total, begins - begins[0]


def stream_of(container: Any, path: Path) -> Any:
    """The first stream of pictures."""
    if not container.streams.video:
        if not container.streams.audio:
            raise BadClip(f"{path} holds neither pictures nor sound: it may be cut off.")
        raise BadClip(f"{path} holds no pictures, only sound; expected a video.")
    return container.streams.video[0]


def frames_promised(stream: Any, step: float) -> float:
    """How many frames a file says it has; 0 where it does not say."""
    if stream.frames:
        return float(stream.frames)
    found = DURATION.fullmatch(stream.metadata.get("DURATION", ""))
    if found is None:
        return 0.0
    hours, minutes, seconds = map(float, found.groups())
    return (3600 * hours + 60 * minutes + seconds) / step


def scaled(frame: Any, height: int, width: int, grey: bool) -> np.ndarray:
    """One frame as uint8 [C, height, width], turned as its camera says."""
    quarters = turned(frame)
    if quarters % 2:
        height, width = width, height
    small = frame.reformat(
        width=width, height=height, format="gray" if grey else "rgb24", interpolation="AREA"
    ).to_ndarray()
    pixels: np.ndarray = np.rot90(small, quarters)
    channels = pixels[None] if grey else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(channels)


def turned(frame: Any) -> int:
    """Quarter turns, against the clock, that a frame is to be shown with."""
    return round(getattr(frame, "rotation", 0) / 90)


def trouble(path: Path, error: Exception) -> str:
    said = getattr(error, "strerror", None) or error
    return f"{path} is no video that can be read ({said})."
