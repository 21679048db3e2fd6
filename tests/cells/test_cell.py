import torch
from torch import nn
from torch.func import functional_call

import unroll
from unroll.cells.cell import changing_taps, collecting_taps, shallow_copy


def test_output_is_as_wide_as_the_memory_unless_the_cell_says_otherwise():
    cell = unroll.Cell(3, 4)
    assert cell.output_size == 4
    cell.output_size = 7
    assert cell.output_size == 7


def test_initial_state_is_zeros_of_the_asked_dtype_and_device():
    state = unroll.Cell(3, 4).initial_state(2, dtype=torch.float64, device="meta")
    assert (state.shape, state.dtype, state.device.type) == ((2, 4), torch.float64, "meta")
    assert not unroll.Cell(3, 4).initial_state(2).any()


def test_no_noise_by_default():
    assert unroll.Cell(3, 4).noise() == {}


def test_tap_is_the_identity_and_tells_only_within_a_block():
    cell, a, b, seen = unroll.Cell(3, 4), torch.ones(1), torch.zeros(1), []
    assert cell.tap(a=a) is a
    with collecting_taps(lambda name, value: seen.append((name, value))):
        one, two = cell.tap(a=a, b=b)
    cell.tap(a=a)
    assert one is a
    assert two is b
    assert seen == [("a", a), ("b", b)]


def test_a_tap_can_be_given_another_value_and_the_inner_block_comes_first():
    cell, one = unroll.Cell(3, 4), torch.ones(1)
    with changing_taps(lambda name, value: value + 1):
        with changing_taps(lambda name, value: value * 5 if name == "a" else value):
            assert cell.tap(a=one).item() == 6
            assert cell.tap(b=one).item() == 2
        assert cell.tap(a=one).item() == 2
    assert cell.tap(a=one) is one


def test_parameters_are_drawn_uniform_in_one_over_the_root_of_h():
    cell = unroll.Cell(3, 16)
    cell.weight = nn.Parameter(torch.full((1000,), 9.0))
    cell.reset_parameters()
    assert 0.24 < cell.weight.abs().max() <= 0.25


def test_a_shallow_copy_shares_tensors_and_keeps_its_own_dictionaries():
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    copy = shallow_copy(module)
    assert copy[0].weight is module[0].weight
    assert copy[1].running_mean is module[1].running_mean
    copy[0].weight = nn.Parameter(torch.zeros(2, 2))
    assert module[0].weight is not copy[0].weight and module[0].weight.any()
    seen = []
    module[0].register_forward_hook(lambda *_: seen.append(copy[0].weight.any().item()))
    functional_call(module, {"0.weight": torch.ones(2, 2)}, torch.zeros(3, 2))
    assert seen == [False]
