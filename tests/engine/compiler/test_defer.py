"""Which gradients are computed after the loop."""

import torch

from ..plans import planned, products_of


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
