"""Read video files frame by frame with PyAV, in every format of FFmpeg."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data.av_files import open_av
from unroll.data.files.regular_files import CannotOpen
from unroll.errors import UserError

MOST_FRAMES = 1 << 20  # of a clip: about ten hours
MOST_DECODED = 1 << 39  # pixels of all frames of a clip
LOST = 0.05  # share of the announced frames that may be missing from a file
DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")


class BadClip(UserError):
    """A clip that cannot be read; its sentence names the file."""


def video_size(path: Path) -> tuple[int, int]:
    """Height and width of the frames of a video file.

    Raises:
        BadClip: where it is no video.
    """
    try:
        with open_av(path, "a video") as container:
            frame = next(container.decode(first_video_stream(container, path)), None)
            if frame is None:
                raise BadClip(f"{path} has no frame; expected a video.")
            return (frame.height, frame.width)[:: -1 if quarter_turns(frame) % 2 else 1]
    except CannotOpen as error:
        raise BadClip(str(error)) from error


def video_frames(
    path: Path, height: int, width: int, grey: bool = False, every: int = 1, longest: int = 400
) -> tuple[np.ndarray, int, np.ndarray]:
    """The frames of a video file, scaled to a size.

    When to use it: through `unroll.tasks.frames.clips.ClipReader`, which also reads images and
    folders. Every frame is decoded, so that a truncated file is found. The file is always closed.

    Args:
        path: of the file.
        height: of the frames, in pixels.
        width: of the frames, in pixels.
        grey: whether frames are read in grey.
        every: every n-th frame is kept.
        longest: at most this many frames are kept.

    Returns:
        Frames uint8 [T, C, height, width], the number of frames of the file, and [T + 1] seconds
        after its first frame: where each frame begins, and the end of the last.

    Raises:
        BadClip: where the file is no video, is damaged or is truncated.

    Examples:
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
    kept: list[np.ndarray] = []
    times: list[float] = []
    total, pixels, last, end = 0, 0, 0.0, 0.0
    try:
        with open_av(path, "a video") as container:
            stream = first_video_stream(container, path)
            step = 1 / float(stream.average_rate or stream.guessed_rate or 25)
            announced = announced_frames(stream, step)
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise BadClip(f"{path} is damaged at frame {total + 1}. Export it again.")
                pixels += frame.height * frame.width
                if total >= MOST_FRAMES or pixels > MOST_DECODED:
                    raise BadClip(
                        f"{path} has more than {total:,} frames of {frame.width} x {frame.height} "
                        f"pixels; expected at most {MOST_FRAMES:,} frames and {MOST_DECODED:,} "
                        "pixels in all. Cut it into clips."
                    )
                last = frame.time if frame.time is not None else total * step
                if total % every == 0:
                    if len(kept) < longest:
                        kept.append(scale_frame(frame, height, width, grey))
                    if len(times) <= longest:
                        times.append(last)
                total += 1
            end = last + step
    except CannotOpen as error:
        raise BadClip(str(error)) from error
    if not kept:
        raise BadClip(f"{path} has no frame; expected a video.")
    if total < (1 - LOST) * announced - 1:
        raise BadClip(
            f"{path} ends after {total} of {announced:.0f} frames: it is truncated. Copy it again."
        )
    begins = np.asarray([*times, end][: len(kept) + 1])
    return np.stack(kept), total, begins - begins[0]


def first_video_stream(container: Any, path: Path) -> Any:
    """The first video stream of a file of PyAV.

    Raises:
        BadClip: where it has none.
    """
    if not container.streams.video:
        if not container.streams.audio:
            raise BadClip(f"{path} has neither pictures nor sound: it may be truncated.")
        raise BadClip(f"{path} has no pictures, only sound; expected a video.")
    return container.streams.video[0]


def announced_frames(stream: Any, step: float) -> float:
    """How many frames a file says it has; 0 where it does not say. step: seconds per frame."""
    if stream.frames:
        return float(stream.frames)
    found = DURATION.fullmatch(stream.metadata.get("DURATION", ""))
    if found is None:
        return 0.0
    hours, minutes, seconds = map(float, found.groups())
    return (3600 * hours + 60 * minutes + seconds) / step


def scale_frame(frame: Any, height: int, width: int, grey: bool) -> np.ndarray:
    """One frame as uint8 [C, height, width], rotated as its camera says."""
    quarters = quarter_turns(frame)
    if quarters % 2:
        height, width = width, height
    small = frame.reformat(
        width=width, height=height, format="gray" if grey else "rgb24", interpolation="AREA"
    ).to_ndarray()
    pixels: np.ndarray = np.rot90(small, quarters)
    channels = pixels[None] if grey else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(channels)


def quarter_turns(frame: Any) -> int:
    """Quarter turns, anticlockwise, with which a frame is to be shown."""
    return round(getattr(frame, "rotation", 0) / 90)
