"""Captions of COCO: one object of JSON with a list of images, and their captions beside or in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unroll.counting import counted
from unroll.data.files.opening import open_bytes
from unroll.data.files.rows import Row, TableRows, as_word
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
    images, captions = record
    paths = {image.get("id"): image_path(image) for image in images}

    def read_annotations(problems: Problems) -> Iterator[Row]:
        for number, each in enumerate(captions, 1):
            if each.get("image_id") in paths:
                yield Row(number, [paths[each["image_id"]], each.get("caption")])
            else:
                problems.bad(
                    f"{name}, annotation {number}: there is no image {each.get('image_id')!r:.60}."
                )

    def read_sentences(problems: Problems) -> Iterator[Row]:
        for number, each in enumerate(images, 1):
            yield Row(number, [image_path(each), each.get("sentences")])

    many = counted(len(captions), "caption") if captions else "with their sentences"
    said = (f"form: COCO, {counted(len(images), 'image')}, {many}",)
    return TableRows(
        name, NAMES, read_annotations if captions else read_sentences, path.parent, said
    )


def open_images(path: Path, name: str) -> TableRows:
    """A table of images to caption: each image of COCO once, whether it has captions or none.

    Args:
        path: the file.
        name: what the user called it, for errors.

    Raises:
        UserError: where it is no table.
    """
    record = read_coco(path, name, needs_captions=False) if is_coco(path) else None
    if record is None:
        return open_table(path, name)
    images, _ = record

    def read_images(problems: Problems) -> Iterator[Row]:
        for number, each in enumerate(images, 1):
            yield Row(number, [image_path(each), None])

    said = (f"form: COCO, {counted(len(images), 'image')}",)
    return TableRows(name, NAMES, read_images, path.parent, said)


def image_path(image: dict[str, Any]) -> Any:
    """The path of an image of COCO, or of the splits of Karpathy."""
    if "file_name" in image:
        return image["file_name"]
    return "/".join(filter(None, map(as_word, (image.get("filepath"), image.get("filename")))))


def read_coco(
    path: Path, name: str, *, needs_captions: bool = True
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | None:
    """The images and the annotations of a file of COCO; None where it holds something else after all.

    There are no annotations where each image has its sentences, as in the splits of Karpathy.

    Args:
        path: the file.
        name: what the user called it, for errors.
        needs_captions: whether images without captions are refused.

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
    images, captions = record.get("images"), record.get("annotations")
    if is_list_of_objects(images) and any(isinstance(i.get("sentences"), list) for i in images):
        return images, []
    if not needs_captions and is_list_of_objects(images):
        return images, []
    if not (is_list_of_objects(images) and is_list_of_objects(captions)):
        return None
    if not any(isinstance(each.get("caption"), str) for each in captions):
        raise UserError(
            f"{name} has annotations of COCO without captions; expected the file of captions, such as "
            "captions_train2017.json."
        )
    return images, captions


def is_list_of_objects(values: Any) -> bool:
    """Whether a value of JSON is a list of objects."""
    return isinstance(values, list) and all(isinstance(each, dict) for each in values)
