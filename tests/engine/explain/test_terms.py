"""The page is true: its equations, worked out one by one, give the step and its gradients."""

import pytest
import torch

from unroll.cells import fields, map_state
from unroll.engine.explain.equations import NamedColumns, Term, Weight
from unroll.engine.explain.page import sections_of

from ..written_cells import CELLS
from .pages import BEFORE, ONCE, SEQUENCE, planned

EARLY = (ONCE, SEQUENCE, BEFORE)


def value_of(term, numbers):
    """A term in numbers. Rows are [B, w], parameters as they are."""
    if isinstance(term, NamedColumns):
        return numbers[term.name][..., term.lo : term.hi]
    if isinstance(term, Weight):
        part = numbers[term.name][slice(*term.rows), slice(*term.columns)]
        return part.T if term.turned else part
    if not isinstance(term, Term):
        return term
    args = [value_of(a, numbers) for a in term.args]
    if term.op == "product":
        return sum(a @ b for a, b in zip(args[::2], args[1::2], strict=True))
    if term.op == "sum":
        return torch.cat(args, 1).sum(1, keepdim=True)
    if term.op == "where":
        return torch.where(args[0], *(torch.as_tensor(a, dtype=torch.float64) for a in args[1:]))
    if term.op in ("minimum", "maximum", "lt", "le", "gt", "ge", "eq"):
        args = [torch.as_tensor(a, dtype=torch.float64) for a in args]
    named = {
        "turned": lambda a: a.T,
        "cat": lambda *a: torch.cat(a, 1),
        "total": lambda a: a.sum(0),
        "sub": lambda a, b: a - b,
        "pow": lambda a, b: a**b,
        "index": lambda a, cut: eval(f"a{cut}", {"a": a}),
    }
    return (named.get(term.op) or getattr(torch, term.op))(*args)


def worked_out(sections, numbers):
    """Every value of a page by its name, from those of parameters, inputs, states and d's."""
    numbers = dict(numbers)
    for section in sections:
        written = {}  # d h of this step is not read in its place: d h' is
        for line in section.lines:
            if line.sign == "from":
                continue
            target = line.target
            value = value_of(line.term, numbers)
            if (target.lo, target.hi) == (0, target.width):
                numbers[target.name] = value
                continue
            if target.name not in numbers or target.name not in written:
                rows = value.shape[:-1]
                before = numbers.get(target.name, torch.full((*rows, target.width), torch.nan))
                numbers[target.name] = written[target.name] = before.double().clone()
            numbers[target.name][..., target.lo : target.hi] = value
    return numbers


def left_over(sections, numbers, got):
    """The gradients that the last line leaves to the equations before the loop, by their names.

    They add to what stands above that line, of the same parameters or of a part of them.
    """
    lines = [line for line in sections[-1].lines if line.sign == "from"]
    if not lines:
        return {}
    (line,) = lines
    names = [name.removeprefix("d ") for name in line.target.name.split(", ")]
    leaves = {n: numbers[n].detach().clone().requires_grad_() for n in names}
    with torch.enable_grad():
        before = worked_out([s for s in sections if s.title in EARLY], {**numbers, **leaves})
    tops = [piece.name.removeprefix("d ") for piece in line.term.args]
    gradients = torch.autograd.grad(
        [before[top] for top in tops], list(leaves.values()), [got[f"d {top}"] for top in tops]
    )
    found = {}
    for name, gradient in zip(names, gradients, strict=True):
        for part, value in got.items():
            if part == f"d {name}" or part.startswith(f"d {name}["):
                gradient = gradient.clone()
                eval(f"g{part.removeprefix(f'd {name}')}", {"g": gradient})[...] += value
        found[f"d {name}"] = gradient
    return found


@pytest.mark.parametrize("name", CELLS)
def test_the_equations_give_the_step_and_its_gradients(name):
    cell = CELLS[name](3, 4).double()
    made = planned(cell)
    B = 5
    x = torch.randn(B, 3, dtype=torch.float64, requires_grad=True)
    given = []

    def field(like):
        state = torch.randn(B, *like.shape[1:], dtype=torch.float64) * 0.5
        given.append(state.requires_grad_() if like.is_floating_point() else like.expand(B, 1) + 2)
        return given[-1]

    state = map_state(field, cell.initial_state(1, dtype=torch.float64))
    output, new = cell.step(x, state)
    new = [value for _, value in fields(new)]
    ends = [(f"d {n}'", v) for n, v in zip(made.traced.fields, new, strict=True) if v.requires_grad]
    ends = [("d output", output), *ends]
    gradients = {n: torch.randn_like(v) for n, v in ends}

    parameters = dict(cell.named_parameters())
    numbers = {**parameters, **dict(cell.named_buffers()), "x": x, **gradients}
    numbers |= dict(zip(made.traced.fields, given, strict=True))
    with torch.no_grad():
        got = worked_out(sections_of(made), numbers)
        got |= left_over(sections_of(made), numbers, got)
    torch.testing.assert_close(got["output"], output)
    for field_name, value in zip(made.traced.fields, new, strict=True):
        torch.testing.assert_close(got[f"{field_name}'"], value)

    wanted = {"x": x, **parameters}
    wanted |= {n: v for n, v in zip(made.traced.fields, given, strict=True) if v.requires_grad}
    torch.autograd.backward([v for _, v in ends], [gradients[n] for n, _ in ends])
    for found, value in got.items():
        of, bracket, part = found.removeprefix("d ").partition("[")
        if found in gradients or found == of or of not in wanted:
            continue
        expected = wanted[of].grad
        expected = eval(f"g{bracket}{part}", {"g": expected})
        torch.testing.assert_close(value, expected, msg=lambda m, of=found: f"{of}: {m}")
