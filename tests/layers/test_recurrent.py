from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import unroll

T, B, I, H, O = 6, 3, 2, 4, 5
LENGTHS = [6, 0, 3]


class Memory(NamedTuple):
    h: Tensor
    clock: Tensor


class ClockCell(unroll.Cell):
    """A state of two fields, one of whole numbers, and an output that is neither of them."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.output_size = O
        self.read = nn.Linear(input_size + hidden_size, hidden_size)
        self.show = nn.Linear(hidden_size, O)

    def initial_state(self, batch_size, **like):
        clock = torch.zeros(batch_size, 1, dtype=torch.int64, device=like.get("device"))
        return Memory(torch.ones(batch_size, self.hidden_size, **like), clock)

    def forward(self, x, state):
        h = torch.tanh(self.read(torch.cat([x, state.h], 1)))
        h = torch.where(state.clock % 2 == 0, h, state.h)  # only every second step
        return self.show(h), Memory(h, state.clock + 1)


def stacked(**arguments):
    return unroll.Recurrent(ClockCell, I, H, num_layers=2, bidirectional=True, **arguments).double()


def inputs():
    return torch.randn(T, B, I).double()


@pytest.mark.parametrize(
    ("name", "drop_in"),
    [
        ("lstm", unroll.LSTM),
        ("gru", unroll.GRU),
        ("rnn", unroll.RNN),
        ("rnn_relu", lambda *a, **k: unroll.RNN(*a, nonlinearity="relu", **k)),
    ],
)
def test_a_named_cell_is_the_drop_in_layer_with_the_same_weights(name, drop_in):
    ours = unroll.Recurrent(name, I, H, 2, bidirectional=True).double()
    layer = drop_in(I, H, 2, bidirectional=True).double()
    for k, cell in enumerate(ours.cells):
        suffix = f"_l{k // 2}" + ("_reverse" if k % 2 else "")
        cell.load_state_dict({n: getattr(layer, n + suffix) for n, _ in cell.named_parameters()})
    x = inputs()
    for keywords in ({}, {"lengths": LENGTHS}):
        output, state = ours(x, **keywords)
        expected, last = layer(x, **keywords)
        torch.testing.assert_close(output, expected)
        state = tuple(state) if isinstance(last, tuple) else state
        torch.testing.assert_close(state, last)


def test_the_state_is_the_cells_own_with_a_row_a_layer_and_direction():
    layer = stacked()
    output, state = layer(inputs(), lengths=LENGTHS)
    assert output.shape == (T, B, 2 * O)
    assert layer.output_size == 2 * O
    assert isinstance(state, Memory)
    assert state.h.shape == (4, B, H)
    assert state.clock.dtype == torch.int64
    assert state.clock[..., 0].tolist() == [LENGTHS] * 4
    start = layer.initial_state(B, dtype=torch.float64)
    assert isinstance(start, Memory)
    torch.testing.assert_close(state.h[:, 1], start.h[:, 1])  # length 0: the state it came with


def test_layers_and_directions_are_the_cells_one_after_another():
    layer, x = stacked(), inputs()
    output, state = layer(x, lengths=LENGTHS)
    for k in (0, 2):
        runs = [
            unroll.unroll(layer.cells[k + d], x, lengths=LENGTHS, reverse=d == 1) for d in (0, 1)
        ]
        for d in (0, 1):
            torch.testing.assert_close(runs[d][1], Memory(state.h[k + d], state.clock[k + d]))
        x = torch.cat([run[0] for run in runs], 2)
    torch.testing.assert_close(output, x)


def test_a_ragged_batch_is_its_sequences_one_by_one():
    layer, x = stacked(), inputs()
    x[3:, 2] = torch.nan
    output, state = layer(x, lengths=LENGTHS)
    for b, length in ((0, 6), (2, 3)):
        alone, end = layer(x[:length, b : b + 1])
        torch.testing.assert_close(output[:length, b : b + 1], alone)
        torch.testing.assert_close(state.h[:, b : b + 1], end.h)
    assert not output[3:, 2].any()
    assert not output[:, 1].any()


def test_batch_first_unbatched_and_packed_are_the_same_numbers():
    x, layer, first = inputs(), stacked(), stacked(batch_first=True)
    first.load_state_dict(layer.state_dict())
    output, state = layer(x)
    flipped, same = first(x.transpose(0, 1))
    torch.testing.assert_close(flipped.transpose(0, 1), output)
    torch.testing.assert_close(same, state)
    one, end = layer(x[:, 1])
    torch.testing.assert_close(one, output[:, 1])
    torch.testing.assert_close(end.h, state.h[:, 1])
    packed = pack_padded_sequence(x, torch.tensor([2, 6, 4]), enforce_sorted=False)
    got, last = layer(packed)
    expected, ends = layer(x, lengths=[2, 6, 4])
    torch.testing.assert_close(pad_packed_sequence(got)[0], expected)
    torch.testing.assert_close(last, ends)


def test_two_halves_equal_one_pass():
    layer, x = unroll.Recurrent(ClockCell, I, H, 2).double(), inputs()
    whole, end = layer(x)
    first, carried = layer(x[:3])
    second, last = layer(x[3:], carried)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(last, end)


def test_resets_reach_every_layer():
    layer, x = unroll.Recurrent(ClockCell, I, H, 2).double(), inputs()
    resets = torch.zeros(T, B, dtype=torch.bool)
    resets[4] = True
    output, state = layer(x, resets=resets)
    anew, end = layer(x[4:])
    torch.testing.assert_close(output[4:], anew)
    torch.testing.assert_close(state, end)


def test_dropout_is_between_layers_and_only_in_training():
    layer, x = stacked(dropout=1.0), inputs()
    plain = stacked()
    plain.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer.eval()(x), plain(x))
    torch.testing.assert_close(layer.train()(x)[0], layer(2 * x)[0])  # nothing passes upward


def test_any_callable_of_two_sizes_makes_the_cells_once_each():
    sizes = []

    def make(input_size, hidden_size):
        sizes.append((input_size, hidden_size))
        return nn.GRUCell(input_size, hidden_size)  # torch's own, unchanged

    layer = unroll.Recurrent(make, I, H, 2, bidirectional=True)
    assert sizes == [(I, H)] * 2 + [(2 * H, H)] * 2
    assert layer(torch.randn(T, B, I))[0].shape == (T, B, 2 * H)


def test_state_dict_saves_and_loads():
    layer, again, x = stacked(), stacked(), inputs()
    again.load_state_dict(layer.state_dict())
    torch.testing.assert_close(again(x), layer(x))


def test_gradients_reach_every_weight_and_the_start():
    layer, x = stacked(), inputs().requires_grad_()
    start = layer.initial_state(B, dtype=torch.float64)
    start = start._replace(h=start.h.clone().requires_grad_())
    layer(x, start, lengths=LENGTHS)[0].sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    assert x.grad[:3, 2].any()
    assert not x.grad[3:, 2].any()
    assert start.h.grad[:, 0].any()
    assert not start.h.grad[:, 1].any()


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (("lsmt", I, H), {}, "no cell named 'lsmt'"),
        (("gru", I, H, 0), {}, "num_layers=0; expected at least 1"),
        (("gru", I, H), {"dropout": 1.5}, "dropout=1.5; expected a probability"),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(arguments, keywords, message):
    with pytest.raises(ValueError, match=message):
        unroll.Recurrent(*arguments, **keywords)


X = torch.zeros(T, B, I)


@pytest.mark.parametrize(
    ("x", "keywords", "message"),
    [
        (X, {"state": torch.zeros(1, B, H)}, r"shape \[1, 3, 4\]; expected \[L\*D=2, B, ...\]"),
        (X, {"state": torch.zeros(2, B, 9)}, r"got state \[3, 9\] for GRUCell; expected \[3, 4\]"),
        (X, {"records": [unroll.Recording()]}, r"1 records; expected L\*D=2"),
        (X[None], {}, "Expected input to be 2D or 3D, got 4D"),
        (X[:, 0], {"lengths": [T]}, "lengths= for one unbatched sequence"),
        (X.transpose(1, 2), {}, r"for GRUCell; expected \[T, B, I=2\]"),
    ],
)
def test_wrong_calls_are_refused_in_a_sentence(x, keywords, message):
    with pytest.raises(ValueError, match=message):
        unroll.Recurrent("gru", I, H, 2)(x, **keywords)


def test_what_makes_no_cell_is_refused():
    with pytest.raises(TypeError, match="Got Linear; expected a cell"):
        unroll.Recurrent(nn.Linear, I, H)
