"""Online learning for the training loop: the gradient of a block of a stream is there when it ends.

T time, B batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from unroll.cells import State
from unroll.errors import UserError
from unroll.training.online import Online, OnlineState


class OnlineBlocks:
    """The loss of a block of a stream, with a gradient that was computed forward in time.

    When to use it: as the loss of a stream whose state is carried. The influence of the parameters on
    the state is carried with it, over blocks and checkpoints, so that the gradient reaches back to the
    start of the stream; the weights have changed since, once per block.

    Args:
        model: whose parameters are trained.
        online: of the cell, for B sequences.
        loss: from an output of the cell [B, O] and a step of y [B] to the summed loss.
        read: from a step of x [B] to what the cell reads; None: x itself.

    Raises:
        UserError: where a step of the cell cannot be differentiated forward.

    Examples:
        >>> import torch
        >>> from unroll.models.language import LanguageModel
        >>> from unroll.training.online import Online
        >>> from unroll.training.online_blocks import OnlineBlocks
        >>> network = LanguageModel(20, 4, 8, cell="gru")
        >>> online = Online(network.as_cell(), batch_size=2)
        >>> blocks = OnlineBlocks(network, online, network.output_loss)
        >>> x = torch.randint(20, (11, 2))
        >>> total, carried = blocks(x[:-1], x[1:], None)
        >>> total.backward()
    """

    def __init__(
        self,
        model: nn.Module,
        online: Online,
        loss: Callable[[Tensor, Tensor], Tensor],
        read: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.online, self.loss, self.read = online, loss, read
        self._try()

    def __call__(self, x: Tensor, y: Tensor, carried: State | None) -> tuple[Tensor, OnlineState]:
        """The loss of a block.

        Args:
            x: inputs [T, B].
            y: targets [T, B].
            carried: what the block before returned; None: a stream begins.

        Returns:
            The summed loss, whose backward gives every parameter its gradient; and what is carried
            into the next block.
        """
        online = self.online
        online.carried = online.start() if carried is None else carried
        before = [p.grad for p in self.parameters]
        try:
            for p in self.parameters:
                p.grad = None
            total = torch.zeros((), dtype=online.like.dtype, device=x.device)
            for now, target in zip(x, y, strict=True):
                read = now if self.read is None else self.read(now)
                total += online.step(read, partial(self._step_loss, target))
            gradients = [p.grad for p in self.parameters]
        finally:
            for p, gradient in zip(self.parameters, before, strict=True):
                p.grad = gradient
        return KnownGradients.apply(total, gradients, *self.parameters), online.carried

    def _step_loss(self, y: Tensor, output: Tensor) -> Tensor:
        """The loss of one step, for `Online.step`."""
        return self.loss(output, y)

    def _try(self) -> None:
        """Take one step with tokens 0: a cell that torch cannot differentiate is refused before training."""
        nothing = torch.zeros(1, self.online.B, dtype=torch.long, device=self.online.like.device)
        try:
            self(nothing, nothing, None)
        except RuntimeError as error:
            if "memory" in str(error):
                raise
            name = type(self.online.cell).__name__
            raise UserError(
                f"The step of {name} cannot be differentiated forward: {' '.join(str(error).split())} "
                "Use another cell, or leave online out."
            ) from error


class KnownGradients(torch.autograd.Function):
    """A number whose gradients are known already."""

    @staticmethod
    def forward(
        ctx: Any, value: Tensor, gradients: Sequence[Tensor | None], *parameters: Tensor
    ) -> Tensor:
        """A value [], the gradient of each parameter in its shape, or None -> the value []."""
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> Any:
        """scale [] -> the known gradients times it, each in the shape of its parameter; else None."""
        return None, None, *(None if g is None else g * scale for g in ctx.gradients)
