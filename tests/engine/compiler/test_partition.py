"""Which operations run in the loop."""

import torch
from torch import nn

import unroll
from unroll.engine.compiler.hoist import hoisted
from unroll.engine.compiler.partition import partition
from unroll.engine.compiler.trace import trace
from unroll.engine.compiler.traced import name_of

from ..plans import call_of


class WithReadout(unroll.Cell):
    """A product of the state that nothing but the output reads."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size)
        self.readout = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        h = torch.tanh(self.recur(h) + x)
        return self.readout(h), h


def division(**options):
    cell = WithReadout(4, 4)
    call = call_of(cell, torch.zeros(1, 1, 4))
    traced = trace(cell, dict(cell.named_parameters()), call.x, call.state)
    traced, levels = hoisted(traced, True)
    return traced, partition(traced, levels, **options)


def products(nodes):
    return [n for n in nodes if name_of(n) == "mm"]


def test_a_product_that_only_feeds_the_output_runs_after_the_loop():
    traced, found = division(defer=True, record=False)
    assert len(products(found.loop)) == len(products(found.after)) == 1
    assert found.emitted == traced.new_states
    assert traced.output in found.after


def test_for_one_step_at_a_time_it_stays_in_the_loop():
    traced, found = division(defer=False, record=False)
    assert len(products(found.loop)) == 2
    assert not found.after
    assert found.emitted == [traced.output]


def test_a_recorded_plan_emits_the_states_which_no_gradient_comes_back_to():
    traced, found = division(defer=False, record=True)
    assert found.emitted == [traced.output, *traced.new_states]
    assert found.differentiable == 1
