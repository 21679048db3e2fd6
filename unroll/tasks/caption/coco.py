"""Captions as COCO keeps them: one object of JSON with a list of images and a list of annotations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unroll.data.files.opening import open_bytes
from unroll.data.files.rows import Row, TableRows
from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.errors import UserError

HEAD = 1 << 16  # bytes that are looked at
MOST_BYTES = 1 << 30
LISTS = re.compile(rb'"(images|annotations)"\s*:\s*\[')
NAMES = ("file_name", "caption")


def is_coco(path: Path) -> bool:
    """Whether a file begins as COCO's captions do; no torch is loaded here.

    Raises:
        UserError: where it is no regular file, or cannot be unpacked.
    """
    with open_bytes(path, str(path)) as file:
        head = file.read(HEAD)
    return head.lstrip().startswith(b"{") and LISTS.search(head) is not None


def open_captions(path: Path, name: str) -> TableRows:
    """A table of captions in any form, COCO's too.

    Args:
        path: the file.
        name: what the user called it, for errors.

    Raises:
        UserError: where it is no table, or no captions of COCO.
    """
    record = read_coco(path, name) if is_coco(path) else None
    if record is None:
        return open_table(path, name)
    images = {each.get("id"): each.get("file_name") for each in record["images"]}

    def read(problems: Problems) -> Iterator[Row]:
        for number, each in enumerate(record["annotations"], 1):
            if each.get("image_id") in images:
                yield Row(number, [images[each["image_id"]], each.get("caption")])
            else:
                problems.bad(
                    f"{name}, annotation {number}: there is no image {each.get('image_id')!r:.60}."
                )

    said = (f"form: COCO, {len(images):,} images, {len(record['annotations']):,} captions",)
    return TableRows(name, NAMES, read, path.parent, said)


def read_coco(path: Path, name: str) -> dict[str, Any] | None:
    """The object of a file of COCO; None where it holds something else after all.

    Raises:
        UserError: where it is not JSON, or has no captions.
    """
    with open_bytes(path, name) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UserError(f"{name} has more than {MOST_BYTES:,} bytes; expected captions of COCO.")
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        if content.count(b"\n") > 1:  # an object in each line
            return None
        raise UserError(f"{name} is not JSON ({error}). Create it again.") from error
    lists = [record.get(key) for key in ("images", "annotations")]
    if not all(isinstance(each, list) and all_objects(each) for each in lists):
        return None
    if not any(isinstance(each.get("caption"), str) for each in lists[1]):
        raise UserError(
            f"{name} has annotations of COCO without captions; expected the file of captions, such as "
            "captions_train2017.json."
        )
    return dict(zip(("images", "annotations"), lists, strict=True))


def all_objects(values: list[Any]) -> bool:
    """Whether all values are objects of JSON."""
    return all(isinstance(each, dict) for each in values)
