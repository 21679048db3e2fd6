"""Zoneout: units that randomly keep their old value (Krueger et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn, where

from unroll.cells.cell import Noise
from unroll.cells.state import State, fields, map_state
from unroll.cells.wrappers.wrapper import NoiseValues, Wrapper, checked_probability


class ZoneoutCell(Wrapper):
    """Any cell, whose units randomly keep their value of the step before.

    When to use it: against overfitting, where dropout on the state would make a cell forget. The
    paper's best for Penn Treebank, around an LSTM: `{"h": 0.05, "c": 0.5}` for characters and
    `{"h": 0.025, "c": 0.25}` for words.

    Equations, for each field s of the state that has a probability p, with s' its new value from
    the inner cell, and d drawn for each step, sequence and unit:

        d = 1 with probability p, else 0        in training
        d = p                                   in eval mode: the expectation
        s'' = d * s + (1 - d) * s'

    An LSTM's h' is computed from c' before zoneout, as the paper writes it. An output that is a
    field of the new state (h of an LSTM or GRU) is the value after zoneout, as in the paper; any
    other output is as the inner cell gives it. (The authors' TensorFlow sketch gives all outputs
    before zoneout.)

    Source: D. Krueger et al., Zoneout: regularizing RNNs by randomly preserving hidden activations,
    2016 (https://arxiv.org/abs/1606.01305).

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell.
        probability: p, 0 <= p < 1: one number for every field of floating point, or one per field by
            name ("h" where the state is a bare tensor); other fields are not changed.

    Shapes:
        - x: [B, I].
        - state: the inner cell's.
        - noise: the drawn random numbers in training, else None.
        - returns: (output, new state), as the inner cell has them.

    Raises:
        ValueError: a probability is outside 0 <= p < 1, or a field is not in the state or holds whole
            numbers.
        TypeError: `cell` is neither an unroll.Cell nor one of torch's cells.

    Examples:
        >>> import torch, unroll
        >>> layer = unroll.Recurrent(lambda i, h: unroll.ZoneoutCell(unroll.LSTMCell(i, h), 0.1), 3, 4)
        >>> output, state = layer(torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(state.c.shape)
        ((5, 2, 4), (1, 2, 4))
    """

    def __init__(self, cell: nn.Module, probability: float | Mapping[str, float] = 0.1) -> None:
        super().__init__(cell)
        found = dict(fields(self.cell.initial_state(1)))
        smooth = {name: field for name, field in found.items() if field.is_floating_point()}
        if not isinstance(probability, Mapping):
            probability = dict.fromkeys(smooth, probability)
        for name, p in probability.items():
            if name not in smooth:
                whole = " (whole numbers cannot be zoned out)" if name in found else ""
                raise ValueError(
                    f"ZoneoutCell got a probability for {name!r}{whole}; expected fields of the "
                    f"state of {type(cell).__name__}: {', '.join(smooth)}."
                )
            checked_probability("ZoneoutCell", f"probability of {name}", p)
        self.probability = {name: p for name, p in probability.items() if p > 0}
        self.shapes = {name: tuple(smooth[name].shape[1:]) for name in self.probability}

    def noise(self) -> dict[str, Noise]:
        own = {f"keep.{n}": Noise(self.shapes[n], keep=p) for n, p in self.probability.items()}
        return super().noise() | own

    def forward(self, x: Tensor, state: State, noise: NoiseValues = None) -> tuple[Tensor, State]:
        """One step: x [B, I], the inner cell's state [B, ...] -> output [B, O], new state [B, ...]."""
        output, new = self.inner_step(x, state, noise)
        names = (name for name, _ in fields(state))

        def zoned(old: Tensor, new: Tensor) -> Tensor:
            """A field after zoneout [B, ...], from its old and its new value, each [B, ...]."""
            name = next(names)
            if name not in self.probability:
                return new
            if noise is None:
                p = self.probability[name]
                return p * old + (1 - p) * new
            return where(noise[f"keep.{name}"] > 0, old, new)

        state = map_state(zoned, state, new)
        for (_, before), (_, after) in zip(fields(new), fields(state), strict=True):
            if output is before:
                return after, state
        return output, state
