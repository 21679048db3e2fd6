from math import tanh
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

import unroll
from unroll.cells.wrappers.zoneout import ZoneoutCell
from unroll.testing import check_cell

from .trained import INNER, check_layer, check_trained


def constant_lstm():
    """Gates of 1/2 and a candidate of tanh(1), whatever it reads: c' = c / 2 + tanh(1) / 2."""
    cell = unroll.LSTMCell(1, 2).double()
    for parameter in cell.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        cell.bias_ih[4:6] = 1.0
    return cell


X = torch.zeros(1, 1).double()
STATE = unroll.LSTMState(torch.tensor([[0.25, -0.5]]).double(), torch.tensor([[1.0, 3.0]]).double())


def test_eval_mode_gives_the_numbers_of_the_expectation():
    cell = ZoneoutCell(constant_lstm(), {"h": 0.25, "c": 0.5}).eval()
    output, new = cell.step(X, STATE)
    c = [0.5 * 1.0 + 0.5 * tanh(1), 0.5 * 3.0 + 0.5 * tanh(1)]
    h = [0.5 * tanh(c[0]), 0.5 * tanh(c[1])]  # of c' before zoneout
    expected_c = [0.5 * 1.0 + 0.5 * c[0], 0.5 * 3.0 + 0.5 * c[1]]
    expected_h = [0.25 * 0.25 + 0.75 * h[0], 0.25 * -0.5 + 0.75 * h[1]]
    torch.testing.assert_close(new.c, torch.tensor([expected_c]).double())
    torch.testing.assert_close(new.h, torch.tensor([expected_h]).double())
    assert output is new.h  # what is shown is zoned out too


def test_units_with_a_one_keep_their_old_value_to_the_bit():
    # as the authors' Theano lines: h = h_prev * zoneouts + (1 - zoneouts) * h
    cell = ZoneoutCell(constant_lstm(), 0.5)
    noise = {
        "keep.h": torch.tensor([[1.0, 0.0]]).double(),
        "keep.c": torch.tensor([[0.0, 1.0]]).double(),
    }
    output, new = cell.step(X, STATE, noise)
    c = [0.5 * 1.0 + 0.5 * tanh(1), 0.5 * 3.0 + 0.5 * tanh(1)]
    assert new.h[0, 0] == STATE.h[0, 0]
    assert new.c[0, 1] == STATE.c[0, 1]
    assert new.h[0, 1].item() == pytest.approx(0.5 * tanh(c[1]), rel=1e-14)
    assert new.c[0, 0].item() == pytest.approx(c[0], rel=1e-14)
    assert output is new.h


def test_an_output_that_is_no_field_is_shown_as_it_is():
    class Shown(unroll.GRUCell):
        def step(self, x, h):
            h, _ = super().step(x, h)
            return 2 * h, h

    inner = Shown(3, 4).eval()
    x, h = torch.randn(2, 3), torch.randn(2, 4)
    output, new = ZoneoutCell(inner, 0.5).eval().step(x, h)
    expected, unzoned = inner.step(x, h)
    assert torch.equal(output, expected)
    torch.testing.assert_close(new, 0.5 * h + 0.5 * unzoned)


def test_as_many_units_are_kept_as_was_asked():
    cell = ZoneoutCell(unroll.LSTMCell(3, 400), {"h": 0.1, "c": 0.6})
    state = unroll.LSTMState(torch.randn(8, 400), torch.randn(8, 400))
    _, last = unroll.unroll(cell, torch.randn(1, 8, 3), state)
    assert (last.h == state.h).double().mean().item() == pytest.approx(0.1, abs=0.02)
    assert (last.c == state.c).double().mean().item() == pytest.approx(0.6, abs=0.02)


def test_one_number_is_for_every_field_and_a_name_for_its_own():
    one, named = ZoneoutCell(unroll.LSTMCell(3, 4), 0.2), ZoneoutCell(unroll.GRUCell(3, 4), {})
    assert {name: noise.keep for name, noise in one.noise().items()} == {
        "keep.h": 0.2,
        "keep.c": 0.2,
    }
    assert named.noise() == {}
    x, h = torch.randn(2, 3), torch.randn(2, 4)
    assert torch.equal(named.step(x, h)[1], named.cell.step(x, h)[1])


class Counted(NamedTuple):
    h: Tensor
    n: Tensor


class CountingCell(unroll.RNNCell):
    def step(self, x, state):
        h, _ = super().step(x, state.h)
        return h, Counted(h, state.n + 1)

    def initial_state(self, batch_size, **like):
        count = torch.zeros(batch_size, 1, dtype=torch.int64, device=like.get("device"))
        return Counted(super().initial_state(batch_size, **like), count)


def test_whole_numbers_are_let_alone():
    cell = ZoneoutCell(CountingCell(3, 4), 0.3)
    assert list(cell.noise()) == ["keep.h"]
    _, last = unroll.unroll(cell, torch.randn(5, 2, 3))
    assert last.n.tolist() == [[5], [5]]


@pytest.mark.parametrize(
    ("inner", "probability", "message"),
    [
        (unroll.LSTMCell, -0.1, r"probability of h=-0\.1; expected a probability from 0 to below"),
        (unroll.LSTMCell, {"c": 1.0}, r"probability of c=1\.0"),
        (unroll.GRUCell, {"c": 0.1}, r"probability for 'c'; expected fields .* GRUCell: h\."),
        (CountingCell, {"n": 0.1}, r"for 'n' \(whole numbers cannot be zoned out\)"),
    ],
)
def test_wrong_probabilities_are_refused_in_a_sentence(inner, probability, message):
    with pytest.raises(ValueError, match=message):
        ZoneoutCell(inner(3, 4), probability)


@pytest.mark.parametrize("inner", INNER)
def test_promises_of_a_cell(inner):
    check_cell(lambda i, h: ZoneoutCell(INNER[inner](i, h), 0.3))


@pytest.mark.parametrize("inner", INNER)
def test_compiled_kernels_are_given_the_same_noise(inner):
    check_trained(lambda i, h: ZoneoutCell(INNER[inner](i, h), 0.3))


@pytest.mark.parametrize("inner", INNER)
def test_in_a_layer(inner):
    check_layer(lambda i, h: ZoneoutCell(INNER[inner](i, h), 0.3))
