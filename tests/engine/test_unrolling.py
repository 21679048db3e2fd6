from functools import partial

import pytest
import torch
from torch import nn

import unroll
from unroll.cells import fields, map_state

T, B, I, H = 5, 4, 3, 6
STANDARD = {
    "tanh": (unroll.RNNCell, nn.RNN),
    "relu": (
        partial(unroll.RNNCell, nonlinearity="relu"),
        partial(nn.RNN, nonlinearity="relu"),
    ),
    "lstm": (unroll.LSTMCell, nn.LSTM),
    "gru": (unroll.GRUCell, nn.GRU),
    "projected": (partial(unroll.ProjectedLSTMCell, proj_size=2), partial(nn.LSTM, proj_size=2)),
}
LENGTHS = {"all": None, "ragged": [5, 0, 3, 1], "empty": [0, 0, 0, 0]}


class MinimalGatedCell(unroll.Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.forget = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        f = torch.sigmoid(self.forget(torch.cat([x, h], 1)))
        n = torch.tanh(self.candidate(torch.cat([x, f * h], 1)))
        h = (1 - f) * h + f * n
        return h, h


def a_state(cell):
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


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("make", [c for c, _ in STANDARD.values()], ids=STANDARD)
def test_torch_backend_equals_the_loop_in_values_and_gradients(make, lengths, reverse):
    cell = make(I, H).double()
    x, state = torch.randn(T, B, I).double(), a_state(cell)
    run = partial(values_and_gradients, cell, x, state, lengths=lengths, reverse=reverse)
    torch.testing.assert_close(run(backend="torch"), run(backend="loop"), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("backend", ["loop", "torch"])
@pytest.mark.parametrize(("make", "layer"), STANDARD.values(), ids=STANDARD)
def test_a_cell_over_time_equals_torchs_layer_in_values_and_gradients(make, layer, backend):
    cell, layer = make(I, H).double(), layer(I, H).double()
    layer.load_state_dict({f"{name}_l0": p for name, p in cell.state_dict().items()})
    x, state = torch.randn(T, B, I).double(), a_state(cell)
    got = values_and_gradients(cell, x, state, backend=backend)

    x = x.clone().requires_grad_()
    leaves = [s.clone().requires_grad_() for s in flat(state)]
    start = [s[None] for s in leaves]
    output, last = layer(x, start[0] if len(start) == 1 else tuple(start))
    torch.manual_seed(1)
    last = [s[0] for s in (last if isinstance(last, tuple) else (last,))]
    loss = sum((y * torch.randn_like(y)).sum() for y in [output, *last])
    named = dict(layer.named_parameters())
    weights = [named[f"{name}_l0"] for name, _ in cell.named_parameters()]
    expected = [output, *last, *torch.autograd.grad(loss, [x, *leaves, *weights])]
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("backend", ["loop", "torch"])
@pytest.mark.parametrize("make", [c for c, _ in STANDARD.values()], ids=STANDARD)
def test_each_sequence_is_read_as_if_it_were_alone(make, backend, reverse):
    cell, lengths = make(I, H).double(), LENGTHS["ragged"]
    x, state = torch.randn(T, B, I).double(), a_state(cell)
    for b, length in enumerate(lengths):
        x[length:, b] = torch.nan
    output, last = unroll.unroll(cell, x, state, lengths=lengths, reverse=reverse, backend=backend)
    for b, length in enumerate(lengths):
        start = map_state(lambda s, b=b: s[b : b + 1], state)
        alone, end = unroll.unroll(
            cell, x[:length, b : b + 1], start, reverse=reverse, backend="loop"
        )
        torch.testing.assert_close(output[:length, b : b + 1], alone)
        assert not output[length:, b].any()
        torch.testing.assert_close(flat(map_state(lambda s, b=b: s[b : b + 1], last)), flat(end))


@pytest.mark.parametrize("backend", ["loop", "torch"])
def test_carried_state_makes_two_halves_of_one_pass(backend):
    cell, x = unroll.LSTMCell(I, H).double(), torch.randn(T, B, I).double()
    whole, end = unroll.unroll(cell, x, backend=backend)
    first, middle = unroll.unroll(cell, x[:2], backend=backend)
    second, last = unroll.unroll(cell, x[2:], middle, backend=backend)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(last, end)


@pytest.mark.parametrize("reverse", [False, True])
def test_gradcheck_through_time_and_lengths(reverse):
    cell, x = MinimalGatedCell(2, 3).double(), torch.randn(3, 2, 2).double().requires_grad_()
    h = torch.randn(2, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, h: unroll.unroll(cell, x, h, lengths=[3, 1], reverse=reverse), (x, h)
    )


@pytest.mark.parametrize(
    "lengths", [[5, 0, 3, 1], (5, 0, 3, 1), torch.tensor([5, 0, 3, 1], dtype=torch.int32)]
)
def test_lengths_may_be_a_list_a_tuple_or_any_whole_numbers(lengths):
    cell, x = unroll.GRUCell(I, H), torch.randn(T, B, I)
    expected, _ = unroll.unroll(cell, x, lengths=torch.tensor([5, 0, 3, 1]))
    torch.testing.assert_close(unroll.unroll(cell, x, lengths=lengths)[0], expected)


@pytest.mark.parametrize("backend", ["loop", "torch"])
@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (3, 0), (0, 0)])
def test_nothing_in_gives_nothing_out(steps, batch, backend):
    output, state = unroll.unroll(
        unroll.LSTMCell(I, H), torch.zeros(steps, batch, I), backend=backend
    )
    assert output.shape == (steps, batch, H)
    assert state.c.shape == (batch, H)


def test_state_given_as_a_plain_tuple_comes_back_with_its_names():
    cell, x = unroll.LSTMCell(I, H), torch.randn(T, B, I)
    _, state = unroll.unroll(cell, x, (torch.zeros(B, H), torch.zeros(B, H)))
    assert isinstance(state, unroll.LSTMState)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_reset_starts_anew_in_the_rows_that_ask_for_it(reverse):
    cell = MinimalGatedCell(I, H).double()
    x, h = torch.randn(T, 2, I).double(), torch.randn(2, H).double()
    resets = torch.zeros(T, 2, dtype=torch.bool)
    resets[3, 0] = True
    output, last = unroll.unroll(cell, x, h, resets=resets, reverse=reverse)
    cut = slice(0, 4) if reverse else slice(3, T)  # what is read from the reset on
    anew, end = unroll.unroll(cell, x[cut, :1], reverse=reverse)
    other, other_end = unroll.unroll(cell, x[:, 1:], h[1:], reverse=reverse)
    torch.testing.assert_close(output[cut, :1], anew)
    torch.testing.assert_close(output[:, 1:], other)
    torch.testing.assert_close(last, torch.cat([end, other_end]))


def test_no_gradient_crosses_a_reset():
    cell, x = unroll.GRUCell(I, H), torch.randn(T, 1, I, requires_grad=True)
    resets = torch.tensor([[False], [False], [True], [False], [False]])
    unroll.unroll(cell, x, resets=resets)[1].sum().backward()
    assert not x.grad[:2].any()
    assert x.grad[2:].any()


@pytest.mark.parametrize("backend", ["loop", "torch"])
@pytest.mark.parametrize("make", [unroll.LSTMCell, nn.LSTMCell])
def test_stand_ins_take_the_place_of_parameters_and_get_the_gradient(make, backend):
    cell, other, x = make(I, H), make(I, H), torch.randn(T, B, I)
    stand_ins = dict(other.named_parameters())
    got, _ = unroll.unroll(cell, x, parameters=stand_ins, backend=backend)
    torch.testing.assert_close(got, unroll.unroll(other, x)[0])
    got.sum().backward()
    assert all(p.grad is None for p in cell.parameters())
    assert all(p.grad is not None for p in other.parameters())


def test_a_learned_start_is_stood_in_for_like_any_parameter():
    class LearnedStart(MinimalGatedCell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.start = nn.Parameter(torch.randn(hidden_size))

        def initial_state(self, batch_size, **like):
            return self.start.expand(batch_size, -1)

    cell, other, x = LearnedStart(I, H), LearnedStart(I, H), torch.randn(T, B, I)
    got, _ = unroll.unroll(cell, x, parameters=dict(other.named_parameters()))
    torch.testing.assert_close(got, unroll.unroll(other, x)[0])
    got.sum().backward()
    assert other.start.grad is not None
    assert cell.start.grad is None


@pytest.mark.parametrize("backend", ["loop", "torch"])
def test_some_stand_ins_leave_the_other_parameters_in_place(backend):
    cell, x = unroll.GRUCell(I, H), torch.randn(T, B, I)
    zeros = {"weight_ih": torch.zeros(3 * H, I)}
    got, _ = unroll.unroll(cell, x, parameters=zeros, backend=backend)
    expected, _ = unroll.unroll(cell, torch.zeros_like(x))
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("backend", ["loop", "torch"])
@pytest.mark.parametrize(
    ("torchs", "ours"),
    [(nn.RNNCell, unroll.RNNCell), (nn.LSTMCell, unroll.LSTMCell), (nn.GRUCell, unroll.GRUCell)],
)
def test_torchs_own_cells_run_like_ours(torchs, ours, backend):
    torchs, ours, x = torchs(I, H), ours(I, H), torch.randn(T, B, I)
    ours.load_state_dict(torchs.state_dict())
    got = unroll.unroll(torchs, x, lengths=[5, 0, 2, 1], backend=backend)
    torch.testing.assert_close(got, unroll.unroll(ours, x, lengths=[5, 0, 2, 1]))


def test_a_changed_torch_cell_runs_its_own_step():
    class Doubled(nn.GRUCell):
        def forward(self, x, h=None):
            return 2 * super().forward(x, h)

    cell, x = Doubled(I, H), torch.randn(1, B, I)
    torch.testing.assert_close(unroll.unroll(cell, x)[0][0], cell(x[0]))


X = torch.zeros(T, B, I)


@pytest.mark.parametrize(
    ("x", "keywords", "message"),
    [
        (X[0], {}, r"inputs of shape \[4, 3\] for LSTMCell; expected \[T, B, I=3\]"),
        (X.transpose(1, 2), {}, r"pass x\.transpose\(0, 1\)"),
        ([1, 2], {}, "inputs of shape list"),
        (X, {"lengths": [1, 2]}, r"lengths got shape \[2\].*expected B=4 whole numbers"),
        (X, {"lengths": [1.0, 2.0, 3.0, 4.0]}, r"torch.float32; expected B=4 whole"),
        (X, {"lengths": [6, 1, 1, 1]}, "lengths go from 1 to 6; expected numbers from 0 to T=5"),
        (X, {"lengths": [-1, 1, 1, 1]}, "lengths go from -1 to 1"),
        (X, {"state": torch.zeros(B, H)}, r"got state \[4, 6\] for LSTMCell; expected LSTMState"),
        (X, {"state": (torch.zeros(B, H), torch.zeros(B, 2))}, r"got state \[4, 2\]"),
        (X, {"resets": torch.zeros(T, B)}, r"float32; expected bool \[T=5, B=4\]"),
        (X, {"resets": torch.zeros(B, T, dtype=torch.bool)}, r"resets of shape \[4, 5\]"),
    ],
)
def test_wrong_arguments_are_refused_in_a_sentence(x, keywords, message):
    with pytest.raises(ValueError, match=message):
        unroll.unroll(unroll.LSTMCell(I, H), x, **keywords)


def test_what_is_no_cell_is_refused():
    with pytest.raises(TypeError, match="Got LSTM; expected a cell"):
        unroll.unroll(nn.LSTM(I, H), X)
