"""Windows of a text whose last token has a loss: where they stand, and what comes before them.

T time, B batch, W steps of warm-up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unroll.data.encoded import Encoded
from unroll.data.table import find_line_columns
from unroll.data.text import text_source
from unroll.errors import UserError
from unroll.run import LanguageRun
from unroll.tasks.language.reader import read_text

LENGTH = 100  # steps of a window, by default
WARM_UP = 256  # tokens read before each window, so that its state is typical of the model


@dataclass(frozen=True)
class TextWindows:
    """B windows of a text, side by side.

    Attributes:
        before: ids that are only read, [W, B].
        x: ids, [T, B].
        y: the token after the last one, [B].
        category: [B], or None for runs without categories.
    """

    before: Tensor
    x: Tensor
    y: Tensor
    category: Tensor | None

    @property
    def steps(self) -> int:
        """T."""
        return len(self.x)


def read_encoded(run: LanguageRun, path: str) -> Encoded:
    """A text in the vocabulary of a run.

    Raises:
        UserError: for a file that the run cannot read.
    """
    settings = run.settings
    source, columns = text_source(path, settings.text or "text"), None
    if settings.condition is not None:
        columns = find_line_columns(source, settings.condition, settings.text)
    return read_text(
        source,
        run.vocabulary,
        columns=columns,
        per_line=settings.per_line,
        categories=run.categories,
    )


def text_windows(encoded: Encoded, length: int | None, batch: int, name: str) -> TextWindows:
    """Windows evenly spaced over a text; of a text of separate lines, the longest lines.

    Args:
        encoded: the text.
        length: T. Default: 100, or the length of a shorter text.
        batch: B, at most.
        name: of the text, for errors.

    Raises:
        UserError: where the text is shorter than `length`.
    """
    if encoded.starts is not None:
        return line_windows(encoded, length, batch, name)
    N, T = encoded.tokens, LENGTH if length is None else length
    if T > N and length is None and N >= 2:
        T = N
    if T > N:
        raise UserError(
            f"{name} has {N} tokens, and --length asks for {T} before the loss. Give a longer text, "
            f"or --length {max(2, N)}."
        )
    warm_up = min(WARM_UP, N - T)
    B = max(1, min(batch, (N - warm_up) // T))
    starts = warm_up + np.linspace(0, N - T - warm_up, B).round().astype(int)
    ids = encoded.ids[starts[None, :] + np.arange(-warm_up, T + 1)[:, None]].astype(np.int64)
    tokens = torch.from_numpy(ids)
    return TextWindows(tokens[:warm_up], tokens[warm_up:-1], tokens[-1], None)


def line_windows(encoded: Encoded, length: int | None, batch: int, name: str) -> TextWindows:
    """The beginnings of the longest lines, each with the token that follows.

    Args:
        encoded: a text of separate lines.
        length: T. Default: 100, or the length of shorter lines.
        batch: B, at most.
        name: of the text, for errors.

    Raises:
        UserError: where every line is shorter than `length`.
    """
    starts = np.asarray(encoded.starts)
    lengths = np.diff(np.append(starts, len(encoded.ids) - 1))
    order = np.argsort(-lengths, kind="stable")[:batch]
    T = min(LENGTH, int(lengths[order[-1]])) if length is None else length
    order = order[lengths[order] >= T]
    if not len(order) or T < 2:
        raise UserError(
            f"The longest line of {name} has {int(lengths.max())} tokens, and --length is {T}. "
            "Give longer lines, or a smaller --length of at least 2."
        )
    ids = encoded.ids[starts[order][None, :] + np.arange(T + 1)[:, None]].astype(np.int64)
    tokens, category = torch.from_numpy(ids), None
    if encoded.categories is not None:
        category = torch.from_numpy(np.asarray(encoded.categories)[order].astype(np.int64))
    return TextWindows(tokens[:0], tokens[:-1], tokens[-1], category)


def windows_before(
    encoded: Encoded, token: int, length: int | None, batch: int, name: str
) -> TextWindows:
    """Windows that end before the last occurrences of a token; of lines, from their beginnings.

    Args:
        encoded: the text.
        token: its id.
        length: T. Default: 100, or as many tokens as stand before the occurrences.
        batch: B, at most: the last occurrences that have enough before them; of lines, those that have
            most.
        name: of the text and the token, for errors.

    Raises:
        UserError: where the token does not occur after two tokens or more.
    """
    ids = np.asarray(encoded.ids)
    places = np.flatnonzero(ids == token)
    lines = encoded.starts is not None
    starts = np.asarray(encoded.starts) if lines else np.zeros(1, dtype=np.int64)
    which = np.searchsorted(starts, places, side="right") - 1
    before = places - starts[which]  # how many tokens of its line stand before each
    enough = before >= (2 if length is None else length)
    places, which, before = places[enough], which[enough], before[enough]
    if not len(places):
        raise UserError(
            f"{name}: there is no place with {2 if length is None else length} tokens before it"
            f"{' in its line' if lines else ''}. Choose another token, or a smaller --length."
        )
    order = np.argsort(before if lines else places, kind="stable")[::-1][:batch]
    T = min(LENGTH, int(before[order].max() if lines else before[order].min()))
    T = T if length is None else length
    order = order[before[order] >= T]
    warm_up = 0 if lines else min(WARM_UP, int(before[order].min()) - T)
    steps = np.arange(-T - warm_up, 1)[:, None]
    tokens = torch.from_numpy(ids[places[order][None, :] + steps].astype(np.int64))
    category = None
    if encoded.categories is not None:
        category = torch.from_numpy(np.asarray(encoded.categories)[which[order]].astype(np.int64))
    return TextWindows(tokens[:warm_up], tokens[warm_up:-1], tokens[-1], category)
