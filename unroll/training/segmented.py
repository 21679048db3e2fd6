"""Model and loss by segments: exact gradients of a stream of any length in the memory of a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from unroll.cells import State, fields, map_state
from unroll.engine.memory.schedule import Segmentation, kept_before, segments_in_reverse
from unroll.errors import UserError

Part = TypeVar("Part")


def segmented(
    model: nn.Module,
    stream: Sequence[Part],
    loss: Callable[[Part, State | None], tuple[Tensor, State | None]],
    state: State | None = None,
    *,
    states: int | None = None,
) -> tuple[Tensor, State | None]:
    """The loss of a whole stream, of which `backward()` finds the exact gradient part by part.

    When to use it: everything between the parameters and the loss is too long to keep, so that
    bounding the recurrent layers alone (`unroll.bounded`) is not enough: a million steps with a
    loss at each. Only one part is in memory at a time, and the states between parts.

        total = sum_k loss(part_k, state_{k-1});   d total / d parameters through all the states

    Args:
        model: whose parameters are trained.
        stream: the parts, in order; each is asked for twice or more (anything with a length and
            numbers: a list, or an object that reads them).
        loss: from a part and the state before it (None: the initial state) to the summed loss and the
            state after it. It must do the same each time; random numbers are those of the first time.
        state: before the first part; may have a gradient. None: the model's initial state.
        states: how many states between parts may be kept at once; None: all of them. Fewer states
            cost more runs (Gruslys et al. 2016, https://arxiv.org/abs/1606.03401).

    Returns:
        The summed loss [], and the state after the last part (without a gradient).

    Raises:
        UserError: for a stream without parts, or fewer than one state.

    Examples:
        >>> import torch
        >>> from unroll.models.language import LanguageModel
        >>> from unroll.training.segmented import segmented
        >>> network = LanguageModel(20, 8, 16)
        >>> x, y = torch.randint(20, (1000, 1)), torch.randint(20, (1000, 1))
        >>> parts = list(zip(x.split(50), y.split(50)))
        >>> total, _ = segmented(network, parts, lambda part, state: network.loss(*part, state))
        >>> total.backward()
    """
    if not len(stream):
        raise UserError("segmented got a stream without parts; expected at least one.")
    if states is not None and states < 1:
        raise UserError(f"segmented got states={states}; expected at least 1, or None for all.")
    parameters = [p for p in model.parameters() if p.requires_grad]
    segmentation = Segmentation(len(stream), 1, states or len(stream), whole=0)
    chain = PartChain(stream, loss, state, segmentation, {p.device for p in parameters})
    if torch.is_grad_enabled():
        total = ChainLoss.apply(chain, len(parameters), *parameters, *flat(state))
    else:
        total = chain.sweep(state, frozenset())
    return total, chain.last


def flat(state: State | None) -> list[Tensor]:
    """The fields of a state; of None, none."""
    return [] if state is None else [field for _, field in fields(state)]


def rebuilt(like: State | None, flat: Sequence[Tensor]) -> State | None:
    """A state of the structure of `like`, of these fields, each `[...]`; None where `like` is None."""
    each = iter(flat)
    return None if like is None else map_state(lambda _: next(each), like)


class PartChain:
    """The parts of a stream, and what was kept between them: random states and states."""

    def __init__(
        self,
        stream: Sequence[Any],
        loss: Callable[[Any, State | None], tuple[Tensor, State | None]],
        start: State | None,
        segmentation: Segmentation,
        devices: set[torch.device],
    ) -> None:
        self.stream, self.loss, self.start, self.segmentation = stream, loss, start, segmentation
        self.cuda = [d for d in devices if d.type == "cuda"]
        self.kept: dict[int, tuple[Any, State | None]] = {}
        self.last: State | None = None

    @torch.no_grad()
    def sweep(self, state: State | None, before: frozenset[int]) -> Tensor:
        """The summed loss of all parts, a number []; `last` is then the state after them.

        Args:
            state: before the first part. None: the initial state.
            before: numbers of the parts before which the random state and the state are kept.

        Raises:
            RuntimeError: where the stream has no part.
        """
        total: Tensor | None = None
        for k in range(len(self.stream)):
            if k in before:
                self.kept[k] = (self.random(), state)
            value, state = self.loss(self.stream[k], state)
            total = value.clone() if total is None else total.add_(value)
        if total is None:
            raise RuntimeError("There is always a first part.")
        self.last = state
        return total

    @torch.no_grad()
    def advance(
        self, kept: tuple[Any, State | None], start: int, stop: int
    ) -> tuple[Any, State | None]:
        """The random state and the state before part `stop`, from those before `start`."""
        random, state = kept
        with self.as_then(random):
            for k in range(start, stop):
                _, state = self.loss(self.stream[k], state)
            return self.random(), state

    def random(self) -> Any:
        """The states of the random generators."""
        return torch.get_rng_state(), [torch.cuda.get_rng_state(d) for d in self.cuda]

    @contextmanager
    def as_then(self, random: Any) -> Iterator[None]:
        """A block with the random numbers of then; the generators are restored after it."""
        with torch.random.fork_rng(self.cuda):
            cpu, others = random
            torch.set_rng_state(cpu)
            for device, state in zip(self.cuda, others, strict=True):
                torch.cuda.set_rng_state(state, device)
            yield


class ChainLoss(torch.autograd.Function):
    """The summed loss of a chain, as a function of the parameters and the start."""

    @staticmethod
    def forward(ctx: Any, chain: PartChain, count: int, *inputs: Tensor) -> Tensor:
        start = rebuilt(chain.start, inputs[count:])
        total = chain.sweep(start, frozenset(kept_before(chain.segmentation)))
        ctx.chain, ctx.count = chain, count
        ctx.save_for_backward(*inputs)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        """Gradient [] -> those of the parameters and of the first state, each in its own shape."""
        chain, inputs = ctx.chain, ctx.saved_tensors
        parameters = list(inputs[: ctx.count])
        sums: list[Tensor | None] = [None] * len(parameters)
        of_state: list[Tensor | None] | None = None
        kept = dict(chain.kept)
        for k in segments_in_reverse(chain.segmentation, kept, chain.advance):
            of_parameters, of_state = backward_of_part(
                chain, k, kept.pop(k), parameters, gradient, of_state
            )
            for p, g in enumerate(of_parameters):
                if g is not None:
                    total = sums[p]
                    sums[p] = g.clone() if total is None else total.add_(g)
        of_start = of_state if chain.start is not None else []
        return None, None, *sums, *(of_start or [])


def backward_of_part(
    chain: PartChain,
    k: int,
    kept: tuple[Any, State | None],
    parameters: list[Tensor],
    of_loss: Tensor,
    of_state: list[Tensor | None] | None,
) -> tuple[Sequence[Tensor | None], list[Tensor | None]]:
    """Run a part again, and go back through it.

    Args:
        chain: with the parts.
        k: the number of the part.
        kept: the random state and the state before it.
        parameters: whose gradients are wanted.
        of_loss: the gradient of the loss [].
        of_state: gradients of the state after the part, or None for the last part.

    Returns:
        The gradients of the parameters, and those of the state before the part.
    """
    random, state = kept
    fields_before = [f.detach() for f in flat(state)]
    learning = [f.requires_grad_() for f in fields_before if f.is_floating_point()]
    with chain.as_then(random), torch.enable_grad():
        value, after = chain.loss(chain.stream[k], rebuilt(state, fields_before))
    outputs = [value, *flat(after)]
    gradients = [of_loss, *(of_state or [None] * len(flat(after)))]
    pairs = [
        (o, g) for o, g in zip(outputs, gradients, strict=True) if g is not None and o.requires_grad
    ]
    wanted = [*parameters, *learning]
    found: Sequence[Tensor | None] = [None] * len(wanted)
    if pairs and wanted:
        found = torch.autograd.grad(
            [o for o, _ in pairs], wanted, [g for _, g in pairs], allow_unused=True
        )
    rest = iter(found[len(parameters) :])
    before = [next(rest) if f.is_floating_point() else None for f in fields_before]
    return found[: len(parameters)], before
