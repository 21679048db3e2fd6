"""Which backend runs each part of a layer or model, why, and how its step is compiled."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from unroll.cells import Cell, as_cell
from unroll.engine import choose
from unroll.engine.call import Call, checked_call, parameters_of
from unroll.engine.cpu.suited import unsuited
from unroll.engine.memory.bounded import requested_bound
from unroll.layers.drop_in import DropIn
from unroll.layers.recurrent import Recurrent
from unroll.layers.stack import Part

if TYPE_CHECKING:
    from unroll.engine.compiler.plan import Plan

INDENT = "    "
STEPS, BATCH = 64, 32  # of the call that is explained: the fastest backend depends on the size
WIDTH = 100


def explain(module: nn.Module, *, backend: str | None = None) -> str:
    """Describe which backend runs each recurrent part of a cell, layer or model, why, and its plan.

    When to use it: where a cell of your own is slower than expected, or to see the plan that the
    compiler makes of it: `print(unroll.explain(layer))`.

    The plan is a page of equations, each with the place where it is computed. It is shown also
    where another backend was chosen, and once where several layers share it.

    Args:
        module: a cell, a layer, or a model that holds some.
        backend: "auto", "loop", "torch", "parallel" or "cpu", as in a call; the current one where None.

    Returns:
        Text of several lines, at most 100 characters wide.

    Raises:
        ValueError: nothing in the module is recurrent.
        RuntimeError: the named backend cannot run a part.

    Examples:
        >>> import unroll
        >>> with unroll.backend("torch"):
        ...     page = unroll.explain(unroll.LSTM(3, 4))
        >>> print(*page.splitlines()[:2], sep="\\n")
        LSTM layer 0: LSTMCell runs on the torch backend: it was requested
            LSTMCell: 1 stage forward, 2 backward; saves 6 numbers per step and unit (24 for 4 units)
    """
    from unroll.engine.explain.page import page

    # by the page without its numbers: the part that it was shown for, and the page
    pages: dict[str, tuple[str, str]] = {}
    paragraphs = []
    for part in explanations(module, backend=backend):
        lines = [f"{part.where}: {part.cell} runs on the {part.backend} backend: {part.why}"]
        if part.segments is not None:
            lines.append(f"{INDENT}{part.segments}")
        if part.plan is not None:
            text = page(part.plan, WIDTH - len(INDENT))
            where, shown = pages.setdefault(without_numbers(text), (part.where, text))
            if where == part.where:
                lines.append(textwrap.indent(text, INDENT))
            else:
                other = "" if text == shown else ", with other widths"
                lines.append(f"{INDENT}Its plan is the same as that of {where}{other}.")
            if part.frozen:
                names = ", ".join(part.frozen)
                lines.append(f"{INDENT}No gradient is computed for {names}: nothing needs it.")
        elif part.refusal is not None and part.refusal not in part.why:
            lines.append(f"{INDENT}The cpu backend cannot run it: {part.refusal}.")
        paragraphs.append("\n".join(lines))
    return "\n".join(paragraphs)


def without_numbers(page: str) -> str:
    """A page without its numbers, which is the same for plans that differ only in widths."""
    return re.sub(r"\s+", " ", re.sub(r"\d[\d,.]*", "#", page))


@dataclass(frozen=True)
class Explanation:
    """How one recurrent part is run.

    Attributes:
        where: the layer and direction.
        cell: name of the class.
        backend: name of the backend that runs it.
        why: the reason for this backend.
        plan: the compiler's plan of its step, or None.
        refusal: why there is no plan or the cpu backend does not use it, or None.
        frozen: buffers and frozen parameters; the plan has their gradients, but no call computes
            them.
        segments: how `unroll.bounded` bounds the memory of calls here, as text, or None.
    """

    where: str
    cell: str
    backend: str
    why: str
    plan: Plan | None
    refusal: str | None
    frozen: tuple[str, ...]
    segments: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The same as numbers and text, for JSON."""
        from unroll.engine.explain.counts import counts_of

        return {
            "layer": self.where,
            "cell": self.cell,
            "backend": self.backend,
            "why": self.why,
            "refusal": self.refusal,
            "segments": self.segments,
            **({} if self.plan is None else counts_of(self.plan)),
        }


def explanations(module: nn.Module, *, backend: str | None = None) -> list[Explanation]:
    """The explanation of every recurrent part of a cell, layer or model.

    Raises:
        ValueError: there is none.
        RuntimeError: the named backend cannot run a part.
    """
    found = [explanation(part, where, backend) for where, part in recurrent_parts(module)]
    if not found:
        raise ValueError(
            f"{type(module).__name__} has no recurrent part; expected an unroll cell or layer, or "
            "a model that holds one."
        )
    return found


def chosen_backends(module: nn.Module, ragged: bool = False) -> list[str]:
    """The name of the backend of every recurrent part.

    Args:
        module: a cell, a layer, or a model that holds some.
        ragged: whether the sequences have different lengths, which may change the choice.
    """
    return [choose(example_call(part, ragged))[0].NAME for _, part in recurrent_parts(module)]


def recurrent_parts(module: nn.Module) -> Iterator[tuple[str, Part]]:
    """Yield every recurrent part with its layer and direction."""
    if isinstance(module, Cell | nn.RNNCellBase):
        yield "cell", Part(as_cell(module))
        return
    for path, layer in module.named_modules():
        if isinstance(layer, DropIn | Recurrent):
            name = f"{type(layer).__name__} {path}".strip()
            for number, row in enumerate(layer.parts()):
                for direction, part in enumerate(row):
                    yield f"{name} layer {number}" + (" backward" if direction else ""), part


def explanation(part: Part, where: str, backend: str | None) -> Explanation:
    from unroll.engine.compiler.plan import plan
    from unroll.engine.compiler.trace import Unplannable, trace

    call = example_call(part)
    chosen, why = choose(call, backend)
    refusal = unsuited(part.cell, call.x)
    made, tensors = None, parameters_of(call)
    if call.x.dtype in (torch.float32, torch.float64):  # others are not compiled
        try:
            made = plan(trace(part.cell, tensors, call.x, call.state))
        except Unplannable as reason:
            refusal = str(reason)
    frozen = tuple(
        name for name, t in tensors.items() if t.is_floating_point() and not t.requires_grad
    )
    name, segments = type(part.cell).__name__, describe_segments()
    return Explanation(where, name, chosen.NAME, why, made, refusal, frozen, segments)


def describe_segments() -> str | None:
    """How `unroll.bounded` bounds the memory of a call here, as text; None where it does not."""
    bound = requested_bound()
    if bound is None:
        return None
    if bound.memory is not None:
        segments = f"whose lengths fit {bound.memory:,} bytes, shared by the layer's parts"
    elif bound.length:
        segments = f"of {bound.length} steps"
    else:
        segments = "of the square root of T steps"
    return (
        f"Longer calls run in segments {segments}: the state is kept between them, and the steps "
        "are computed again in the backward pass. Gradients are exact; a recorded call is not "
        "split into segments."
    )


def example_call(part: Part, ragged: bool = False) -> Call:
    """A call with the parameters' dtype and device, with different lengths where ragged."""
    tensors = [*(part.parameters or {}).values(), *part.cell.parameters()]
    like = next((t for t in tensors if t.is_floating_point()), torch.zeros(()))
    x = torch.zeros(STEPS, BATCH, part.cell.input_size, dtype=like.dtype, device=like.device)
    lengths = torch.arange(STEPS, STEPS - BATCH, -1) if ragged else None
    return checked_call(part.cell, x, None, lengths, None, False, None, part.parameters)
