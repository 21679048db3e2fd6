"""The rows of a table of images and captions, before any image is opened."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from unroll.counting import listed
from unroll.data.files.media_paths import IMAGES
from unroll.data.media_table import MediaTable, RunColumns, find_media_table
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.caption.coco import open_captions, open_images
from unroll.tasks.caption.settings import CaptionSettings

CAPTIONS = "caption captions text sentence description title words comment".split()


@dataclass
class CaptionRows:
    """N rows of a table, which name M different images.

    Attributes:
        paths: of the M images.
        where: file and line that name each image first [M].
        texts: the caption of each row [N].
        which: the place in `paths` of the image of each row [N].
        groups: what column `by` of the settings has in each row [N]; empty where it is not given.
    """

    paths: list[Path] = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    which: list[int] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


def find_captions(
    path: str,
    image: str | None,
    text: str | None,
    *,
    labelled: bool = True,
    run: RunColumns | None = None,
) -> MediaTable:
    """The table of images and captions at a path.

    Args:
        path: a .csv, .tsv or .jsonl.
        image: the column of paths. Default: guessed.
        text: the column of captions. Default: guessed.
        labelled: whether a column of captions is required.
        run: the columns of a run, for further data.

    Raises:
        UserError: where there is no table, or no such column.
    """
    return find_media_table(
        path,
        image,
        text,
        media_flag="--image",
        value_flag="--text",
        values=CAPTIONS,
        suffixes=IMAGES,
        labelled=labelled,
        several=True,
        open_rows=open_captions if labelled else open_images,
        run=run,
    )


def find_further_captions(
    path: str,
    settings: CaptionSettings,
    image: str | None = None,
    text: str | None = None,
    *,
    labelled: bool,
    named: Collection[str] = (),
) -> MediaTable:
    """A table other than that of training, in the columns of the run; without names by its content.

    Args:
        path: a .csv, .tsv or .jsonl.
        settings: of the run, with its columns.
        image: the column of paths, where the user names it.
        text: the column of captions, where the user names it.
        labelled: whether a column of captions is required.
        named: the settings that the user gave in training.

    Raises:
        UserError: where there is no table, or a column of the run or a given one is missing.
    """
    run = RunColumns(settings.image, settings.text, named)
    return find_captions(path, image, text, labelled=labelled, run=run)


def read_rows(table: MediaTable, problems: Problems, by: str | None = None) -> CaptionRows:
    """The rows of a table.

    Args:
        table: names images and captions.
        problems: takes the bad rows.
        by: the column of the groups. Default: there is none.

    Raises:
        UserError: where there is no such column.
    """
    if by is not None and by not in table.names:
        raise UserError(
            f"--by {by}: {table.name} has the columns {listed(table.names)}; expected one of them."
        )
    rows = CaptionRows()
    places: dict[Path, int] = {}
    for row in table.rows(problems):
        place = places.setdefault(row.path, len(places))
        if place == len(rows.paths):
            rows.paths.append(row.path)
            rows.where.append(row.where)
        rows.texts.append(" ".join((row.value or "").split()))
        rows.which.append(place)
        rows.groups.append("" if by is None else row.cells.get(by, ""))
    return rows
