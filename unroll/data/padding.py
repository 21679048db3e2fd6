"""Sequences of ids as one padded tensor, and the inputs and targets that a decoder learns from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from unroll.data.vocabulary import BOUNDARY, Ids


class DecoderTargets(NamedTuple):
    """What a decoder reads and predicts at each step, T steps of B sequences.

    Attributes:
        inputs: ids [T, B], the targets one step late; the boundary comes first.
        target: ids [T, B], each sequence followed by the boundary.
        weight: bool [T, B], true where a target counts.
        lengths: of the sequences with their boundary [B].
    """

    inputs: Tensor
    target: Tensor
    weight: Tensor
    lengths: Tensor


def pad_sequences(sequences: list[Ids]) -> tuple[Tensor, Tensor]:
    """Put sequences side by side, each followed by the boundary and padded with it.

    Args:
        sequences: ids of each, without boundaries; at least one sequence.

    Returns:
        Ids [T, B], int64, and the lengths with the boundary [B], int64.

    Examples:
        >>> from unroll.data.padding import pad_sequences
        >>> ids, lengths = pad_sequences([[5, 6], []])
        >>> ids.tolist(), lengths.tolist()
        ([[5, 1], [6, 1], [1, 1]], [3, 1])
    """
    lengths = np.array([len(sequence) + 1 for sequence in sequences], dtype=np.int64)
    ids = np.full((len(sequences), int(lengths.max())), BOUNDARY, dtype=np.int64)
    for row, sequence in zip(ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    return torch.from_numpy(ids).t().contiguous(), torch.from_numpy(lengths)


def decoder_targets(sequences: list[Ids]) -> DecoderTargets:
    """Inputs and targets of sequences whose every token is predicted from those before it.

    Args:
        sequences: ids of each, without boundaries; at least one sequence.
    """
    target, lengths = pad_sequences(sequences)
    starts = torch.full((1, len(sequences)), BOUNDARY)
    weight = torch.arange(len(target))[:, None] < lengths
    return DecoderTargets(torch.cat([starts, target[:-1]]), target, weight, lengths)
