"""A table of images and captions as a training set and a validation set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unroll.counting import counted
from unroll.data.media_table import MediaTable, RunColumns
from unroll.data.problems import Problems
from unroll.data.split import count_shared
from unroll.errors import UserError
from unroll.tasks.base import Progress
from unroll.tasks.caption.batches import CaptionSet
from unroll.tasks.caption.images import ScaledImages, choose_size, scan_images
from unroll.tasks.caption.preprocessor import CaptionPreprocessor, learn_preprocessor
from unroll.tasks.caption.rows import CaptionRows, find_captions, read_rows
from unroll.tasks.caption.settings import CaptionSettings
from unroll.tasks.caption.split import split_rows


@dataclass(frozen=True)
class CaptionData:
    """The training set and the validation set of a captioner.

    Attributes:
        table: where they were read from.
        preprocessor: the vocabulary, and the size of images.
        train: the training set.
        valid: the validation set.
        sha256: of the images and captions of the table.
        validation_set: what the validation set is, for people.
        problems: the bad records that were skipped.
        messages: what the two sets share, in sentences.
    """

    table: MediaTable
    preprocessor: CaptionPreprocessor
    train: CaptionSet
    valid: CaptionSet
    sha256: str
    validation_set: str
    problems: Problems
    messages: list[str]


def read_captions(
    path: str,
    settings: CaptionSettings,
    preprocessor: CaptionPreprocessor | None = None,
    progress: Progress | None = None,
    *,
    checking: bool = False,
) -> CaptionData:
    """Read the captions at a path, and open each image once.

    Args:
        path: a .csv, .tsv or .jsonl.
        settings: what to read, and how.
        preprocessor: the run's own. Default: learned from the training set.
        progress: called with the share of the images that are opened.
        checking: whether too few captions for training are a message instead of an error.

    Raises:
        UserError: for a table without captions, and for bad records that are not skipped.
    """
    problems = Problems(settings.skip_bad)
    table = find_captions(path, settings.image, settings.text)
    rows = read_rows(table, problems, settings.by if settings.valid is None else None)
    size = preprocessor.size if preprocessor else choose_size(rows.paths, settings)
    cache = settings.cache << 20
    scan = scan_images(rows, size, cache, problems, progress)
    further, messages = None, []
    if settings.valid is None:
        held, where, rule = split_rows(rows, settings.apart, settings.by)
        messages.append(rule)
    else:
        held, where = np.zeros(len(scan.readable), dtype=bool), settings.valid
        text = None if table.value is None else table.names[table.value]
        run = RunColumns(table.names[table.media], text)
        further = read_rows(find_captions(settings.valid, None, None, run=run), problems)
        further_scan = scan_images(further, size, cache, problems, progress)
    training = scan.readable & ~held
    if preprocessor is None:
        texts = [rows.texts[row] for row in np.flatnonzero(training)]
        preprocessor = learn_preprocessor(texts, size, settings)
    captions = encode_rows(rows, scan.images, preprocessor)
    train = captions.subset(training)
    if further is None:
        valid = captions.subset(scan.readable & held)
    else:
        valid = encode_rows(further, further_scan.images, preprocessor).subset(
            further_scan.readable
        )
    messages.append(describe_duplicates(train, valid))
    if not len(train) or not len(valid):
        few = describe_too_few(path, train, valid)
        if not checking or not len(train) + len(valid):
            raise UserError(problems.with_messages(few))
        messages.append(f"Too few to train: {few}")
    return CaptionData(table, preprocessor, train, valid, scan.sha256, where, problems, messages)


def encode_rows(
    rows: CaptionRows, images: ScaledImages, preprocessor: CaptionPreprocessor
) -> CaptionSet:
    """The captions of rows as ids, with their images."""
    ids = [preprocessor.vocabulary.encode(text) for text in rows.texts]
    return CaptionSet(images, rows.texts, ids, np.array(rows.which, dtype=np.int64))


def describe_too_few(path: str, train: CaptionSet, valid: CaptionSet) -> str:
    """A sentence on a table that has too few captions for two sets."""
    return (
        f"{path} holds {counted(len(train) + len(valid), 'caption')}; the validation set has "
        f"{len(valid):,} and the training set {len(train):,}. Expected at least one in each. Give more "
        "captions, or a validation set by --valid FILE."
    )


def describe_duplicates(train: CaptionSet, valid: CaptionSet) -> str:
    """A sentence on what the validation set shares with the training set."""
    captions = count_shared(
        [text.lower() for text in train.texts], [text.lower() for text in valid.texts]
    )
    paths = {train.images.paths[place] for place in train.which.tolist()}
    images = sum(valid.images.paths[place] in paths for place in set(valid.which.tolist()))
    return (
        f"Duplicates: {captions:,} of {counted(len(valid), 'validation caption')} and {images:,} of "
        f"{counted(valid.image_count, 'validation image')} are in the training set too."
    )
