"""The forms of input that a layer accepts: batch-first, unbatched and packed, all brought to [T, B, I].

T time, B batch, I input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from unroll.cells import State, map_state


@dataclass(frozen=True)
class NormalisedInput:
    """An input in the form that the engine reads, and the way back.

    Attributes:
        x: the inputs [T, B, I].
        state: the initial state, each field `[L*D, B, ...]`, or None.
        lengths: [B], or None.
        restore_output: gives outputs [T, B, H] and a final state the form that the input had.
    """

    x: Tensor
    state: State | None
    lengths: Tensor | Sequence[int] | None
    restore_output: Callable[[Tensor, State], tuple[Tensor | PackedSequence, State]]


def normalise_input(
    input: Tensor | PackedSequence,
    state: State | None,
    lengths: Tensor | Sequence[int] | None,
    batch_first: bool,
    name: str,
) -> NormalisedInput:
    """Bring any form of input to [T, B, I].

    Args:
        input: [T, B, I], [B, T, I] with batch_first, [T, I] for one sequence, or a PackedSequence.
        state: each field `[L*D, B, ...]`, or `[L*D, ...]` for one sequence; or None.
        lengths: [B], or None.
        batch_first: whether the batch is the first axis of a 3-D input.
        name: of the layer, for errors.

    Raises:
        ValueError: the input is not 2-D or 3-D, or lengths are given for a form of input that has
            its own.
    """
    if isinstance(input, PackedSequence):
        if lengths is not None:
            raise ValueError(
                f"{name} got lengths= beside a PackedSequence, which has its own. Pass one of them."
            )
        x, packed_lengths = pad_packed_sequence(input)
        return NormalisedInput(x, state, packed_lengths, lambda y, s: (packed_like(input, y), s))
    if input.dim() not in (2, 3):
        raise ValueError(
            f"{name}: Expected input to be 2D or 3D, got {input.dim()}D instead. Pass [T, B, I], "
            "[B, T, I] with batch_first=True, or [T, I] for one sequence."
        )
    if input.dim() == 2:
        if lengths is not None:
            raise ValueError(
                f"{name} got lengths= for one unbatched sequence of shape {list(input.shape)}. "
                "Cut the sequence instead."
            )
        state = None if state is None else map_state(lambda s: s.unsqueeze(1), state)
        return NormalisedInput(
            input.unsqueeze(1),
            state,
            None,
            lambda y, s: (y.squeeze(1), map_state(lambda f: f.squeeze(1), s)),
        )
    if batch_first:
        return NormalisedInput(
            input.transpose(0, 1), state, lengths, lambda y, s: (y.transpose(0, 1), s)
        )
    return NormalisedInput(input, state, lengths, lambda y, s: (y, s))


def packed_like(packed: PackedSequence, y: Tensor) -> PackedSequence:
    """Outputs [T, B, H] packed exactly as the input was, in its order."""
    order = packed.sorted_indices
    _, lengths = pad_packed_sequence(packed)
    if order is not None:
        y, lengths = y[:, order], lengths[order.to(lengths.device)]
    data = pack_padded_sequence(y, lengths).data
    return PackedSequence(data, packed.batch_sizes, order, packed.unsorted_indices)
