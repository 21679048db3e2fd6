"""The images that a path of inputs asks to caption."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from torch import Tensor

from unroll.counting import listed
from unroll.data.files.media_paths import IMAGES
from unroll.data.first_rows import has_columns
from unroll.data.images import BadImage
from unroll.data.skipped import SkippedRecord, records_and_problems
from unroll.errors import UserError
from unroll.tasks.caption.images import ImageSize, scale_image
from unroll.tasks.caption.rows import find_further_captions
from unroll.tasks.caption.settings import CaptionSettings


def read_image_paths(
    path: str, settings: CaptionSettings, named: Collection[str] = ()
) -> Iterator[str]:
    """The images at a path, in order.

    Args:
        path: an image, a folder of images, or a table that names them.
        settings: of the run: the columns of its table, and whether bad records are skipped.
        named: the settings that the user gave in training.

    Raises:
        UserError: for a folder without images, and for bad rows that are not skipped.
    """
    if Path(path).is_dir():
        inside = sorted(p for p in Path(path).iterdir() if p.name.lower().endswith(IMAGES))
        if not inside:
            raise UserError(f"{path} holds no images; expected files of {listed(IMAGES)}.")
        yield from map(str, inside)
    elif not path.lower().endswith(IMAGES) and has_columns(Path(path)):
        table = find_further_captions(path, settings, labelled=False, named=named)
        rows = records_and_problems(table.rows, settings.skip_bad)
        yield from (row if isinstance(row, SkippedRecord) else str(row.path) for row in rows)
    else:
        yield path


def check_image_path(image: object) -> Path:
    """An input as the path of an image.

    Raises:
        UserError: where it is not a path.
    """
    if not isinstance(image, (str, Path)):
        raise UserError(
            f"Got {type(image).__name__} where an image is expected. Give the path of its file."
        )
    return Path(image)


def open_image(path: Path, size: ImageSize, skip_bad: bool) -> Tensor | str:
    """The image at a path, uint8 [C, H, W]; what is wrong with it, where bad ones are skipped.

    Args:
        path: of the image.
        size: C, H, W.
        skip_bad: whether an image that cannot be read is skipped.

    Raises:
        UserError: for an image that cannot be read, unless bad ones are skipped.
    """
    try:
        return scale_image(path, size)
    except BadImage as error:
        if skip_bad:
            return str(error)
        raise UserError(f"{error} (--skip-bad skips such images.)") from error
