"""Echo state networks: a fixed random reservoir (Jaeger 2001)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class EchoStateCell(Cell):
    """A reservoir: random recurrent weights that are never trained.

    When to use it: small data and signals (chaotic series, sensors), where a linear read-out of the
    states, solved in closed form by `unroll.fit_ridge`, replaces training through time; and as the
    baseline that trained recurrent weights must beat.

    Equations, with a the leak rate:

        n = tanh(W_ih x + b + W_hh h)      candidate
        h' = (1 - a) * h + a * n

    The leak is outside of tanh, as Lukosevicius writes it. Every unit reads the same number of
    units, `connectivity` of H and at least one; those weights are normal, the others zero, and all
    are then scaled until the largest |eigenvalue| of W_hh is `spectral_radius` (Gallicchio et al.
    scale that of (1 - a) I + a W_hh instead). W_ih is dense, uniform in +-input_scaling, b in
    +-bias_scaling. Outputs are not fed back.

    With a spectral radius below one, the state nearly always forgets its initial value and is an
    echo of its inputs; with inputs that are never zero, often above one too. A larger radius and a
    smaller leak rate give more memory; more input scaling makes the units less linear. For inputs
    of many values take an input_scaling of about 1/sqrt(I), or tanh saturates. Without a bias the
    network is odd: -x gives -h, which limits a read-out. With a bias, the error on Mackey-Glass is
    a quarter.

    The weights are buffers, not parameters; the state_dict has them. The gradient still flows to
    the inputs and the state. Eigenvalues take H^3: half a second for 1,000 units.

    Source: H. Jaeger, The "echo state" approach to analysing and training recurrent neural
    networks, 2001 (https://www.ai.rug.nl/minds/uploads/EchoStatesTechRep.pdf); M. Lukosevicius, A
    practical guide to applying echo state networks, 2012
    (https://doi.org/10.1007/978-3-642-35289-8_36).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        spectral_radius: the largest |eigenvalue| of W_hh, at least 0.
        leak_rate: a, 0 < a <= 1; with 1 the old state enters through W_hh h alone.
        input_scaling: the largest |weight| of W_ih.
        bias_scaling: the largest |bias|.
        connectivity: the share of units that a unit reads, 0 < connectivity <= 1.
        seed: gives the same weights every time, whatever was drawn before; two directions or layers
            of one width then have the same weights. None: drawn from torch's generator.

    Attributes:
        weight_ih: [H, I], a buffer.
        weight_hh: [H, H], a buffer.
        bias: [H], a buffer.

    Shapes:
        - x: [B, I].
        - h: [B, H].
        - returns: (h', h').

    Raises:
        ValueError: an option is out of its range.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.EchoStateCell(3, 50, spectral_radius=0.8, seed=1)
        >>> round(float(torch.linalg.eigvals(cell.weight_hh).abs().max()), 5)
        0.8
        >>> states, last = unroll.unroll(cell, torch.randn(7, 2, 3))
        >>> tuple(states.shape), len(list(cell.parameters()))
        ((7, 2, 50), 0)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        spectral_radius: float = 0.9,
        leak_rate: float = 1.0,
        input_scaling: float = 1.0,
        bias_scaling: float = 1.0,
        connectivity: float = 0.1,
        seed: int | None = None,
    ) -> None:
        for name, value, fits, expected in (
            ("spectral_radius", spectral_radius, 0 <= spectral_radius < torch.inf, "at least 0"),
            ("leak_rate", leak_rate, 0 < leak_rate <= 1, "0 < leak_rate <= 1; 1 is no leak"),
            ("input_scaling", input_scaling, 0 <= input_scaling < torch.inf, "at least 0"),
            ("bias_scaling", bias_scaling, 0 <= bias_scaling < torch.inf, "at least 0"),
            ("connectivity", connectivity, 0 < connectivity <= 1, "a share, 0 < connectivity <= 1"),
        ):
            if not fits:
                raise ValueError(f"EchoStateCell got {name}={value}; expected {expected}.")
        super().__init__(input_size, hidden_size)
        self.leak_rate = leak_rate
        self.distribution = ReservoirDistribution(
            spectral_radius, input_scaling, bias_scaling, connectivity, seed
        )
        self.weight_ih: Tensor
        self.weight_hh: Tensor
        self.bias: Tensor
        self.register_buffer("weight_ih", torch.empty(hidden_size, input_size))
        self.register_buffer("weight_hh", torch.empty(hidden_size, hidden_size))
        self.register_buffer("bias", torch.empty(hidden_size))
        self.reset_parameters()

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        n = self.tap(candidate=self.candidate(x, h))
        h = self.leak(h, n)
        return h, h

    def candidate(self, x: Tensor, h: Tensor) -> Tensor:
        """The new values before the leak: x [B, I], h [B, H] -> n [B, H]."""
        return tanh(linear(x, self.weight_ih, self.bias) + linear(h, self.weight_hh))

    def leak(self, h: Tensor, n: Tensor) -> Tensor:
        """The new state [B, H]: h [B, H] with the share leak_rate replaced by n [B, H]."""
        return n if self.leak_rate == 1 else (1 - self.leak_rate) * h + self.leak_rate * n

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the reservoir again; with a seed, the same one."""
        drawn = self.distribution.sample(self.input_size, self.hidden_size)
        for weights, new in zip((self.weight_ih, self.weight_hh, self.bias), drawn, strict=True):
            weights.copy_(new)


@dataclass(frozen=True)
class ReservoirDistribution:
    """The distribution that the weights of a reservoir are drawn from.

    A compiled plan is looked up by the settings of a cell. These settings do not change the step
    and are not part of `repr`, so that another seed or radius needs no new plan.

    Attributes:
        spectral_radius: the largest |eigenvalue| of weight_hh.
        input_scaling: the largest |weight| of weight_ih.
        bias_scaling: the largest |bias|.
        connectivity: the share of units that a unit reads.
        seed: of the generator; None draws from torch's.
    """

    spectral_radius: float = field(repr=False)
    input_scaling: float = field(repr=False)
    bias_scaling: float = field(repr=False)
    connectivity: float = field(repr=False)
    seed: int | None = field(repr=False)

    def sample(self, input_size: int, hidden_size: int) -> tuple[Tensor, Tensor, Tensor]:
        """weight_ih, weight_hh and bias, in float64 on the CPU: a seed is one reservoir anywhere."""
        I, H = input_size, hidden_size
        like: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}
        if self.seed is not None:
            like["generator"] = torch.Generator("cpu").manual_seed(self.seed)
        weight_ih = self.input_scaling * (2 * torch.rand(H, I, **like) - 1)
        bias = self.bias_scaling * (2 * torch.rand(H, **like) - 1)
        weight_hh = torch.randn(H, H, **like)
        # each row keeps the same number, at least one: then the graph has a cycle and a radius above zero
        read = max(1, round(self.connectivity * H))
        weight_hh.scatter_(1, torch.rand(H, H, **like).argsort(1)[:, read:], 0.0)
        radius = torch.linalg.eigvals(weight_hh).abs().max()
        return weight_ih, weight_hh * (self.spectral_radius / radius), bias
