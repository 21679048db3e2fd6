"""All steps at once = the loop, in values and gradients."""

import logging
from functools import partial

import pytest
import torch

import unroll
from unroll.cells import as_cell, fields, map_state
from unroll.cells.lru import LRUCell
from unroll.cells.min_gru import MinGRUCell
from unroll.cells.min_lstm import MinLSTMCell
from unroll.cells.qrnn import QRNNCell
from unroll.cells.rg_lru import RGLRUCell
from unroll.engine import backends, choose, parallel
from unroll.engine.call import checked_call
from unroll.engine.cpu import build
from unroll.testing import sequences, step

T, B, I, H = 70, 4, 3, 5
LINEAR = {
    "min_gru": MinGRUCell,
    "min_gru, plain": partial(MinGRUCell, positive=False),
    "min_lstm": MinLSTMCell,
    "qrnn f": partial(QRNNCell, pooling="f"),
    "qrnn fo": QRNNCell,
    "qrnn ifo": partial(QRNNCell, pooling="ifo"),
    "qrnn, window of two": partial(QRNNCell, window=2),
    "lru": LRUCell,
    "lru, narrow": partial(LRUCell, output_size=2),
    "rg_lru": RGLRUCell,
}
LENGTHS = {"all": None, "ragged": [70, 0, 33, 1], "empty": [0, 0, 0, 0]}
linear = pytest.mark.parametrize("make", LINEAR.values(), ids=LINEAR)
lengths_of = pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
directions = pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "reverse"])


def a_state(cell):
    """Any numbers, also those that the cell itself never comes to."""
    return map_state(torch.randn_like, cell.initial_state(B, dtype=torch.float64))


def flat(state):
    return [tensor for _, tensor in fields(state)]


def values_and_gradients(cell, x, state, **keywords):
    """Outputs, final state and the gradients in inputs, state and weights, in one list."""
    x = x.clone().requires_grad_()
    state = map_state(lambda s: s.clone().requires_grad_(), state)
    output, last = unroll.unroll(cell, x, state, **keywords)
    torch.manual_seed(1)
    loss = sum((y * torch.randn_like(y)).sum() for y in [output, *flat(last)])
    leaves = [x, *flat(state), *cell.parameters()]
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return [output, *flat(last), *gradients]


@directions
@lengths_of
@linear
def test_values_and_gradients_are_those_of_the_loop(make, lengths, reverse):
    cell = make(I, H).double()
    x, state = torch.randn(T, B, I).double(), a_state(cell)
    if lengths is not None:
        for b, length in enumerate(lengths):
            x[length:, b] = torch.nan
    run = partial(values_and_gradients, cell, x, state, lengths=lengths, reverse=reverse)
    torch.testing.assert_close(run(backend="parallel"), run(backend="loop"), rtol=1e-9, atol=1e-9)


@linear
def test_promises_that_check_cell_checks_of_the_loop(make):
    with unroll.backend("parallel"):
        for promise in (
            step.check_gradients,
            sequences.check_padding,
            sequences.check_two_halves,
            sequences.check_reverse,
            sequences.check_one_by_one,
        ):
            promise(as_cell(make(3, 4)).double().eval())


@linear
def test_state_keeps_its_form_and_its_names(make):
    cell, x = make(I, H), torch.randn(5, B, I)
    _, expected = unroll.unroll(cell, x, backend="loop")
    _, state = unroll.unroll(cell, x, backend="parallel")
    assert type(state) is type(expected)
    torch.testing.assert_close(flat(state), flat(expected))


@linear
@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (3, 0), (0, 0), (1, 1)])
@pytest.mark.parametrize("ragged", [False, True])
def test_nothing_in_gives_nothing_out(make, steps, batch, ragged):
    cell = make(I, H)
    output, state = unroll.unroll(
        cell,
        torch.zeros(steps, batch, I),
        lengths=[steps] * batch if ragged else None,
        backend="parallel",
    )
    assert output.shape == (steps, batch, cell.output_size)
    assert all(len(s) == batch for s in flat(state))


def test_final_state_does_not_keep_every_state():
    _, h = unroll.unroll(MinGRUCell(I, H), torch.randn(T, B, I), backend="parallel")
    assert h.untyped_storage().size() == B * H * 4


@linear
def test_stand_ins_take_the_place_of_parameters_and_get_the_gradient(make):
    cell, other, x = make(I, H), make(I, H), torch.randn(T, B, I)
    stand_ins = dict(other.named_parameters())
    got, _ = unroll.unroll(cell, x, parameters=stand_ins, backend="parallel")
    torch.testing.assert_close(got, unroll.unroll(other, x, backend="loop")[0])
    got.sum().backward()
    assert all(p.grad is None for p in cell.parameters())
    assert all(p.grad is not None for p in other.parameters())
    with torch.no_grad():  # the cell has its own parameters again
        expected, _ = unroll.unroll(cell, x, backend="loop")
        torch.testing.assert_close(unroll.unroll(cell, x, backend="parallel")[0], expected)


def test_some_stand_ins_leave_the_other_parameters_in_place():
    cell, x = MinGRUCell(I, H), torch.randn(T, B, I)
    zeros = {"weight_ih": torch.zeros(2 * H, I)}
    got, _ = unroll.unroll(cell, x, parameters=zeros, backend="parallel")
    torch.testing.assert_close(got, unroll.unroll(cell, 0 * x, backend="loop")[0])


@pytest.mark.parametrize("make", [MinGRUCell, partial(QRNNCell, pooling="f"), RGLRUCell])
def test_a_layer_of_two_directions(make):
    layer, x = unroll.Recurrent(make, I, H, bidirectional=True), torch.randn(T, B, I)
    run = partial(layer, x, lengths=LENGTHS["ragged"])
    torch.testing.assert_close(run(backend="parallel"), run(backend="loop"))


def test_second_derivatives():
    cell = MinGRUCell(2, 2).double()
    x = torch.randn(3, 1, 2).double().requires_grad_()
    run = lambda x: unroll.unroll(cell, x, backend="parallel")[0]  # noqa: E731
    assert torch.autograd.gradgradcheck(run, (x,))


class Noisy(MinGRUCell):
    def noise(self):
        return {"mask": unroll.Noise((self.hidden_size,))}


class Halved(MinGRUCell):
    def forward(self, x, h):
        h = super().forward(x, h)[0] / 2
        return h, h


class Stepped(MinGRUCell):
    def step(self, x, h):
        return super().step(x, h)


class HalvedInBoth(Halved):
    def parallel(self, x, h):
        raise NotImplementedError


def hooked(cell):
    cell.register_forward_hook(lambda *_: None)
    return cell


RESETS = torch.zeros(2, 1, dtype=torch.bool)
REFUSED = [
    (unroll.LSTMCell(I, H), {}, "LSTMCell has no parallel form"),
    (torch.nn.GRUCell(I, H), {}, "TorchCell has no parallel form"),
    (MinGRUCell(I, H), {"resets": RESETS}, "cannot reset the state inside a sequence"),
    (MinGRUCell(I, H), {"record": unroll.Recording()}, "does not show its steps to a recording"),
    (Noisy(I, H), {}, "takes no noise"),
    (Halved(I, H), {}, "Halved has a forward of its own, and the parallel form is that of MinGRU"),
    (Stepped(I, H), {}, "Stepped has a step of its own, and the parallel form is that of MinGRU"),
    (hooked(MinGRUCell(I, H)), {}, "it has hooks, which a parallel form would not call"),
]


@pytest.mark.parametrize(("cell", "keywords", "reason"), REFUSED, ids=lambda v: None)
def test_what_it_cannot_run_it_refuses_in_a_sentence(cell, keywords, reason):
    x = torch.zeros(2, 1, I)
    with pytest.raises(RuntimeError, match=f"The parallel backend cannot run .*: .*{reason}"):
        unroll.unroll(cell, x, backend="parallel", **keywords)


def test_a_subclass_with_a_form_of_its_own_is_not_refused():
    assert parallel.no_parallel_form(HalvedInBoth(I, H)) is None


def test_transformations_of_torch_func_are_refused():
    cell, x = MinGRUCell(I, H), torch.zeros(5, 2, 1, I)
    run = partial(unroll.unroll, cell, backend="parallel")
    with pytest.raises(RuntimeError, match=r"cannot be transformed by torch\.func"):
        torch.func.vmap(run)(x)
    with (
        pytest.raises(RuntimeError, match="has no forward-mode derivative"),
        torch.autograd.forward_ad.dual_level(),
    ):
        run(x[0])
    by_the_loop = torch.func.vmap(lambda x: unroll.unroll(cell, x)[0])(x)
    assert by_the_loop.shape == (5, 2, 1, H)


@pytest.fixture
def nothing_said_yet(monkeypatch):
    monkeypatch.delenv("UNROLL_BACKEND", raising=False)
    monkeypatch.setattr(backends, "_warned", set())


@pytest.mark.usefixtures("nothing_said_yet")
def test_auto_takes_it_before_the_loop_and_after_the_compiler(caplog):
    caplog.set_level(logging.WARNING, logger="unroll")
    compiles = build.unavailable() is None
    for like, name in (
        ({"dtype": torch.float32}, "cpu" if compiles else "parallel"),
        ({"dtype": torch.bfloat16}, "parallel"),
        ({"device": "meta"}, "parallel"),  # as on a GPU
    ):
        cell, x = MinGRUCell(I, H).to(**like), torch.zeros(3, 2, I, **like)
        call = checked_call(cell, x, None, None, None, False, None, None)
        assert choose(call)[0].NAME == name
        unroll.unroll(cell, x)
    assert not [said for said in caplog.records if said.name == "unroll"]


@pytest.mark.usefixtures("nothing_said_yet")
def test_a_process_may_ask_for_it(monkeypatch):
    monkeypatch.setenv("UNROLL_BACKEND", "parallel")
    assert "runs on the parallel backend: it was requested" in unroll.explain(MinGRUCell(I, H))
    layer, x = unroll.Recurrent(MinGRUCell, I, H), torch.randn(4, B, I)
    stepper = layer.stepper(B)
    torch.testing.assert_close(torch.stack([stepper(step) for step in x]), layer(x)[0])


def test_autocast_widens_as_the_loop_does():
    cell, x = MinGRUCell(I, H), torch.randn(T, B, I)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, h = unroll.unroll(cell, x, backend="parallel")
        expected, last = unroll.unroll(cell, x, backend="loop")
    assert (output.dtype, h.dtype) == (expected.dtype, last.dtype)
    torch.testing.assert_close(output, expected, rtol=0.02, atol=0.02)
