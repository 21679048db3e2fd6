"""A cell's step as a graph of aten operations, true for any batch size.

The step is traced by `make_fx` on real tensors of two batch sizes. Where the two graphs differ by
a number, the number must be a multiple of the batch size; it becomes a multiple of the graph's
first input, N. What differs in any other way has the batch size baked in and is refused.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.func import functional_call, functionalize
from torch.fx import traceback as fx_traceback
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

from unroll.cells import Cell, State, fields, map_state
from unroll.cells.cell import collecting_taps, shallow_copy
from unroll.engine.compiler.decompositions import decompositions
from unroll.engine.compiler.traced import Traced
from unroll.engine.refusal import Unplannable

aten = torch.ops.aten

# primes, so that no width is mistaken for a batch
BATCHES = (101, 103, 107, 109, 113, 127, 131, 137)
RANDOM = ("bernoulli", "rand", "normal", "native_dropout", "multinomial", "exponential")


class StepModule(nn.Module):
    """The step as a module, so that `functional_call` can swap the cell's parameters in it."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell
        self.training = cell.training

    def forward(self, x: Tensor, state: State, *noise: Any) -> tuple[Tensor, State]:
        """One step, as the cell says: x [B, I], state [B, ...] -> output [B, H], new state."""
        return self.cell.step(x, state, *noise)


def trace(
    cell: Cell, parameters: Mapping[str, Tensor], x: Tensor, state: State, taps: bool = False
) -> Traced:
    """The step of a cell over the given parameters and buffers.

    Args:
        cell: the cell; its mode decides whether it draws noise.
        parameters: parameters and buffers by name.
        x: inputs [T, B, I]; only its width and dtype matter.
        state: an example, fields [B, ...].
        taps: whether what the step names with `tap` is traced too.

    Raises:
        Unplannable: with the line of the step that cannot be traced.
    """
    sizes = {s for p in parameters.values() for s in p.shape}
    sizes |= {s for _, f in fields(state) for s in f.shape[1:]} | {x.shape[2]}
    sizes |= {s for noise in cell.noise().values() for s in noise.shape}
    batches = [b for b in BATCHES if all(s % b for s in sizes if s)][:2]
    if len(batches) < 2:
        raise Unplannable("its widths are multiples of every batch size that could be tried")
    # two to tell what is a batch size, and small ones to see that they are treated no differently
    batches += [3, 1]
    named: dict[str, Tensor] = {}
    graphs = [_trace(cell, parameters, x, state, b, named if taps else None) for b in batches]
    _batch_as_input(graphs, batches)
    return _roles(graphs[0], cell, parameters, state, batches[0], list(named))


def _trace(
    cell: Cell,
    parameters: Mapping[str, Tensor],
    x: Tensor,
    state: State,
    batch: int,
    named: dict[str, Tensor] | None,
) -> fx.Graph:
    """named: filled with what the step names with `tap`, which the graph then returns too."""
    step = StepModule(shallow_copy(cell))
    before = attributes(step.cell)
    names = list(parameters)
    declared = cell.noise() if cell.training else {}
    noisy = bool(cell.noise())

    def flat(*inputs: Tensor) -> list[Tensor]:
        rest = iter(inputs[len(names) :])
        stand_ins = {f"cell.{n}": p for n, p in zip(names, inputs, strict=False)}
        x = next(rest)
        old = map_state(lambda _: next(rest), state)
        drawn = {name: next(rest) for name in declared}
        noise = ((drawn if declared else None),) if noisy else ()
        with _Lines(), contextlib.ExitStack() as stack:
            if named is not None:
                named.clear()
                stack.enter_context(collecting_taps(named.__setitem__))
            output, new = functional_call(step, stand_ins, (x, old, *noise))
        return [output, *(f for _, f in fields(new)), *(named or {}).values()]

    def example(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        return torch.zeros(tuple(shape), dtype=dtype)

    # real values where there are some: a step may divide by a whole number among its buffers
    examples = [
        example(p.shape, p.dtype) if p.is_meta else p.detach().cpu().clone()
        for p in parameters.values()
    ]
    examples.append(example((batch, x.shape[2]), x.dtype))
    examples += [example((batch, *f.shape[1:]), f.dtype) for _, f in fields(state)]
    examples += [
        example(n.shape if n.each == "once" else (batch, *n.shape), x.dtype)
        for n in declared.values()
    ]
    graph = graph_of(flat, examples, batch).graph
    after = attributes(step.cell)
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    if changed:
        raise Unplannable(
            f"its step changes {min(changed)}, which is not part of its state; keep it in the state"
        )
    _forget_layout(graph)
    return graph


def _forget_layout(graph: fx.Graph) -> None:
    """Copies that only move numbers go: whether there is one depends on the batch. What is then
    seen in another shape may lie in pieces."""
    aten = torch.ops.aten
    for node in list(graph.nodes):
        if node.target is aten.clone.default:
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
        elif node.target in (aten.view.default, aten._unsafe_view.default):
            node.target = aten.reshape.default


INTERNAL = frozenset(vars(nn.Module()))


def attributes(cell: Cell) -> dict[str, Any]:
    """What a cell and the modules in it hold besides tensors, to see whether a step changes it."""
    found: dict[str, Any] = {}
    for path, module in cell.named_modules():
        for name, value in vars(module).items():
            if name not in INTERNAL:
                inside = list(value.values()) if isinstance(value, dict) else value
                parts = inside if isinstance(inside, list | set) else ()
                same = value if isinstance(value, int | float | str) else id(value)
                found[f"{path}.{name}".lstrip(".")] = (same, *map(id, parts))
    return found


def graph_of(
    function: Callable[..., Any], examples: Sequence[Tensor], batch: int | None = None
) -> fx.GraphModule:
    """The aten graph of a function of flat tensors, without in-place operations.

    Args:
        function: takes the tensors and returns tensors.
        examples: one for each argument, `[*]`; the graph is that of their shapes and dtypes.
        batch: the batch size of the examples, for errors that name it.

    Raises:
        Unplannable: where the function decides by the value of a tensor, draws random numbers, or
            fails.
    """
    make = functools.partial(make_fx, decomposition_table=decompositions())
    try:
        with torch.no_grad(), fx_traceback.preserve_node_meta():
            module = make(functionalize(function))(*examples)
            if any(in_place(n) for n in module.graph.nodes):
                # some of torch's own decompositions work in place
                again = fx.Interpreter(module)
                module = make(functionalize(again.run))(*examples)
    except Unplannable:
        raise
    except Exception as error:
        message = str(error).strip().split("\n")[0]
        if "value out of a tracing" in str(error) or "Boolean value" in str(error):
            message = "it decides by the value of a tensor, which is not known before it runs"
        elif "Expected more than 1 value per channel" in message:
            message = "it normalises over the batch, which mixes its sequences; use layer_norm"
        elif batch is not None and f"({batch})" in message:
            message += f" (a batch of {batch} was tried)"
        raise Unplannable(message, _line_of(error.__traceback__)) from error
    module.graph.eliminate_dead_code()
    for node in module.graph.nodes:
        node.meta["line"] = Path((node.meta.get("stack_trace") or "").strip()).name
        node.meta["val"] = shape_of(node.meta.get("val"))
        if node.op == "get_attr":
            raise Unplannable(
                "it reads a tensor that is neither a parameter nor a buffer; keep it with "
                "register_buffer",
                node.meta["line"],
            )
        if node.op == "call_function" and any(r in str(node.target) for r in RANDOM):
            raise Unplannable(
                "it draws random numbers inside the step; declare them in noise() instead",
                node.meta["line"],
            )
    return module


def in_place(node: fx.Node) -> bool:
    """Whether an operation changes one of its operands."""
    packet = getattr(node.target, "overloadpacket", None)
    return packet is not None and packet.__name__.endswith("_")


def shape_of(value: Any) -> Any:
    """The shape and dtype of a traced value, as a tensor without storage."""
    if isinstance(value, list | tuple):
        return [shape_of(v) for v in value]
    if isinstance(value, Tensor):
        return torch.empty(value.shape, dtype=value.dtype, device="meta")
    return value


class _Lines(TorchFunctionMode):
    """Writes into every traced node which line of the user's code it comes from."""

    def __torch_function__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        frame: FrameType | None = _outside(__import__("sys")._getframe(1))
        if frame is not None:
            meta = fx_traceback.get_current_meta()
            meta["stack_trace"] = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        return function(*args, **(kwargs or {}))


def _outside(frame: FrameType | None) -> FrameType | None:
    while frame is not None and _inner(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _inner(file: str) -> bool:
    torchs = str(Path(torch.__file__).parent) + os.sep
    return file.startswith((torchs, "<")) or file == __file__


def _place(file: str, line: int) -> str:
    return f"{Path(file).name}:{line}"


def _line_of(traceback: TracebackType | None) -> str:
    """The innermost line of an exception that is neither torch's nor the engine's."""
    found = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not _inner(file) and f"{os.sep}unroll{os.sep}engine{os.sep}" not in file:
            found = _place(file, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


def _batch_as_input(graphs: Sequence[fx.Graph], batches: Sequence[int]) -> None:
    """Replace every multiple of the batch size in the first graph by a multiple of an input.

    Raises:
        Unplannable: where the graphs differ in any other way.
    """
    graph = graphs[0]
    ours = list(graph.nodes)
    others = [list(g.nodes) for g in graphs[1:]]
    baked = "its operations change with the batch size"
    if any(len(nodes) != len(ours) for nodes in others):
        raise Unplannable(baked)
    with graph.inserting_before(ours[0]):
        size = graph.placeholder("N")
    twins = [dict(zip(nodes, ours, strict=True)) for nodes in others]
    start = next(n for n in ours if n.op != "placeholder")
    multiples: dict[int, fx.Node] = {1: size}

    def merged(a: Any, bs: Sequence[Any], line: str) -> Any:
        """An argument of the first graph, with multiples of the batch size as nodes.

        Raises:
            Unplannable: where the other graphs' arguments differ in any other way.
        """
        if isinstance(a, fx.Node):
            if any(
                not isinstance(b, fx.Node) or twin[b] is not a
                for b, twin in zip(bs, twins, strict=True)
            ):
                raise Unplannable(baked, line)
            return a
        if isinstance(a, list | tuple):
            if any(not isinstance(b, list | tuple) or len(b) != len(a) for b in bs):
                raise Unplannable(baked, line)
            return type(a)([merged(p, q, line) for p, *q in zip(a, *bs, strict=True)])
        if all(a == b or (a != a and b != b) for b in bs):
            return a
        factor = a // batches[0] if type(a) is int else 0
        if factor and [a, *bs] == [factor * b for b in batches]:
            if factor not in multiples:
                with graph.inserting_before(start):
                    multiples[factor] = graph.call_function(operator.mul, (size, factor))
                    multiples[factor].meta["line"] = ""
            return multiples[factor]
        if all(a == b for b in bs[:-1]):
            raise Unplannable(
                "it computes a batch of one in another way, as einsum does; write products with @ "
                "or linear",
                line,
            )
        raise Unplannable(
            f"its numbers change with the batch size ({a} for {batches[0]} rows)", line
        )

    for a, *bs in zip(ours, *others, strict=True):
        line = a.meta["line"]
        if any(b.op != a.op or b.target != a.target for b in bs):
            raise Unplannable(baked, line)
        a.args = merged(a.args, [b.args for b in bs], line)
        a.kwargs = {k: merged(v, [b.kwargs.get(k) for b in bs], line) for k, v in a.kwargs.items()}
        sized = [n for n in (*a.args, *a.kwargs.values()) if n in multiples.values()]
        if sized and a.target is not operator.mul and "full" not in str(a.target):
            raise Unplannable(
                "it computes with the batch size, as a mean over the batch does", line
            )


def _roles(
    graph: fx.Graph,
    cell: Cell,
    parameters: Mapping[str, Tensor],
    state: State,
    batch: int,
    named: Sequence[str],
) -> Traced:
    placeholders = [n for n in graph.nodes if n.op == "placeholder"]
    rest = iter(placeholders)
    size = next(rest)
    weights = {name: next(rest) for name in parameters}
    x = next(rest)
    states = [next(rest) for _ in fields(state)]
    declared = cell.noise() if cell.training else {}
    noises: dict[str, tuple[str, fx.Node]] = {}
    for name, noise in declared.items():
        if noise.each == "once":
            weights[f"noise:{name}"] = next(rest)
        else:
            noises[name] = (noise.each, next(rest))
    once = [name for name, noise in declared.items() if noise.each == "once"]
    returned = next(n for n in graph.nodes if n.op == "output")
    output, *rest = returned.args[0]
    new, taps = rest[: len(states)], dict(zip(named, rest[len(states) :], strict=True))
    for node in graph.nodes:
        if str(node.target).startswith("aten.copy_") and node.args[0] in placeholders:
            raise Unplannable("it changes one of its inputs in place", node.meta["line"])
    whole = [(output, "output"), *((n, "new state") for n in new)]
    for value, name in [*whole, *((n, f"{name!r} (named with tap)") for name, n in taps.items())]:
        if not isinstance(value, fx.Node) or value.meta["val"].shape[:1] != (batch,):
            raise Unplannable(f"its {name} does not have one row for each sequence")
    for old, value, (name, _) in zip(states, new, fields(state), strict=True):
        a, b = old.meta["val"], value.meta["val"]
        if a.shape != b.shape or a.dtype != b.dtype:
            raise Unplannable(
                f"its state {name} goes in as {a.dtype} {list(a.shape[1:])} and comes out as "
                f"{b.dtype} {list(b.shape[1:])}"
            )
    names = tuple(name for name, _ in fields(state))
    return Traced(
        graph, size, weights, x, states, noises, once, output, new, batch,
        type(cell).__name__, names, taps,
    )  # fmt: skip
