"""The page of a plan: every label is there, and it reads like the step."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import unroll
from unroll.cells import fields, map_state
from unroll.engine.call import checked_call
from unroll.engine.compiler.plan import plan
from unroll.engine.compiler.trace import trace
from unroll.engine.explain.counts import counts_of
from unroll.engine.explain.equations import NamedColumns, Term, Weight, joined, text_of
from unroll.engine.explain.page import page, sections_of

spec = importlib.util.spec_from_file_location(
    "written_cells", Path(__file__).parents[1] / "written_cells.py"
)
written_cells = importlib.util.module_from_spec(spec)
sys.modules["written_cells"] = written_cells  # where its cells look their annotations up
spec.loader.exec_module(written_cells)
CELLS = written_cells.CELLS


def planned(cell, **keywords):
    dtype = next(cell.parameters()).dtype
    x = torch.zeros(1, 1, cell.input_size, dtype=dtype)
    call = checked_call(cell, x, None, None, None, False, None, None)
    tensors = {**dict(cell.named_parameters()), **dict(cell.named_buffers())}
    return plan(trace(cell, tensors, x, call.state), **keywords)


def sections(text):
    """Titles, and under each its lines without the columns at the right."""
    found, title = {}, ""
    for line in text.splitlines():
        if line.startswith("    "):
            found[title].append(line[4:].split("  ")[0])
        elif line:
            title = line
            found[title] = []
    return found


ONCE = "once per call, from the parameters alone"
SEQUENCE = "once per sequence"
BEFORE = "before the loop, for all steps together"
EARLY = (ONCE, SEQUENCE, BEFORE)
AFTER = "after the loop, for all steps together"
DEFERRED = "deferred gradients, one product or sum over all N rows each"


def test_the_lstm_reads_like_its_equations():
    text = page(planned(unroll.LSTMCell(3, 4)))
    assert text.startswith(
        "LSTMCell: 1 stage forward, 2 backward; saves 6 numbers per step and unit (24 for 4 units)\n"
        "Parameters multiplied: 64 numbers in the loop, 48 before it, 0 after it.\n"
    )
    found = sections(text)
    assert found[ONCE] == ["w1 = bias_ih + bias_hh"]
    assert found[BEFORE] == ["x1 = w1 + x @ weight_ih.T"]
    assert found["forward, stage 1"] == [
        "p1 = h @ weight_hh.T",
        "i = sigmoid(x1[0:4] + p1[0:4])",
        "f = sigmoid(x1[4:8] + p1[4:8])",
        "g = tanh(x1[8:12] + p1[8:12])",
        "o = sigmoid(x1[12:16] + p1[12:16])",
        "c' = f * c + i * g",
        "h' = o * tanh(c')",
    ]
    assert found[AFTER] == ["output = h'"]
    assert found["backward, stage 1"] == [
        "a = d output + d h'",
        "b = tanh(c')",
        "e = d c' + a * o * (1 - b ** 2)",
        "d x1[0:4] = e * g * i * (1 - i)",
        "d x1[4:8] = e * c * f * (1 - f)",
        "d x1[8:12] = e * i * (1 - g ** 2)",
        "d x1[12:16] = a * b * o * (1 - o)",
        "d c = e * f",
    ]
    assert found["backward, stage 2"] == ["d h = d x1 @ weight_hh"]
    assert found[DEFERRED] == [
        "d weight_hh += d x1.T @ h",
        "d weight_ih, d bias_ih, d bias_hh, d x from d x1",
    ]


def test_beside_an_equation_stand_its_shape_what_is_kept_and_the_line():
    lines = page(planned(unroll.LSTMCell(3, 4))).splitlines()
    columns = {line.split("  ")[2]: line.split()[-4:] for line in lines if "lstm.py" in line}
    step = unroll.LSTMCell.step.__code__
    for equation, note in [
        ("i = sigmoid(x1[0:4] + p1[0:4])", "saved"),
        ("b = tanh(c')", "again"),
        ("d c = e * f", None),
        ("d x1[0:4] = e * g * i * (1 - i)", "kept"),
    ]:
        if note is None:
            assert equation not in columns
            continue
        *shape, said, place = columns[equation]
        assert shape == ["[B,", "4]"] and said == note
        file, _, line = place.partition(":")
        assert file == "lstm.py"
        assert step.co_firstlineno < int(line) < step.co_firstlineno + 12


def test_the_reset_before_gru_has_a_second_stage():
    text = page(planned(CELLS["gru-reset-before"](3, 4)))
    assert text.startswith("GRUResetBefore: 2 stages forward, 3 backward; saves 4 numbers")
    found = sections(text)
    # of each product over [x, h] the part over x is done before the loop, with the bias
    assert found[BEFORE] == [
        "x1 = gates.bias + x @ gates.weight.T[0:3]",
        "x2 = candidate.bias + x @ candidate.weight.T[0:3]",
    ]
    assert found["forward, stage 1"] == [
        "p1 = h @ gates.weight[:, 3:7].T",
        "r = sigmoid(x1[0:4] + p1[0:4])",
        "z = sigmoid(x1[4:8] + p1[4:8])",
        "a = r * h",
    ]
    assert found["forward, stage 2"] == [
        "n = tanh(x2 + a @ candidate.weight[:, 3:7].T)",
        "h' = z * h + (1 - z) * n",
    ]
    assert found["backward, stage 1"] == [
        "b = d output + d h'",
        "d x2 = b * (1 - z) * (1 - n ** 2)",
        "d x1[4:8] = (b * h - b * n) * z * (1 - z)",
    ]
    assert found["backward, stage 2"] == [
        "p2 = d x2 @ candidate.weight[:, 3:7]",
        "c = p2 * r + b * z",
        "d x1[0:4] = p2 * h * r * (1 - r)",
    ]
    assert found["backward, stage 3"] == ["d h = c + d x1 @ gates.weight[:, 3:7]"]
    assert found[DEFERRED][:3] == [
        "d gates.weight[:, 3:7] += d x1.T @ h",
        "d candidate.weight[:, 3:7] += d x2.T @ a",
        "d gates.weight, d gates.bias, d candidate.weight,",
    ]
    assert text.endswith("\n        d candidate.bias, d x from d x1, d x2")


def test_values_cut_into_gates_are_shown_as_they_were_written():
    found = sections(page(planned(CELLS["layer-norm"](3, 4))))
    assert found["forward, stage 1"] == ["p1 = h @ recur.weight.T"]
    assert found["forward, stage 2"] == ["a = sum(p1) / 16"]  # for the mean and the variance
    assert found["forward, stage 3"] == ["b = p1 - a", "e = b ** 2"]
    assert found["forward, stage 4"] == ["j = rsqrt(sum(e) / 16 + 1e-05)"]
    assert "d gain_h += total(d x3 * b * j)" in found[DEFERRED]


def test_fields_and_names_of_nested_cells():
    found = sections(page(planned(CELLS["nested"](3, 4))))
    assert "lower.c' = f * lower.c + i * g" in found["forward, stage 1"]
    assert "upper.c' = f2 * upper.c + i2 * g2" in found["forward, stage 2"]
    assert "output = upper.h' + lower.h'" in found["forward, stage 2"]


class Shown(unroll.Cell):
    """Noise drawn once a sequence, and an output that needs a product of its own."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size)
        self.show = nn.Linear(hidden_size, hidden_size)

    def noise(self):
        return {"keep": unroll.Noise((self.hidden_size,), keep=0.5, each="call")}

    def forward(self, x, h, noise):
        mask = 1.0 if noise is None else noise["keep"] * 2
        h = torch.tanh(self.read(x) + self.recur(h)) * mask
        return F.relu(self.show(h)), h


def test_every_label_has_its_section():
    text = page(planned(Shown(3, 4).train()))
    found = sections(text)
    assert found[SEQUENCE] == ["mask = keep * 2"]
    assert found[BEFORE][0].startswith("x1 = ")
    assert found[AFTER] == ["output = relu(h' @ show.weight.T + show.bias)"]
    assert any("shown" in line for line in text.splitlines() if "h' = " in line)
    assert {"forward, stage 1", "backward, stage 1", "backward, stage 2", DEFERRED} <= set(found)
    assert "16 after it" in text


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("width", [100, 60])
def test_no_line_is_longer_than_the_page(name, width):
    text = page(planned(CELLS[name](3, 4)), width)
    assert max(map(len, text.splitlines())) <= width
    assert not any(line != line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("name", CELLS)
def test_every_name_is_defined_once_and_before_it_is_read(name):
    """But for what the backward computes again under its old name."""
    cell = CELLS[name](3, 4)
    text = page(planned(cell))
    lines = [
        l for l in text.splitlines() if l.startswith("    ") and " = " in l and "again" not in l
    ]
    targets = [line.strip().split(" = ")[0] for line in lines]
    assert len(targets) == len(set(targets))


@pytest.mark.parametrize("name", ["stacked", "layer-norm"])
def test_a_page_is_the_same_each_time(name):
    cell = CELLS[name](3, 4)
    assert page(planned(cell)) == page(planned(cell))


def test_a_page_leaves_the_random_numbers_alone():
    made = planned(unroll.GRUCell(3, 4))
    before = torch.get_rng_state()
    page(made)
    assert torch.equal(before, torch.get_rng_state())


def test_without_gradients_there_is_no_backward():
    text = page(planned(unroll.LSTMCell(3, 4), gradients=False))
    assert text.startswith("LSTMCell: 1 stage forward\n")
    assert not any(word in text for word in ("backward", "saved", "deferred"))


def test_without_hoisting_all_is_in_the_loop():
    text = page(planned(unroll.LSTMCell(3, 4), hoist=False))
    assert BEFORE not in text
    assert "112 numbers in the loop, 0 before it" in text


def test_figures():
    found = counts_of(planned(unroll.GRUCell(3, 4)))
    assert found == {
        "stages_forward": 1,
        "stages_backward": 2,
        "saved": 20,
        "units": 4,
        "multiplied_in_loop": 48,
        "multiplied_before": 36,
        "multiplied_after": 0,
    }


A, B, C = (NamedColumns(name, 0, 4, 4) for name in "abc")


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (Term("mul", (Term("add", (A, B)), C)), "(a + b) * c"),
        (Term("sub", (A, Term("sub", (B, C)))), "a - (b - c)"),
        (Term("sub", (Term("sub", (A, B)), C)), "a - b - c"),
        (Term("div", (A, Term("mul", (B, C)))), "a / (b * c)"),
        (Term("mul", (A, A)), "a ** 2"),
        (Term("pow", (Term("neg", (A,)), 2)), "(-a) ** 2"),
        (Term("neg", (Term("neg", (A,)),)), "a"),
        (Term("neg", (Term("add", (A, B)),)), "-(a + b)"),
        (Term("add", (A, Term("neg", (B,)))), "a - b"),
        (Term("add", (Term("neg", (A,)), B)), "b - a"),
        (Term("add", (A, Term("mul", (Term("neg", (B,)), C)))), "a - b * c"),
        (Term("add", (A, Term("neg", (Term("add", (B, C)),)))), "a - (b + c)"),
        (Term("add", (Term("sum", (A,)), Term("sum", (B,)))), "sum(a, b)"),
        (Term("mul", (A, -0.5)), "a * -0.5"),
        (Term("turned", (Term("add", (A, B)),)), "(a + b).T"),
        (Term("tanh", (NamedColumns("p", 4, 8, 16),)), "tanh(p[4:8])"),
        (Weight("w", (0, 4), (0, 3), (4, 3), True), "w.T"),
        (Weight("w", (4, 8), (0, 3), (8, 3), True), "w[4:8].T"),
        (Weight("w", (0, 4), (1, 3), (4, 3), False), "w[:, 1:3]"),
        (Weight("w", (0, 2), (1, 3), (4, 3), False), "w[0:2, 1:3]"),
    ],
    ids=str,
)
def test_terms_have_the_brackets_they_need(term, text):
    assert text_of(term) == text


def test_terms_are_joined_only_where_their_columns_lie_side_by_side():
    left, right = NamedColumns("p", 0, 4, 8), NamedColumns("p", 4, 8, 8)
    column = NamedColumns("m", 0, 1, 1)
    both = joined(Term("mul", (left, column)), Term("mul", (right, column)))
    assert text_of(both) == "p * m"
    assert joined(Term("mul", (left, A)), Term("mul", (right, A))) is None  # a is not repeated
    assert joined(Term("mul", (right, column)), Term("mul", (left, column))) is None
    assert joined(column, column) is None


# ----- the page is true: its equations, worked out one by one, give the step and its gradients ----


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
