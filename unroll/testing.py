"""The promises that every cell keeps, as one function for our own tests and for users' cells.

T time, B batch, I input.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError

from unroll.cells import Cell, State, as_cell, fields, map_state
from unroll.cells.torch_cell import TorchCell
from unroll.engine import cpu, parallel, unroll
from unroll.engine.backends import backend
from unroll.engine.call import checked_call
from unroll.engine.noise import at_step, draw_noise
from unroll.layers import Recurrent

Fresh = Callable[[torch.dtype], Cell]
Run = tuple[Tensor, State]

T, B = 6, 3
LENGTHS = [6, 2, 0]
LONG = 130  # steps: more than two blocks of 64, for parallel forms that work in blocks


def check_cell(
    make: Callable[[int, int], nn.Module], *, input_size: int = 3, hidden_size: int = 4
) -> None:
    """Check that a cell keeps every promise that layers, backends and generation lean on.

    When to use it: in the tests of a cell of your own, before anything is trained with it.

    The promises: shapes and dtypes in float32 and float64; an initial state that a step keeps in
    form; arguments left unchanged; no random numbers of its own; eval mode deterministic; the
    state matters; gradients (gradcheck over three steps); save and load; batch = one by one;
    padded = unpadded, with NaN in the padding and a length of zero; one pass = two halves; reverse
    = each sequence flipped; a reset = starting anew; step by step = sequence; where the cell has
    a `parallel` form, that form = step by step, from any state that occurs and at any split; and,
    where the step can be compiled, compiled kernels = the loop.

    Args:
        make: the class, or any `callable(input_size, hidden_size) -> Cell`; called several times,
            and must give a new cell each time.
        input_size: I. hidden_size: H. Small sizes keep gradcheck quick.

    The caller's random state is left as it was.
    Raises: AssertionError with a sentence, for the first promise that is broken.

    Example:
        >>> import torch, unroll
        >>> from unroll.testing import check_cell
        >>> class LeakyCell(unroll.Cell):
        ...     def __init__(self, input_size, hidden_size):
        ...         super().__init__(input_size, hidden_size)
        ...         self.read = torch.nn.Linear(input_size, hidden_size)
        ...     def forward(self, x, h):
        ...         h = 0.9 * h + 0.1 * torch.tanh(self.read(x))
        ...         return h, h
        >>> check_cell(LeakyCell)
    """

    def fresh(dtype: torch.dtype) -> Cell:
        return as_cell(make(input_size, hidden_size)).to(dtype).eval()

    with torch.random.fork_rng(devices=[]), backend("loop"):
        torch.manual_seed(0)
        for dtype in (torch.float32, torch.float64):
            check_initial_state(fresh(dtype), dtype)
            check_step(fresh(dtype), dtype)
        check_no_drawing(fresh(torch.float64))
        check_deterministic(fresh(torch.float64))
        check_state_matters(fresh(torch.float64))
        check_gradients(fresh(torch.float64))
        check_save_and_load(fresh)
        check_one_by_one(fresh(torch.float64))
        check_padding(fresh(torch.float64))
        check_two_halves(fresh(torch.float64))
        check_reverse(fresh(torch.float64))
        check_resets(fresh(torch.float64))
        check_step_by_step(make, input_size, hidden_size)
        check_parallel(fresh(torch.float64))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        check_compiled(fresh(torch.float64))


def check_initial_state(cell: Cell, dtype: torch.dtype) -> None:
    for batch_size in (1, B):
        state = cell.initial_state(batch_size, dtype=dtype, device="cpu")
        for name, field in fields(state):
            if not isinstance(field, Tensor):
                broken(cell, f"has {type(field).__name__} in its state ({name}), not a tensor")
            if field.dim() < 1 or len(field) != batch_size:
                broken(
                    cell,
                    f"starts {name} with shape {list(field.shape)}; expected [B={batch_size}, ...]",
                )
            if field.is_floating_point() and field.dtype != dtype:
                broken(cell, f"starts {name} as {field.dtype} when {dtype} was asked for")
            if not bool(torch.isfinite(field).all()):
                broken(cell, f"starts {name} with numbers that are not finite")


def check_step(cell: Cell, dtype: torch.dtype) -> None:
    x = torch.randn(1, B, cell.input_size, dtype=dtype)
    start = cell.initial_state(B, dtype=dtype, device="cpu")
    given = x.clone(), map_state(torch.clone, start)
    answer = cell.step(x[0], start, *at_step(draw_noise(cell, x), 0))
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[0], Tensor):
        broken(cell, f"answers with {type(answer).__name__}; expected (output, new state)")
    output, new = answer
    if output.shape != (B, cell.output_size) or output.dtype != dtype:
        broken(
            cell,
            f"gives output {list(output.shape)} of {output.dtype}; expected "
            f"[B={B}, output_size={cell.output_size}] of {dtype}",
        )
    if form(new) != form(start):
        broken(cell, f"turns its state from {form(start)} into {form(new)}; expected the same form")
    same(cell, "changes its arguments in place", (x, start), given)


def check_no_drawing(cell: Cell) -> None:
    cell.train()
    x = sequence(cell)
    before = torch.get_rng_state()
    draw_noise(cell, x)
    declared = torch.get_rng_state()
    torch.set_rng_state(before)
    unroll(cell, x, backend="loop")
    if not torch.equal(declared, torch.get_rng_state()):
        broken(cell, "draws random numbers itself; declare them in noise(), the engine draws them")


def check_deterministic(cell: Cell) -> None:
    x, state = sequence(cell), used_state(cell)
    first = unroll(cell, x, state)
    unroll(cell, x[:1], state)  # so that a hidden counter is not back where it was
    again = unroll(cell, x, state)
    same(
        cell,
        "gives two answers to one question in eval mode (it draws noise, or keeps something "
        "between calls outside its state)",
        again,
        first,
    )


def check_state_matters(cell: Cell) -> None:
    x = sequence(cell)
    used, anew = unroll(cell, x, used_state(cell)), unroll(cell, x)
    if difference(used, anew) == 0:
        broken(cell, "ignores the state it is given: from another state it does the same")


def check_gradients(cell: Cell) -> None:
    """Gradcheck of outputs and final state, in x, state and parameters, with fixed noise."""
    cell.train()
    x = sequence(cell)[:3, :2].clone().requires_grad_()
    state = map_state(lambda s: leaf(s[:2]), used_state(cell))
    names = [name for name, p in cell.named_parameters() if p.requires_grad]
    weights = [leaf(p) for p in cell.parameters() if p.requires_grad]
    seed = 1

    def run(*_: Tensor) -> tuple[Tensor, ...]:  # the tensors are changed where they lie
        torch.manual_seed(seed)
        out, last = unroll(cell, x, state, parameters=dict(zip(names, weights, strict=True)))
        return tuple(t for t in tensors((out, last)) if t.is_floating_point())

    if not run()[0].requires_grad:
        broken(cell, "gives an output without a gradient")
    inputs = (x, *(s for s in tensors(state) if s.is_floating_point()), *weights)
    try:
        torch.autograd.gradcheck(run, inputs, nondet_tol=1e-10)
    except GradcheckError as error:
        where = str(error).splitlines()[0].rstrip(",:")
        raise AssertionError(
            f"{name_of(cell)} has a gradient that is not the slope of its output (gradcheck in "
            f"float64 over 3 steps; inputs are x, state, parameters): {where}."
        ) from error


def check_save_and_load(fresh: Fresh) -> None:
    cell, other = fresh(torch.float64), fresh(torch.float64)
    file = io.BytesIO()
    torch.save(cell.state_dict(), file)
    file.seek(0)
    try:
        other.load_state_dict(torch.load(file, weights_only=True))
    except RuntimeError as error:
        raise AssertionError(f"{name_of(cell)} cannot load its own state_dict: {error}") from error
    x = sequence(cell)
    same(
        cell,
        "computes something else after its state_dict was saved and loaded (a weight is neither a "
        "parameter nor a buffer)",
        unroll(other, x),
        unroll(cell, x),
    )


def check_one_by_one(cell: Cell) -> None:
    x, state = sequence(cell), used_state(cell)
    alone = [unroll(cell, x[:, b : b + 1], row(state, b)) for b in range(B)]
    same(
        cell,
        "computes something else for a batch than for its sequences one by one",
        unroll(cell, x, state),
        joined(alone),
    )


def check_padding(cell: Cell) -> None:
    """Values and gradients with NaN in the padding = each sequence cut to its length."""
    x = sequence(cell)
    for b, length in enumerate(LENGTHS):
        x[length:, b] = torch.nan
    weight = torch.randn(T, B, cell.output_size, dtype=x.dtype)
    start = used_state(cell)
    weights = [p for p in cell.parameters() if p.requires_grad]

    def gradients(run: Run, leaves: list[Tensor]) -> list[Tensor]:
        output, last = run
        loss = (output * weight).sum() + sum(
            (s**2).sum() for s in tensors(last) if s.is_floating_point()
        )
        found = torch.autograd.grad(loss, [*leaves, *weights], allow_unused=True)
        return [
            torch.zeros_like(of) if g is None else g
            for g, of in zip(found, [*leaves, *weights], strict=True)
        ]

    def leaves_of(x: Tensor, state: State) -> list[Tensor]:
        return [x, *(s for s in tensors(state) if s.is_floating_point())]

    padded_x, padded_state = leaf(x), map_state(leaf, start)
    padded = unroll(cell, padded_x, padded_state, lengths=LENGTHS)

    cut_x, cut_state = leaf(x), map_state(leaf, start)
    alone = []
    for b, length in enumerate(LENGTHS):
        output = x.new_zeros(T, 1, cell.output_size)
        last = row(cut_state, b)
        if length:
            shown, last = unroll(cell, cut_x[:length, b : b + 1], last)
            output = torch.cat([shown, output[length:]])
        alone.append((output, last))
    cut = joined(alone)

    same(cell, f"computes something else when padded (lengths={LENGTHS})", padded, cut)
    got = gradients(padded, leaves_of(padded_x, padded_state))
    expected = gradients(cut, leaves_of(cut_x, cut_state))
    same(
        cell,
        f"has other gradients when padded (lengths={LENGTHS}, NaN in the padding)",
        tuple(got),
        tuple(expected),
    )


def check_two_halves(cell: Cell) -> None:
    x, state = sequence(cell), used_state(cell)
    first, carried = unroll(cell, x[: T // 2], state)
    second, last = unroll(cell, x[T // 2 :], carried)
    same(
        cell,
        "computes something else in two halves, with the state carried over, than in one pass",
        (torch.cat([first, second]), last),
        unroll(cell, x, state),
    )


def check_reverse(cell: Cell) -> None:
    x, state = sequence(cell), used_state(cell)
    alone = []
    for b, length in enumerate(LENGTHS):
        output, last = x.new_zeros(T, 1, cell.output_size), row(state, b)
        if length:
            shown, last = unroll(cell, x[:length, b : b + 1].flip(0), last)
            output = torch.cat([shown.flip(0), output[length:]])
        alone.append((output, last))
    same(
        cell,
        f"computes something else in reverse than on flipped sequences (lengths={LENGTHS})",
        unroll(cell, x, state, lengths=LENGTHS, reverse=True),
        joined(alone),
    )


def check_resets(cell: Cell) -> None:
    """Row b starts anew before step b + 1, the last row never."""
    x, state = sequence(cell), used_state(cell)
    resets = torch.zeros(T, B, dtype=torch.bool)
    alone = []
    for b in range(B - 1):
        resets[b + 1, b] = True
        before, _ = unroll(cell, x[: b + 1, b : b + 1], row(state, b))
        after, last = unroll(cell, x[b + 1 :, b : b + 1])
        alone.append((torch.cat([before, after]), last))
    alone.append(unroll(cell, x[:, B - 1 :], row(state, B - 1)))
    same(
        cell,
        "computes something else after a reset than from its initial state",
        unroll(cell, x, state, resets=resets),
        joined(alone),
    )


def check_step_by_step(
    make: Callable[[int, int], nn.Module], input_size: int, hidden_size: int
) -> None:
    layer = Recurrent(make, input_size, hidden_size).double().eval()
    x = torch.randn(T, B, input_size, dtype=torch.float64)
    stepper = layer.stepper(B)
    outputs = torch.stack([stepper(step) for step in x])
    cell: Cell = layer.parts()[0][0].cell
    same(
        cell,
        "computes something else step by step (layer.stepper) than over the sequence",
        (outputs, stepper.state),
        layer(x),
    )


def check_parallel(cell: Cell) -> None:
    """Values and gradients over a long sequence; values also in two parts."""
    if parallel.no_parallel_form(cell) is not None or cell.noise():
        return
    at_once: Any = cell
    x = torch.randn(LONG, B, cell.input_size, dtype=torch.float64)
    initial = cell.initial_state(B, dtype=torch.float64, device="cpu")
    weights = [p for p in cell.parameters() if p.requires_grad]
    for start in (used_state(cell), initial):
        found = []
        for run in (at_once.parallel, partial(one_by_one, cell)):
            leaves = leaf(x), map_state(leaf, start)
            result = run(*leaves)
            smooth = [t for t in tensors(result) if t.requires_grad]
            into = [t for t in (*tensors(leaves), *weights) if t.requires_grad]
            total = torch.stack([t.cos().sum() for t in smooth]).sum()
            gradients = torch.autograd.grad(total, into, allow_unused=True, materialize_grads=True)
            found.append((result, gradients))
        (whole, gradients), (expected, its_gradients) = found
        same(cell, "computes something else in its parallel form than by steps", whole, expected)
        same(cell, "has other gradients in its parallel form", gradients, its_gradients)
        for split in (1, LONG // 2, LONG - 1):
            output, states = at_once.parallel(x[:split], start)
            carried = map_state(lambda s: s[-1], states)
            rest, further = at_once.parallel(x[split:], carried)
            same(
                cell,
                "computes something else in its parallel form in two parts, with the state "
                "carried over",
                (torch.cat([output, rest]), map_state(lambda *s: torch.cat(s), states, further)),
                whole,
            )


def one_by_one(cell: Cell, x: Tensor, state: State) -> Run:
    """Outputs [T, B, H] and the state after every step, as a parallel form gives them."""
    outputs, states = [], []
    for step in x:
        output, state = cell.step(step, state)
        outputs.append(output)
        states.append(state)
    return torch.stack(outputs), map_state(lambda *s: torch.stack(s), *states)


def check_compiled(cell: Cell) -> None:
    """In eval mode, and where the cell wants noise also in training, with the same noise."""
    for training in (False, True) if cell.noise() else (False,):
        cell.train(training)
        x, state = leaf(sequence(cell)), map_state(leaf, used_state(cell))
        if cpu.supports(checked_call(cell, x, state, LENGTHS)) is not None:
            return
        seed = torch.random.initial_seed()
        found = []
        for name in ("cpu", "loop"):
            torch.manual_seed(seed)
            output, last = unroll(cell, x, state, lengths=LENGTHS, backend=name)
            smooth = [t for t in tensors((output, last)) if t.requires_grad]
            into = [t for t in (x, *tensors(state), *cell.parameters()) if t.requires_grad]
            gradients: tuple[Tensor, ...] = ()
            if smooth and into:
                total = torch.stack([t.cos().sum() for t in smooth]).sum()
                gradients = torch.autograd.grad(
                    total, into, allow_unused=True, materialize_grads=True
                )
            found.append((output, last, gradients))
        mode = " in training mode" if training else ""
        same(cell, f"computes something else in compiled kernels than in the loop{mode}", *found)


def sequence(cell: Cell) -> Tensor:
    """Random inputs [T, B, I] in float64."""
    return torch.randn(T, B, cell.input_size, dtype=torch.float64)


def used_state(cell: Cell) -> State:
    """A state that can occur: the one after three random steps."""
    with torch.no_grad():
        return unroll(cell, sequence(cell)[:3])[1]


def leaf(tensor: Tensor) -> Tensor:
    """A copy that collects a gradient of its own; whole numbers collect none."""
    return tensor.detach().clone().requires_grad_(tensor.is_floating_point())


def row(state: State, b: int) -> State:
    """Sequence b of a batch's state, as a batch of one."""
    return map_state(lambda s: s[b : b + 1], state)


def joined(runs: list[Run]) -> Run:
    """Runs of single sequences as one batch."""
    output = torch.cat([output for output, _ in runs], 1)
    return output, map_state(lambda *s: torch.cat(s), *[state for _, state in runs])


def tensors(state: State) -> list[Tensor]:
    return [tensor for _, tensor in fields(state)]


def form(state: State) -> str:
    """Structure, field names, shapes and dtypes of a state, to compare and to show."""
    inside = ", ".join(
        f"{n} {list(t.shape)} {t.dtype}" if isinstance(t, Tensor) else f"{n} {type(t).__name__}"
        for n, t in fields(state)
    )
    return f"{type(state).__name__}({inside})"


def difference(got: State, expected: State) -> float:
    """The largest difference of any two numbers; infinite where one of them is not finite."""
    largest = 0.0
    for a, b in zip(tensors(got), tensors(expected), strict=True):
        if a.numel():
            apart = (a.detach().double() - b.detach().double()).abs().max().item()
            largest = max(largest, apart if apart == apart else float("inf"))
    return largest


def same(cell: Cell, promise_broken: str, got: State, expected: State) -> None:
    """Raise where numbers differ by more than rounding in float64 explains."""
    if form(got) != form(expected):
        broken(cell, f"{promise_broken}: {form(got)} instead of {form(expected)}")
    largest = max(
        [1.0, *(t.detach().double().abs().max().item() for t in tensors(expected) if t.numel())]
    )
    apart = difference(got, expected)
    if not apart <= 1e-10 * largest:
        broken(cell, f"{promise_broken}: the numbers are up to {apart:.2g} apart")


def name_of(cell: Cell) -> str:
    return type(cell.cell if isinstance(cell, TorchCell) else cell).__name__


def broken(cell: Cell, what: str) -> NoReturn:
    raise AssertionError(f"{name_of(cell)} {what}.")
