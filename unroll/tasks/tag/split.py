"""The training set and the validation set of one file of tagged sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unroll.counting import counted
from unroll.data.split import MOST_RECORDS, validation_groups, validation_rows
from unroll.errors import UserError
from unroll.tasks.tag.conll import Sentence, TagColumns
from unroll.tasks.tag.documents import FEWEST, held_out_documents, number_documents
from unroll.tasks.tag.forms import TagForm
from unroll.tasks.tag.settings import TagSettings
from unroll.tasks.tag.table_form import TableForm, place


def form_with_groups(form: TagForm, by: str, name: str) -> TableForm:
    """The form of a table with the column of the groups of its sentences.

    Args:
        form: of the file.
        by: the column, by its name or its number from 1.
        name: of the file, in errors.

    Raises:
        UserError: where the file is no table, or has no such column.
    """
    if not isinstance(form, TableForm):
        raise UserError(
            f"--by {by}: {name} is not a table; expected a .csv, .jsonl or the like with a column that "
            "names the group of each sentence. Documents that a file in columns marks are held out whole "
            "by default."
        )
    return replace(form, group=place(by, form.names, "--by "))


def split_sentences(
    sentences: Sequence[Sentence], name: str, settings: TagSettings, form: TagForm
) -> tuple[list[Sentence], list[Sentence], str]:
    """The training set and the validation set of one file.

    Args:
        sentences: in order.
        name: of the file.
        settings: whether groups, documents or sentences are held out.
        form: of the file.

    Returns:
        Both, and what the validation set is, for people.

    Raises:
        UserError: where there are fewer than two sentences, or too few groups or documents.
    """
    if len(sentences) < 2:
        raise UserError(
            f"{name} has {counted(len(sentences), 'sentence')}; expected at least 2, one of them for "
            "the validation set. Put a blank line between sentences, or give --valid FILE."
        )
    if settings.by is not None:
        groups = [sentence.group for sentence in sentences]
        is_validation, count = validation_groups(groups)
        held_out = len(set(np.array(groups, dtype=object)[is_validation]))
        where = f"those of {held_out} of {count} groups in column {settings.by} of {name}"
    else:
        documents = marked_documents(sentences, name, settings, form)
        is_validation = (
            validation_rows(len(sentences)) if documents is None else held_out_documents(documents)
        )
        is_most = int(is_validation.sum()) == MOST_RECORDS
        where = f"{f'{MOST_RECORDS:,}' if is_most else 'a tenth'} of the sentences of {name}"
        if documents is not None:
            where += ", whole documents (--set split=sentence)"
    train = [s for s, chosen in zip(sentences, is_validation, strict=True) if not chosen]
    valid = [s for s, chosen in zip(sentences, is_validation, strict=True) if chosen]
    return train, valid, where


def marked_documents(
    sentences: Sequence[Sentence], name: str, settings: TagSettings, form: TagForm
) -> np.ndarray | None:
    """The number of the document of each sentence, int64 [sentences]; None: each sentence is one.

    Raises:
        UserError: where documents are asked for, and the file marks few.
    """
    documents = None
    if settings.split != "sentence" and isinstance(form, TagColumns):
        documents = number_documents(name, sentences)
    if documents is None and settings.split == "document":
        raise UserError(
            f"--set split=document: {name} marks fewer than {FEWEST} documents; expected comments "
            "`# newdoc` or lines -DOCSTART-. Leave it out."
        )
    return documents
