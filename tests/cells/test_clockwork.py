import pytest
import torch
from torch import nn

import unroll
from unroll.cells.clockwork import ClockworkRNNCell
from unroll.testing import check_cell


def test_steps_give_the_numbers_of_the_equations():
    """Two modules of one unit, periods 1 and 2, worked with mpmath to 30 digits (not with torch).

    t = 0, x = 1:   fast = tanh( 0.5 + 0.1) = tanh(0.6)       slow = tanh(-1 + 0.2) = tanh(-0.8)
    t = 1, x = 2:   fast = tanh( 1.0 + 0.1 + 0.2 fast + 0.7 slow)      slow waits
    t = 2, x = -1:  fast = tanh(-0.5 + 0.1 + 0.2 fast + 0.7 slow)
                    slow = tanh( 1.0 + 0.2 - 0.3 slow): it does not read the fast one, whatever
                    stands in the weights (9.0)
    """
    cell = ClockworkRNNCell(1, 2, periods=(1, 2)).double()
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor([[0.5], [-1.0]]).double())
        cell.weight_hh.copy_(torch.tensor([[0.2, 0.7], [9.0, -0.3]]).double())
        cell.bias.copy_(torch.tensor([0.1, 0.2]).double())
    output, state = unroll.unroll(cell, torch.tensor([1.0, 2.0, -1.0]).double().reshape(3, 1, 1))
    expected = [
        [0.53704956699803529, -0.66403677026784896],
        [0.63070392066544902, -0.66403677026784896],
        [-0.62834998490363098, 0.88518099145931270],
    ]
    torch.testing.assert_close(output[:, 0], torch.tensor(expected).double(), atol=1e-7, rtol=0)
    assert state.clock.tolist() == [[3]]


def test_a_module_moves_when_its_period_divides_the_time_and_all_move_first():
    cell, T = ClockworkRNNCell(3, 8), 17
    assert cell.periods == (1, 2, 4, 8)
    output, _ = unroll.unroll(cell, torch.randn(T, 2, 3))
    before = torch.cat([torch.zeros(1, 2, 8), output[:-1]])
    moved = (output != before).reshape(T, 2, 4, 2)  # a block of two units is a module
    for t in range(T):
        for module, period in enumerate((1, 2, 4, 8)):
            assert bool((moved[t, :, module] == (t % period == 0)).all())


def test_one_period_of_one_is_torchs_recurrent_cell():
    cell, torchs = ClockworkRNNCell(3, 4, periods=(1,)), nn.RNNCell(3, 4)
    with torch.no_grad():
        torchs.weight_ih.copy_(cell.weight_ih)
        torchs.weight_hh.copy_(cell.weight_hh)
        torchs.bias_ih.copy_(cell.bias)
        torchs.bias_hh.zero_()
    x = torch.randn(5, 2, 3)
    output, state = unroll.unroll(cell, x)
    expected, h = unroll.unroll(torchs, x)
    torch.testing.assert_close((output, state.h), (expected, h))


def test_modules_read_themselves_and_slower_ones_in_any_order_of_periods():
    cell = ClockworkRNNCell(1, 6, periods=(4, 1, 4))
    blocks = cell.connected.reshape(3, 2, 3, 2)[:, 0, :, 0]
    assert blocks.int().tolist() == [[1, 0, 1], [1, 1, 1], [1, 0, 1]]


def test_a_reset_starts_the_clock_anew():
    cell, x = ClockworkRNNCell(3, 4, periods=(1, 3)), torch.randn(4, 1, 3)
    resets = torch.tensor([[False], [True], [False], [False]])
    output, state = unroll.unroll(cell, x, resets=resets)
    torch.testing.assert_close(output[1:], unroll.unroll(cell, x[1:])[0])
    assert state.clock.item() == 3


@pytest.mark.parametrize("periods", [(), (1, 0), (1, -2), (1, 2.5)])
def test_periods_must_be_whole_numbers_from_one(periods):
    with pytest.raises(ValueError, match="expected whole numbers from 1, one per module"):
        ClockworkRNNCell(3, 4, periods=periods)


def test_modules_are_of_one_size():
    with pytest.raises(ValueError, match=r"hidden_size=6 for 4 periods .* a multiple of 4"):
        ClockworkRNNCell(3, 6)


def test_layer_runs_with_lengths_and_the_clock_stops_at_the_end():
    layer = unroll.Recurrent(ClockworkRNNCell, 3, 4, num_layers=2, bidirectional=True)
    output, state = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert tuple(output.shape) == (5, 2, 8)
    assert state.clock[..., 0].tolist() == [[5, 2]] * 4


def test_it_is_compiled_with_the_connections_masked_once():
    cell = ClockworkRNNCell(3, 4)
    unroll.unroll(cell, torch.randn(5, 2, 3), backend="cpu")
    page = unroll.explain(cell)
    assert "1 stage forward" in page
    assert (
        page.index("once per call") < page.index("where(connected") < page.index("before the loop")
    )


@pytest.mark.parametrize("periods", [(1, 2, 4, 8), (3, 2)])
def test_promises_of_a_cell(periods):
    check_cell(lambda i, h: ClockworkRNNCell(i, h, periods=periods))
