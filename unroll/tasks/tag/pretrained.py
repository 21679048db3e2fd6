"""What a tagger knows before it sees a tag: vectors of words, and what character networks know."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from unroll.tasks.base import Log
from unroll.tasks.tag.kept_vectors import PACKAGES, KeptVectors, read_package
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.raw_training import learn_raw_text
from unroll.tasks.tag.settings import TagSettings
from unroll.tasks.tag.word_vectors import vectors_by_number


def read_pretrained(
    preprocessor: TagPreprocessor, settings: TagSettings, log: Log
) -> tuple[TagPreprocessor, dict[int, np.ndarray] | None]:
    """The preprocessor with what `--set vectors` and `--set raw` ask for.

    Args:
        preprocessor: learned from the training set.
        settings: which vectors, and which raw text.
        log: takes how many words have vectors, and how well the text is known.

    Returns:
        The preprocessor, with vectors that the run keeps, and with character networks; and vectors that
        are only a start, by the number of the word, or None.

    Raises:
        UserError: where vectors or text cannot be read.
    """
    if settings.raw is not None:
        preprocessor = replace(preprocessor, raw=learn_raw_text(settings.raw, settings, log))
    if settings.vectors is None:
        return preprocessor, None
    if settings.vectors not in PACKAGES:
        return preprocessor, vectors_by_number(settings.vectors, preprocessor.words, log)
    kept = read_package(settings.vectors, preprocessor.forms)
    tell_vectors(settings.vectors, kept, preprocessor.forms, log)
    return replace(preprocessor, vectors=kept), None


def tell_vectors(name: str, kept: KeptVectors, words: Collection[str], log: Log) -> None:
    """Tell how many words have vectors.

    Args:
        name: of the vectors.
        kept: by the run.
        words: of the training set.
        log: takes the sentence.
    """
    found = sum(kept.row(word) is not None for word in words)
    log(
        f"Vectors {name}: {found:,} of the {len(words):,} words have one; the run keeps those of "
        f"{len(kept.words):,} words (--set vectors=...)."
    )
