"""What is computed around the loop."""

import torch

from ..plans import I, planned


def test_a_single_product_of_the_inputs_is_left_to_the_loop():
    cell, plan = planned("lstm")
    (read,) = plan.eager.reads
    assert read.matrix is plan.traced.parameters["weight_ih"] and read.turned
    values = dict(zip(plan.eager.once_values, plan.eager.once(*cell.parameters()), strict=True))
    torch.testing.assert_close(values[read.bias], cell.bias_ih + cell.bias_hh)
    assert plan.eager.before_values == []


def test_what_is_read_after_the_loop_gives_the_output():
    """The output of this cell is a product of the state, which only feeds the output."""
    cell, plan = planned("written jordan")
    names = [n.name for n in plan.eager.after_inputs]
    assert set(names) >= {n.name for n in plan.emitted}
    assert plan.traced.output.meta["val"].shape[1] == cell.output_size
    assert I == cell.input_size
