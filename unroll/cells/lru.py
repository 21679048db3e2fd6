"""The linear recurrent unit (Orvieto et al. 2023): complex decays on a ring."""

from __future__ import annotations

from math import pi
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.cells.cell import Cell
from unroll.cells.scan import scan


class LRUState(NamedTuple):
    """The state of `LRUCell`: a complex memory.

    Attributes:
        real: its real part [B, H].
        imaginary: its imaginary part [B, H].
    """

    real: Tensor
    imaginary: Tensor


class LRUCell(Cell):
    """The linear recurrent unit: each unit rotates and decays at its own rate.

    When to use it: very long sequences (thousands of steps), in deep stacks with a nonlinearity
    between the layers; by itself it is a linear filter. `r_min` near one and a small `max_phase`
    for memories of many thousand steps.

    Equations, with s the H complex numbers that it remembers:

        lambda = exp(-exp(log_decay) + i exp(log_phase))
        s' = lambda * s + exp(log_scale) * (B x)
        y = Re(C s') + D x

    |lambda| < 1 whatever the parameters are. The equations are computed with real numbers; the
    state has one field for the real part and one for the imaginary part.

    Cost: a step is 2 H I multiplications for B, 2 O H for C (and O I for D where I is not O); none
    of them depends on the step before. The loop itself is 4 H multiplications, against a GRU's 3
    H^2.

    Source: A. Orvieto et al., Resurrecting recurrent neural networks for long sequences, 2023
    (https://arxiv.org/abs/2303.06349).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of complex units.
        output_size: O, the width of the output. None: H.
        r_min: the inner radius of the ring that lambda is drawn from, uniformly by area.
        r_max: the outer radius of that ring.
        max_phase: the largest angle that is drawn, in radians.

    Attributes:
        log_decay: [H].
        log_phase: [H].
        log_scale: [H], drawn so that s has the variance of B x: sqrt(1 - |lambda|^2).
        weight_ih: B [2H, I], the real part, then the imaginary part; normal with variance 1/(2I).
        weight_output: C [O, 2H], the real part, then the imaginary part; normal with variance 1/H.
        skip: D: its diagonal [O] where I is O, as in the paper's code, else D [O, I]; normal with
            variance 1, or 1/I where it is a matrix.

    Shapes:
        - x: [B, I].
        - state: LRUState(real [B, H], imaginary [B, H]).
        - returns: (y [B, O], LRUState). `parallel(x [T, B, I], state)` returns them for every step.

    Raises:
        ValueError: r_min and r_max are no ring inside the unit circle, or max_phase is not between
            0 and 2 pi.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.LRUCell(3, 4, r_min=0.9, r_max=0.999, max_phase=0.3)
        >>> outputs, states = cell.parallel(torch.randn(5, 2, 3), cell.initial_state(2))
        >>> tuple(outputs.shape), tuple(states.real.shape)
        ((5, 2, 4), (5, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        output_size: int | None = None,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * pi,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(
                f"LRUCell got r_min={r_min} and r_max={r_max}; expected 0 <= r_min < r_max <= 1, "
                "a ring inside the unit circle."
            )
        if not 0 < max_phase <= 2 * pi:
            raise ValueError(
                f"LRUCell got max_phase={max_phase}; expected an angle in radians, above 0 and at "
                "most 2 pi."
            )
        self.output_size = hidden_size if output_size is None else output_size
        self.r_min, self.r_max, self.max_phase = r_min, r_max, max_phase
        O, matrix = self.output_size, self.output_size != input_size
        self.log_decay = nn.Parameter(torch.empty(hidden_size))
        self.log_phase = nn.Parameter(torch.empty(hidden_size))
        self.log_scale = nn.Parameter(torch.empty(hidden_size))
        self.weight_ih = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.weight_output = nn.Parameter(torch.empty(O, 2 * hidden_size))
        self.skip = nn.Parameter(torch.empty(O, input_size) if matrix else torch.empty(O))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        I, H = self.input_size, self.hidden_size
        # neither edge of 0 .. 1: a decay that is zero or infinite has no logarithm
        area = torch.empty(H).uniform_(1e-6, 1 - 1e-6)
        squared = self.r_min**2 + area * (self.r_max**2 - self.r_min**2)
        self.log_decay.copy_(torch.log(-0.5 * torch.log(squared)))
        angle = torch.empty(H).uniform_(1e-6, 1) * self.max_phase
        self.log_phase.copy_(torch.log(angle))
        self.log_scale.copy_(0.5 * torch.log1p(-squared))
        nn.init.normal_(self.weight_ih, std=(2 * I) ** -0.5)
        nn.init.normal_(self.weight_output, std=H**-0.5)
        nn.init.normal_(self.skip, std=1.0 if self.skip.dim() == 1 else I**-0.5)

    def forward(self, x: Tensor, state: LRUState) -> tuple[Tensor, LRUState]:
        """One step: x [B, I], state (real [B, H], imaginary [B, H]) -> output [B, O], new LRUState."""
        real, imaginary = state
        decay, phase = torch.exp(-torch.exp(self.log_decay)), torch.exp(self.log_phase)
        cos, sin = decay * torch.cos(phase), decay * torch.sin(phase)
        added_real, added_imaginary = self.added(x)
        real, imaginary = (
            cos * real - sin * imaginary + added_real,
            sin * real + cos * imaginary + added_imaginary,
        )
        return self.output(real, imaginary, x), LRUState(real, imaginary)

    def parallel(self, x: Tensor, state: LRUState) -> tuple[Tensor, LRUState]:
        """All steps at once, without a loop over time.

        Args:
            x: the inputs [T, B, I].
            state: before the first step, LRUState(real [B, H], imaginary [B, H]).

        Returns:
            The outputs [T, B, O], and the states after each step, LRUState of two tensors [T, B, H].
        """
        # complex numbers have at least the width of two float32
        wide = torch.promote_types(x.dtype, torch.float32)
        decay, phase = torch.exp(-torch.exp(self.log_decay)), torch.exp(self.log_phase)
        turn = torch.polar(decay.to(wide), phase.to(wide)).expand(len(x), 1, -1)
        added = torch.complex(*(part.to(wide) for part in self.added(x)))
        s = scan(turn, added, torch.complex(*(part.to(wide) for part in state)))
        real, imaginary = s.real.to(x.dtype), s.imag.to(x.dtype)
        return self.output(real, imaginary, x), LRUState(real, imaginary)

    def added(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """exp(log_scale) * (B x), in two parts; the rows of B are scaled, which is less work.

        Args:
            x: the inputs [..., I].

        Returns:
            The real and the imaginary part, each [..., H].
        """
        scale = torch.exp(self.log_scale)
        real, imaginary = linear(x, torch.cat([scale, scale])[:, None] * self.weight_ih).chunk(
            2, -1
        )
        return real, imaginary

    def output(self, real: Tensor, imaginary: Tensor, x: Tensor) -> Tensor:
        """Re(C s) + D x.

        Args:
            real: the real part of the state s [..., H].
            imaginary: its imaginary part [..., H].
            x: the inputs [..., I].

        Returns:
            The output [..., O].
        """
        C_real, C_imaginary = self.weight_output.chunk(2, -1)
        passed = self.skip * x if self.skip.dim() == 1 else linear(x, self.skip)
        return linear(real, C_real) - linear(imaginary, C_imaginary) + passed

    def initial_state(self, batch_size: int, **like: Any) -> LRUState:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return LRUState(zeros, zeros)
