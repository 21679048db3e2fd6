"""Layer normalisation added to a cell that has none (Ba et al. 2016)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.cells.state import State
from unroll.cells.wrappers.weights import WeightProduct, find_matrices, weight_at, with_weights
from unroll.cells.wrappers.wrapper import NoiseValues, Wrapper


class GateNormCell(Wrapper):
    """Any cell with torch's weights, with layer normalisation of the inputs of its gates.

    When to use it: for steadier training at higher learning rates, with a cell that has no
    normalised form of its own. For an LSTM or GRU take `LayerNormLSTMCell` or `LayerNormGRUCell`,
    which follow the paper exactly.

    Equations, for each gate k (H rows of the weights), in every product with them:

        W_k x + b_k   becomes   gain_ih_k * norm(W_k x) + b_k       rows of weight_ih
        U_k h + b_k   becomes   gain_hh_k * norm(U_k h) + b_k       rows of weight_hh
        norm(v) = (v - mean(v)) / sqrt(variance(v) + epsilon)           over the H numbers of a gate

    The two products are normalised separately and then added, as in the paper; the cell's own
    biases are what the paper calls the shift. Around an `LSTMCell` two things are not as in the
    paper and in `LayerNormLSTMCell`: they normalise the 4H sums of a product together, here the H
    of each gate are normalised alone; and they normalise c' before the output, which a wrapper
    cannot do. Around a GRU only the first differs: r and z share a norm there. TensorFlow's
    LayerNormBasicLSTMCell has each gate by itself too, but normalises the sum of both products.
    This is no reparametrisation of the weights (weight normalisation is one): mean and variance are
    those of each row of the batch, in each step.

    Source: J. L. Ba, J. R. Kiros and G. E. Hinton, Layer normalization, 2016
    (https://arxiv.org/abs/1607.06450).

    Args:
        cell: the inner cell, with one weight_ih and one weight_hh of H rows per gate, as torch's
            RNNCell, LSTMCell and GRUCell have them, and many of unroll's.
        epsilon: added to each variance.

    Attributes:
        gain_ih: [rows of weight_ih], ones at the start.
        gain_hh: [rows of weight_hh], ones at the start.

    Shapes:
        - x: [B, I].
        - state: the inner cell's.
        - returns: (output, new state), as the inner cell has them.

    Raises:
        ValueError: the cell does not have exactly one weight_ih and one weight_hh, or their rows are
            not H per gate.
        AttributeError: in the first step, where the cell uses them for anything but
            `linear(h, weight)`, with all or some of the gates.
        TypeError: `cell` is neither an unroll.Cell nor one of torch's cells.

    Examples:
        >>> import torch, unroll
        >>> layer = unroll.Recurrent(lambda i, h: unroll.GateNormCell(unroll.GRUCell(i, h)), 3, 4)
        >>> tuple(layer(torch.randn(5, 2, 3))[0].shape)
        (5, 2, 4)
    """

    def __init__(self, cell: nn.Module, *, epsilon: float = 1e-5) -> None:
        super().__init__(cell)
        self.epsilon = epsilon
        self.paths: dict[str, str] = {}
        for gain, name in (("gain_ih", "weight_ih"), ("gain_hh", "weight_hh")):
            weights = find_matrices(self.cell, name, "GateNormCell")
            if len(weights) > 1:
                raise ValueError(
                    f"GateNormCell got {type(cell).__name__}, which has {len(weights)} parameters "
                    f"named {name}: {', '.join(weights)}; expected one. Wrap each of its cells."
                )
            ((path, weight),) = weights.items()
            rows = len(weight)
            if rows % self.hidden_size:
                raise ValueError(
                    f"GateNormCell got {type(cell).__name__} with {rows} rows in {name}; expected "
                    f"a multiple of hidden_size={self.hidden_size}: {self.hidden_size} rows per gate."
                )
            self.paths[gain] = path
            self.register_parameter(gain, nn.Parameter(torch.empty(rows)))
        self.reset_own_parameters()

    def reset_own_parameters(self) -> None:
        for gain in self.paths:
            nn.init.ones_(getattr(self, gain))

    def forward(self, x: Tensor, state: State, noise: NoiseValues = None) -> tuple[Tensor, State]:
        """One step: x [B, I], the inner cell's state [B, ...] -> output [B, O], new state [B, ...]."""
        products = {
            path: WeightProduct(
                path, weight_at(self.cell, path), partial(self.normed, getattr(self, gain))
            )
            for gain, path in self.paths.items()
        }
        return self.inner_step(x, state, noise, with_weights(self.cell, products))

    def normed(self, gain: Tensor, h: Tensor, weight: Tensor, rows: slice) -> Tensor:
        """The product of h with the rows of some gates, each gate normalised.

        Args:
            gain: [all rows].
            h: inputs or outputs [B, ...].
            weight: the rows of these gates, [rows, ...].
            rows: where these rows are in the complete weight.

        Returns:
            The product [B, rows], each gate of it normalised and multiplied by its gain.

        Raises:
            ValueError: where `rows` does not start and end between two gates of H rows.
        """
        H = self.hidden_size
        if rows.start % H or rows.stop % H:
            raise ValueError(
                f"GateNormCell got {type(self.cell).__name__}, whose step multiplies with rows "
                f"{rows.start} to {rows.stop} of a weight; expected whole gates of {H} rows."
            )
        gates = linear(h, weight).split(H, -1)  # one product for all gates
        return gain[rows] * torch.cat([norm(gate, self.epsilon) for gate in gates], -1)


def norm(v: Tensor, epsilon: float) -> Tensor:
    """v [..., H] less its mean and divided by its standard deviation, both over the last axis."""
    # written out: torch's layer_norm is traced in another way for a batch of one, which is not compiled
    centred = v - v.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + epsilon)
