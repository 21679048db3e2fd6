"""Open the containers of FFmpeg (MP4, AVI, Matroska, phones' sounds) safely with PyAV."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from unroll.data.files.regular_files import CannotOpen, open_regular
from unroll.data.images import MOST_PIXELS
from unroll.data.optional import optional
from unroll.errors import UserError

# containers that hold their own data: playlists and sequences of images would open further files
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,m4v,h264,hevc,mjpeg,ivf,obu,"
    "flv,asf,ogg,wav,w64,aiff,au,caf,flac,mp3,aac,ac3,eac3,amr,amrnb,amrwb,wv,ape,tta,gif,apng,dv,"
    "mxf,nut,rm,vc1,rawvideo,h263,h261,dts,truehd,mlp,mpc,mpc8,tak,voc,gsm,loas"
)
SPARE = 16  # bytes by which writers of AVI and MP4 miscount


@contextmanager
def open_av(path: Path, what: str) -> Iterator[Any]:
    """A file of FFmpeg, opened with PyAV; its errors, also within the block, are `CannotOpen`.

    When to use it: for every clip, and every sound that libsndfile does not read. Metadata that is
    not UTF-8 does no harm, no other file and no network is opened, and a file that lacks bytes that
    its container announces is refused.

    Args:
        path: of the file.
        what: what it should be, for errors: "a video".

    Raises:
        CannotOpen: where it is no regular file, no such container, or is damaged or truncated.
        UserError: where PyAV is not installed.

    Examples:
        >>> import av, numpy as np
        >>> from pathlib import Path
        >>> from unroll.data.av_files import open_av
        >>> with av.open("one.mp4", "w") as file:
        ...     stream = file.add_stream("mpeg4", rate=10, width=16, height=16)
        ...     picture = np.zeros((16, 16, 3), np.uint8)
        ...     file.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        ...     file.mux(stream.encode())
        >>> with open_av(Path("one.mp4"), "a video") as file:
        ...     len(list(file.decode(video=0)))
        1
    """
    av = optional("av", "reads video")
    with open_regular(path, what=what) as file:
        missing = missing_bytes(file)
    if missing > SPARE:
        raise CannotOpen(
            f"{path} is truncated: {missing:,} bytes that its container announces are missing. "
            "Copy it again."
        )
    limits = {
        "format_whitelist": FORMATS,
        "protocol_whitelist": "file",
        "max_pixels": str(MOST_PIXELS),
    }
    try:
        with av.open(f"file:{path}", metadata_errors="replace", options=limits) as container:
            for stream in (*container.streams.video, *container.streams.audio):
                stream.codec_context.options = {"max_pixels": limits["max_pixels"]}
            yield container
    except UserError:
        raise
    except Exception as error:  # a decoder may raise anything for damaged bytes
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CannotOpen(f"{path} is not {what} that can be read ({why}).") from error


def missing_bytes(file: IO[bytes]) -> int:
    """How many bytes of an MP4, AVI or Matroska file are missing, by the sizes that it announces.

    Args:
        file: open, and seekable.

    Returns:
        0 where no byte is missing, or where the container does not tell.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(12)
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return missing_of_boxes(file, size)
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        announced = struct.unpack_from("<I", start, 4)[0]
        return 0 if announced >= 0xFFFFFF00 else max(0, 8 + announced - size)
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return missing_of_segment(file, size)
    return 0


def missing_of_boxes(file: IO[bytes], size: int) -> int:
    """How many bytes of the media data of an MP4 are missing. size: of the file."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length, kind, smallest = struct.unpack_from(">I", head)[0], head[4:8], 8
        if length == 1 and len(head) == 16:
            length, smallest = struct.unpack_from(">Q", head, 8)[0], 16
        if length < smallest:  # 0: to the end of the file
            return 0
        if at + length > size:
            # other bytes behind the last box are no box
            return at + length - size if kind in (b"mdat", b"moov") else 0
        at += length
    return 0


def missing_of_segment(file: IO[bytes], size: int) -> int:
    """How many bytes of the segment of a Matroska file are missing. size: of the file."""
    file.seek(4)
    header, _ = read_vint(file)
    if header > size:
        return 0
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != b"\x18\x53\x80\x67":
        return 0
    length, is_known = read_vint(file)
    return max(0, file.tell() + length - size) if is_known else 0


def read_vint(file: IO[bytes]) -> tuple[int, bool]:
    """A number of Matroska whose first byte tells its length, and whether it is known."""
    first = file.read(1)
    if not first or not first[0]:
        return 0, False
    more = 8 - first[0].bit_length()
    value = int.from_bytes(first + file.read(more), "big")
    most = (1 << 7 * (more + 1)) - 1
    return value & most, value & most != most
