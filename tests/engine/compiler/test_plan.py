"""What a plan says of a step, and that it computes the loop's numbers when it is interpreted.

T time, B batch, I input, H hidden.
"""

import functools
import json
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm, linear

import unroll
from unroll.cells import Noise, fields, map_state
from unroll.engine import backends
from unroll.engine.call import checked_call, parameters_of
from unroll.engine.compiler.nodes import ancestors
from unroll.engine.compiler.plan import plan
from unroll.engine.compiler.trace import Unplannable, trace
from unroll.engine.compiler.traced import ONCE, name_of
from unroll.engine.runtime.interpret import interpreter
from unroll.engine.runtime.planned import Job, run_plans
from unroll.engine.runtime.recipe import from_json, recipe_of, to_json

from ..random_cells import compare, random_cell
from ..written_cells import BAKED_BATCH, CELLS, REFUSED

I, H = 3, 8
PROJECTED = partial(unroll.ProjectedLSTMCell, proj_size=2)


class ResetBefore(unroll.Cell):
    """A product of both, as papers write it: W [x, h]."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.both = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        h = torch.tanh(self.both(torch.cat([x, h], 1)))
        return h, h


MAKE = {
    "lstm": unroll.LSTMCell,
    "gru": unroll.GRUCell,
    "tanh": unroll.RNNCell,
    "relu": partial(unroll.RNNCell, nonlinearity="relu"),
    "projected": PROJECTED,
    "of both": ResetBefore,
    **{f"written {n}": c for n, c in CELLS.items()},
}


@functools.cache
def planned(name, gradients=True):
    """A cell and its plan, made once."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        cell = MAKE[name](I, H).double()
    return cell, plan_of(cell, gradients)


def plan_of(cell, gradients=True):
    call = call_of(cell, torch.zeros(1, 1, cell.input_size, dtype=torch.float64))
    return plan(trace(cell, parameters_of(call), call.x, call.state), gradients)


def call_of(cell, x, state=None, **settings):
    arguments = {"lengths": None, "resets": None, "reverse": False, "record": None}
    arguments |= {"parameters": None, **settings}
    return checked_call(cell, x, state, **arguments)


def nodes_of(program):
    """All that a program computes."""
    return [
        n
        for stage in program.stages
        for group in stage
        for n in [*(n for p in group.products for n in p), *group.body]
    ]


def products_of(program):
    return [n for n in nodes_of(program) if n.op == "product"]


def large(module):
    """The products of an eager part."""
    return [n for n in module.graph.nodes if n.op == "call_function" and name_of(n) in
            ("mm", "addmm", "linear")]  # fmt: skip


def parameter_names(made, node):
    """The parameters that a value is made of."""
    names = {n: name for name, n in made.traced.parameters.items()}
    found, stack, seen = set(), [node], set()
    while stack:
        n = stack.pop()
        if n not in seen:
            seen.add(n)
            found |= {names[n]} if n in names else set()
            stack.extend(n.all_input_nodes)
    return found


# ----- stages -------------------------------------------------------------------------------------

STAGES = {
    # one stage a product that waits for another; in the backward, what comes before the first too
    "tanh": (1, 2),
    "relu": (1, 2),
    "lstm": (1, 2),
    "gru": (1, 2),
    "projected": (2, 3),
    "of both": (1, 2),
    "written peephole": (1, 2),
    "written coupled": (1, 2),
    "written slstm": (1, 2),
    "written gru-reset-after": (1, 2),
    "written gru-reset-before": (2, 3),
    "written minimal-gated": (2, 3),
    "written multiplicative": (2, 3),
    "written projected": (2, 3),
    "written clockwork": (1, 2),
    "written stacked": (2, 3),
    "written nested": (2, 3),
    "written jordan": (2, 3),
    "written irnn": (1, 2),
    "written indrnn": (1, 1),
    "written highway": (2, 3),
    "written minimal-rnn": (1, 2),
}


@pytest.mark.parametrize("name", STAGES)
def test_a_step_has_as_many_stages_as_products_that_wait_for_each_other(name):
    _, made = planned(name)
    assert (len(made.forward.stages), len(made.backward.program.stages)) == STAGES[name]


@pytest.mark.parametrize("name", MAKE)
def test_what_a_stage_reads_is_there_when_it_begins(name):
    """A product waits for its operands; nothing is computed twice in one group."""
    _, made = planned(name)
    for program in (made.forward, made.backward.program):
        stage_of, seen = {}, set(program.loads)
        for k, stage in enumerate(program.stages):
            for group in stage:
                nodes = [n for p in group.products for n in p] + group.body
                assert len(set(nodes)) == len(nodes)
                known = set()
                for node in nodes:
                    for a in node.operands:
                        before = a in program.loads and a not in stage_of
                        earlier = stage_of.get(a, k) < k
                        assert before or earlier or (a in known and node.op != "product")
                    known.add(node)
            for group in stage:
                for node in [*(n for p in group.products for n in p), *group.body]:
                    stage_of.setdefault(node, k)
                    seen.add(node)
        assert set(program.stores) <= seen | set(program.loads)


@pytest.mark.parametrize("name", MAKE)
def test_every_column_of_a_tensor_has_one_writer(name):
    _, made = planned(name)
    for program in (made.forward, made.backward.program):
        written = {}
        for buffers in program.stores.values():
            for b in buffers:
                columns = written.setdefault((b.tensor, b.time), [])
                columns += range(b.lo, b.lo + b.width)
        for (tensor, _), columns in written.items():
            assert len(set(columns)) == len(columns), tensor
            width = made.widths.get(tensor, program.scratch.get(tensor, (None,))[0])
            assert max(columns) < width


# ----- hoist --------------------------------------------------------------------------------------

RECURRENT = {
    "lstm": {"weight_hh"},
    "gru": {"weight_hh"},
    "tanh": {"weight_hh"},
    "projected": {"weight_hh", "weight_hr"},
    "of both": {"both.weight"},
    "written peephole": {"recur.weight"},
    "written gru-reset-before": {"gates.weight", "candidate.weight"},
    "written multiplicative": {"recur_m.weight", "recur.weight"},
    "written clockwork": {"weight", "mask"},
    "written layer-norm": {"recur.weight"},
    "written indrnn": set(),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_only_recurrent_matrices_are_in_the_loop(name):
    _, made = planned(name)
    used = {b.matrix for n in products_of(made.forward) for b in n.blocks if b.matrix >= 0}
    assert used == set(range(len(made.loop.matrices)))
    found = set().union(*(parameter_names(made, m) for m in made.loop.matrices), set())
    assert found == RECURRENT[name]


HOISTED = {"lstm": 1, "gru": 1, "projected": 1, "written peephole": 1, "written layer-norm": 1,
           "written gru-reset-before": 2, "written multiplicative": 2, "of both": 1,
           "written indrnn": 1, "written minimal-rnn": 2}  # fmt: skip


@pytest.mark.parametrize("name", HOISTED)
def test_products_with_the_inputs_are_done_before_the_loop(name):
    _, made = planned(name)
    # a single product may be left to the call of the loop, which does it before the first step
    assert len(large(made.eager.before)) + len(made.eager.reads or ()) == HOISTED[name]
    # no product of the loop reads what depends on the inputs alone
    for node in products_of(made.forward):
        assert all(
            any(n.source is not None and n.source.kind == "state" for n in ancestors([a]))
            for a in node.operands
        )


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("of both", ["both.weight"]),
        ("written coupled", ["forget.weight", "candidate.weight", "out.weight"]),
        ("written gru-reset-before", ["gates.weight", "candidate.weight"]),
    ],
)
def test_a_product_over_x_and_h_together_is_split(name, weights):
    """The columns of x are multiplied before the loop, those of h in it."""
    _, made = planned(name)
    for weight in weights:
        blocks = [
            b
            for n in products_of(made.forward)
            for b in n.blocks
            if b.matrix >= 0 and weight in parameter_names(made, made.loop.matrices[b.matrix])
        ]
        assert blocks
        for b in blocks:
            read = b.rows if b.transposed else b.columns
            whole = made.loop.matrices[b.matrix].meta["val"].shape[0 if b.transposed else 1]
            assert read == ((I, I + H) if whole == I + H else (0, H))


class Gated(unroll.Cell):
    """A minimal GRU with two linears, as a user writes it."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.z, self.n = nn.Linear(input_size, hidden_size), nn.Linear(input_size, hidden_size)

    def forward(self, x, h):
        z, n = torch.sigmoid(self.z(x)), self.n(x)
        h = (1 - z) * h + z * torch.where(n >= 0, n + 0.5, torch.sigmoid(n))
        return h, h


class OneLinear(Gated):
    def forward(self, x, h):
        weight, bias = torch.cat([self.z.weight, self.n.weight]), self.z.bias
        z, n = linear(x, weight).chunk(2, -1)
        h = torch.lerp(h, torch.tanh(n + bias), torch.sigmoid(z))
        return h, h


class Decaying(Gated):
    """x itself in the loop; of the parameters alone, a softplus."""

    def forward(self, x, h):
        a = torch.exp(-torch.sigmoid(self.z(x)) * torch.nn.functional.softplus(self.n.bias))
        h = a * h + torch.sqrt(1 - a * a) * self.n(x)
        return h * torch.tanh(x[:, :1]), h


class SummedGate(Gated):
    """A sum of products costs less hoisted; its result is one value."""

    def forward(self, x, h):
        h = torch.tanh(h + (self.z(x) + self.n(torch.relu(x))))
        return h, h


class SharedGate(Gated):
    """What is read after the loop too is made before it."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.last = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        z = torch.sigmoid(self.z(x))
        h = h + z * (self.n(x) - h)
        return self.last(h) * z + self.n(x), h


class SharedProduct(SharedGate):
    """Nothing is hoisted but one product, which is read in the loop and after it."""

    def forward(self, x, h):
        n = self.n(x)
        h = h + torch.tanh(h) * n
        return self.last(h) * n, h


class SoftGate(Gated):
    """Sums over a row stay before the loop."""

    def forward(self, x, h):
        h = h + torch.softmax(self.z(x), 1) * (torch.tanh(self.n(x)) - h)
        return h, h


GATED = [Gated, OneLinear, Decaying, SummedGate, SharedGate, SharedProduct, SoftGate]


@pytest.mark.parametrize("kind", GATED)
def test_what_stands_between_products_and_the_loop_changes_no_number(kind, interpreted):
    for seed in range(4):
        torch.manual_seed(seed)
        compare(kind(I, H).double(), interpreted, seed=seed)


@pytest.mark.parametrize(("kind", "count"), [(Gated, 2), (OneLinear, 1), (Decaying, 2)])
def test_elementwise_work_on_products_is_done_in_the_loop(kind, count):
    made = plan_of(kind(I, H).double())
    products = [n for n in made.loop.rows if n is not made.traced.x]
    assert len(products) == count
    assert not {name_of(n) for n in made.eager.before.graph.nodes} & {
        "sigmoid",
        "tanh",
        "where",
        "exp",
    }
    assert len(made.forward.stages) == len(made.backward.program.stages) == 1
    if kind is not Decaying:  # its loop reads x beside the products
        assert len(made.eager.reads) == count and not made.eager.before_values
    else:
        assert not any(n.op in ("log1p", "log") for n in nodes_of(made.forward))


@pytest.mark.parametrize(
    ("kind", "done"), [(SummedGate, "add"), (SharedGate, "sigmoid"), (SoftGate, "exp")]
)
def test_work_that_would_cost_more_in_the_loop_is_done_before_it(kind, done):
    made = plan_of(kind(I, H).double())
    assert done in {name_of(n) for n in made.eager.before.graph.nodes}
    assert done not in {n.op for n in nodes_of(made.forward)} - {"add"}


def test_for_one_step_at_a_time_everything_is_hoisted():
    cell = Gated(I, H).double()
    call = call_of(cell, torch.zeros(1, 1, I, dtype=torch.float64))
    made = plan(trace(cell, parameters_of(call), call.x, call.state), False, defer=False)
    assert "sigmoid" in {name_of(n) for n in made.eager.before.graph.nodes}


def test_a_gate_of_products_alone_has_second_derivatives():
    torch.manual_seed(0)
    cell = Gated(2, 3).double()
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradgradcheck(lambda x: unroll.unroll(cell, x, backend="cpu")[0], x)


def test_masked_weights_are_masked_once_a_call():
    _, made = planned("written clockwork")
    (matrix,) = made.loop.matrices
    assert made.levels[matrix] == ONCE
    assert matrix in made.eager.once_values
    assert name_of(matrix) == "mul"
    assert parameter_names(made, matrix) == {"weight", "mask"}


@pytest.mark.parametrize("name", ["lstm", "tanh", "written projected", "written highway"])
def test_a_bias_that_can_be_added_before_the_loop_is_not_added_in_it(name):
    """(W x + b) + (U h + c) is (W x + (b + c)) + U h."""
    _, made = planned(name)
    assert len(made.loop.vectors) <= (1 if name == "written highway" else 0)


# ----- what is saved ------------------------------------------------------------------------------


def width_saved(made):
    return sum(w for n, w in made.widths.items() if n.startswith("saved"))


SAVED = {
    # numbers a unit, and whether the histories of the state's fields are kept beside them
    "lstm": (4, {0, 1}),
    "gru": (4, {0}),
    "tanh": (0, {0}),
    "relu": (0, {0}),
    "projected": (4, {0, 1}),
    "written peephole": (4, {0, 1}),
    "written gru-reset-before": (3, {0}),
    "written minimal-gated": (2, {0}),
    "written multiplicative": (5, {0, 1}),
    "written slstm": (5, {0, 1, 2}),
    "written stacked": (8, {0, 1, 2, 3}),
    "written irnn": (0, {0}),
    "written indrnn": (0, {0}),
}


@pytest.mark.parametrize("name", SAVED)
def test_no_more_is_saved_than_a_person_would_save(name):
    _, made = planned(name)
    wide, history = SAVED[name]
    assert width_saved(made) <= wide * H
    assert made.history == history


def test_an_lstm_saves_its_gates():
    _, made = planned("lstm")
    assert width_saved(made) == 4 * H
    ops = [n.op for n, b in made.backward.saved.items() if b.tensor == "saved"]
    assert sorted(ops) == ["sigmoid", "sigmoid", "sigmoid", "tanh"]
    assert {b.tensor for b in made.backward.saved.values()} <= {"saved", "state:0", "state:1"}


def test_a_plan_without_gradients_saves_nothing():
    _, made = planned("lstm", gradients=False)
    assert made.backward is None
    assert not width_saved(made)


def test_whole_numbers_carry_no_gradient():
    _, made = planned("written clockwork")
    clocks = [k for k in range(2) if made.dtypes[f"state:{k}"] == torch.int64]
    assert clocks == [1]
    names = {b.tensor for bs in made.backward.program.stores.values() for b in bs}
    names |= {b.tensor for b in made.backward.program.loads.values()}
    assert "d_state:0" in names
    assert "d_state:1" not in names
    assert not any(s.kind == "vector" and not made.loop.inputs[s].dtype.is_floating_point
                   for s in made.backward.deferred)  # fmt: skip


def test_weight_gradients_are_left_for_after_the_loop():
    for name in ("lstm", "gru", "projected", "written gru-reset-before"):
        _, made = planned(name)
        covered = dict.fromkeys(range(len(made.loop.matrices)), 0)
        for outer in made.backward.outers:
            (r0, r1), (c0, c1) = outer.block.rows, outer.block.columns
            covered[outer.block.matrix] += (r1 - r0) * (c1 - c0)
        for k, matrix in enumerate(made.loop.matrices):
            shape = matrix.meta["val"].shape
            recurrent = [b for n in products_of(made.forward) for b in n.blocks if b.matrix == k]
            assert covered[k] == sum(b.shape[0] * b.shape[1] for b in set(recurrent))
            assert covered[k] <= shape[0] * shape[1]


# ----- what cannot be planned ---------------------------------------------------------------------


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_planned_is_said_in_one_sentence_with_its_line(name):
    cell = REFUSED[name](2, 5)
    call = call_of(cell, torch.zeros(1, BAKED_BATCH, 2))
    with pytest.raises(Unplannable, match=r", at written_cells\.py:\d+$") as caught:
        plan(trace(cell, parameters_of(call), call.x, call.state))
    assert "\n" not in str(caught.value)


class AcrossTheBatch(unroll.Cell):
    def __init__(self, input_size, hidden_size, what):
        super().__init__(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)
        self.what = what

    def forward(self, x, h):
        h = self.what(torch.tanh(self.read(x) + self.recur(h)))
        return h, h


MIXES = {
    "mean": lambda h: h - h.mean(0),
    "sum": lambda h: h / (1 + h.abs().sum()),
    "largest": lambda h: h - h.amax(0, keepdim=True),
    "turned": lambda h: h @ (h.t() @ h),
    "rolled": lambda h: torch.cat([h[1:], h[:1]]),
    "flipped": lambda h: h.flip(0),
    "first": lambda h: h - h[0],
    "softmax": lambda h: h.softmax(0),
    "batch norm": lambda h: nn.functional.batch_norm(h, None, None, training=True),
    "its size": lambda h: h * h.shape[0],
    "its size in a branch": lambda h: h * (2.0 if h.shape[0] > 50 else 1.0),
    "its size in a branch between": lambda h: h * (2.0 if h.shape[0] > 102 else 1.0),
    "one sequence alone": lambda h: h * (2.0 if h.shape[0] == 1 else 1.0),
    "cumulated": lambda h: torch.tanh(h.cumsum(0)),
    "covariance": lambda h: torch.tanh(h.t().reshape(h.shape)),
}


@pytest.mark.parametrize("what", MIXES)
def test_a_step_that_mixes_sequences_is_refused_or_right(what):
    """Its value for one sequence would depend on which others are in the batch."""
    cell = AcrossTheBatch(I, H, MIXES[what]).double()
    try:
        recipe = recipe_of(plan_of(cell))
    except Unplannable as reason:
        assert "\n" not in str(reason)
        return
    for B in (1, 3, 8):
        x = torch.randn(4, B, I, dtype=torch.float64)
        call = call_of(cell, x)
        got, _ = run_plans([Job(recipe, call, parameters_of(call), None, interpreter)])[0]
        right, _ = unroll.unroll(cell, x, backend="loop")
        torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)


ENDINGS = {
    "times one": lambda h: (1.0 * h, 1.0 * h),
    "a copy": lambda h: (h, h.clone()),
    "its own dtype": lambda h: (h.to(h.dtype), h),
    "a detached output": lambda h: (h.detach(), h),
    "a cut output": lambda h: (h[:, :2], h),
    "a constant output": lambda h: (torch.ones_like(h), h),
    "two columns swapped": lambda h: (h, torch.cat([h[:, 1:], h[:, :1]], 1)),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_step_may_end_with_next_to_nothing(ending):
    """Values and gradients; what is detached has no gradient, as on the loop."""

    class Ending(ResetBefore):
        def forward(self, x, h):
            h, _ = super().forward(x, h)
            return ENDINGS[ending](h)

    cell = Ending(I, H).double()
    cell.output_size = 2 if ending == "a cut output" else H
    x = torch.randn(4, 2, I, dtype=torch.float64, requires_grad=True)
    found = []
    try:
        recipe = recipe_of(plan_of(cell))
    except Unplannable as reason:
        assert "\n" not in str(reason)
        return
    call = call_of(cell, x)
    for output, last in (
        run_plans([Job(recipe, call, parameters_of(call), None, interpreter)])[0],
        unroll.unroll(cell, x, backend="loop"),
    ):
        loss = output.sum() + last.square().sum()
        found.append([output, last, *torch.autograd.grad(loss, [x, *cell.parameters()])])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)


# ----- interpreted --------------------------------------------------------------------------------

plans = {}


class Interpreted:
    """A backend that runs plans in eager PyTorch."""

    NAME = "interpreted"

    @staticmethod
    def supports(call):
        return None

    @staticmethod
    def run(call):
        cell = call.cell
        if (id(cell), call.x.dtype) not in plans:
            made = plan(trace(cell, parameters_of(call), call.x, call.state))
            # through text and back, as a plan that another process made
            plans[id(cell), call.x.dtype] = (
                cell,
                from_json(json.loads(json.dumps(to_json(recipe_of(made))))),
            )
        initial = None
        if call.resets is not None:
            x = call.x
            initial = cell.initial_state(x.shape[1], dtype=x.dtype, device=x.device)
        _, recipe = plans[id(cell), call.x.dtype]
        return run_plans([Job(recipe, call, parameters_of(call), initial, interpreter)])[0]


@pytest.fixture
def interpreted(monkeypatch):
    monkeypatch.setitem(backends.BACKENDS, "interpreted", Interpreted)
    yield "interpreted"
    plans.clear()


@pytest.mark.parametrize("name", CELLS)
def test_an_interpreted_plan_of_a_written_cell_is_the_loop(name, interpreted):
    for size in ((3, 8), (2, 1)):
        cell = CELLS[name](*size).double()
        for seed in range(4):
            compare(cell, interpreted, seed=seed)


class Shown(unroll.Cell):
    """A field of the state that x alone decides, in whose gradient nothing of the loop takes part."""

    def __init__(self):
        super().__init__(1, 5)
        self.read = nn.Linear(5, 4)

    def forward(self, x, h):
        gated = torch.tanh(x) * h[:, 1:]
        h = torch.cat([torch.tanh(self.read(torch.cat([x, gated], 1))), torch.sigmoid(x)], 1)
        return h * 2, h


def test_the_gradient_of_a_field_that_only_x_decides_is_kept_for_every_step(interpreted):
    for seed in range(4):
        compare(Shown().double(), interpreted, seed=seed)


@pytest.mark.parametrize("seed", range(1000, 1012))
def test_an_interpreted_plan_of_a_random_cell_is_the_loop(seed, interpreted):
    cell = random_cell(seed)
    for case in range(3):
        compare(cell, interpreted, seed=seed + case)


class Noisy(unroll.Cell):
    """Noise anew each step, and once a call."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)

    def noise(self):
        return {
            "drop": Noise((self.hidden_size,), "bernoulli", each="call", keep=0.8),
            "shake": Noise((self.hidden_size,), "normal"),
        }

    def forward(self, x, h, noise):
        new = self.recur(h) + self.read(x)
        if noise is not None:
            new = new * noise["drop"] + 0.1 * noise["shake"]
        h = torch.tanh(new)
        return h, h


@pytest.mark.parametrize("training", [True, False])
def test_declared_noise_is_drawn_as_the_loop_draws_it(training, interpreted):
    cell = Noisy(I, H).double().train(training)
    for seed in range(6):
        compare(cell, interpreted, seed=seed)
    x = torch.randn(3, 2, I, dtype=torch.float64)
    after = []
    for backend in ("loop", interpreted):
        torch.manual_seed(4)
        unroll.unroll(cell, x, backend=backend)
        after.append(torch.rand(()))
    assert after[0] == after[1]


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (2, 0), (0, 0), (1, 1)])
def test_noise_for_next_to_nothing(steps, batch, interpreted):
    cell = Noisy(I, H).double()
    found = []
    for backend in ("loop", interpreted):
        torch.manual_seed(1)
        x = torch.randn(steps, batch, I, dtype=torch.float64, requires_grad=True)
        h = torch.randn(batch, H, dtype=torch.float64, requires_grad=True)
        output, last = unroll.unroll(cell, x, h, backend=backend)
        found.append([output, *torch.autograd.grad(output.sum() + last.sum(), h)])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)


def test_a_plan_serves_every_batch_and_length():
    cell, made = planned("lstm")
    for T, B in ((1, 1), (2, 101), (3, 103), (9, 2)):
        x = torch.randn(T, B, I, dtype=torch.float64)
        call = call_of(cell, x)
        got, last = run_plans([Job(recipe_of(made), call, parameters_of(call), None, interpreter)])[
            0
        ]
        right, end = unroll.unroll(cell, x, backend="loop")
        torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)
        for (_, a), (_, b) in zip(fields(last), fields(end), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_planning_changes_neither_the_cell_nor_its_tensors():
    for name in ("lstm", "written layer-norm", "written clockwork"):
        cell = MAKE[name](I, H).double()
        before = {n: t.clone() for n, t in cell.state_dict().items()}
        state = map_state(torch.clone, cell.initial_state(2, dtype=torch.float64))
        mode, random = cell.training, torch.get_rng_state()
        plan_of(cell)
        assert cell.training == mode
        assert torch.equal(torch.get_rng_state(), random)
        assert all(torch.equal(before[n], t) for n, t in cell.state_dict().items())
        assert all(p.grad is None for p in cell.parameters())
        now = cell.initial_state(2, dtype=torch.float64)
        assert all(
            torch.equal(a, b) for (_, a), (_, b) in zip(fields(state), fields(now), strict=True)
        )


class OfAPart(unroll.Cell):
    """Seen in another shape: part of a weight, which lies in pieces."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.weight = nn.Parameter(torch.randn(2, 2, hidden_size, input_size))

    def forward(self, x, h):
        part = self.weight[:, 1].reshape(-1, self.input_size)
        h = torch.tanh(linear(x, part).chunk(2, 1)[0] + h)
        return h, h


class NormOfAPart(unroll.Cell):
    """Norms of part of a product, which lies in one piece only where the batch is one."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)
        self.weight = nn.Parameter(torch.randn(2 * hidden_size, hidden_size))

    def forward(self, x, h):
        a, b = linear(h, self.weight).chunk(2, 1)
        h = torch.tanh(layer_norm(a, [self.hidden_size]) + b + self.read(x))
        return h, h


@pytest.mark.parametrize("kind", [OfAPart, NormOfAPart])
def test_where_numbers_lie_does_not_matter(kind):
    cell = kind(I, H).double()
    x = torch.randn(4, 3, I, dtype=torch.float64, requires_grad=True)
    recipe = recipe_of(plan_of(cell))
    call = call_of(cell, x)
    found = []
    for output, _ in (
        run_plans([Job(recipe, call, parameters_of(call), None, interpreter)])[0],
        unroll.unroll(cell, x, backend="loop"),
    ):
        found.append([output, *torch.autograd.grad(output.sum(), [x, *cell.parameters()])])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)


class NoisyOnce(unroll.Cell):
    """Noise of a whole call beside the state, which the weights' gradient reads again."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.weight = nn.Parameter(torch.randn(hidden_size, hidden_size))

    def noise(self):
        return {"mask": unroll.Noise((self.hidden_size,), "bernoulli", "call", keep=0.5)}

    def forward(self, x, h, noise):
        kept = h if noise is None else h * noise["mask"]
        h = torch.tanh(linear(0.6 * (1 - kept), self.weight) + x)
        return h, h


@pytest.mark.parametrize("lengths", [None, [0, 0, 0], [4, 0, 2]])
def test_noise_of_a_call_where_sequences_have_no_steps(lengths):
    cell = NoisyOnce(I, I).double()
    recipe = recipe_of(plan_of(cell))
    x = torch.randn(4, 3, I, dtype=torch.float64, requires_grad=True)
    call = checked_call(cell, x, lengths=lengths)
    found = []
    for run in (
        lambda: run_plans([Job(recipe, call, parameters_of(call), None, interpreter)])[0],
        lambda: unroll.unroll(cell, x, lengths=lengths, backend="loop"),
    ):
        torch.manual_seed(1)
        output, _ = run()
        found.append([output, *torch.autograd.grad(output.sum(), [x, cell.weight])])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)
