"""The backward half of a plan."""

import pytest

from ..plans import planned

NAMES = ["lstm", "gru", "projected", "written gru-reset-before", "written peephole"]


@pytest.mark.parametrize("name", NAMES)
def test_merged_weight_gradients_cover_what_the_single_ones_cover(name):
    _, plan = planned(name)
    for k in range(len(plan.loop.matrices)):
        single = {
            (r, c)
            for o in plan.backward.outers
            if o.block.matrix == k
            for r in range(*o.block.rows)
            for c in range(*o.block.columns)
        }
        merged = [
            (r, c)
            for m in plan.backward.merged[k]
            for r in range(*m.rows)
            for c in range(*m.columns)
        ]
        assert set(merged) == single
        assert len(plan.backward.merged[k]) <= len(plan.backward.outers)


def test_the_gates_of_an_lstm_are_one_weight_gradient():
    _, plan = planned("lstm")
    assert len(plan.backward.outers) == 4
    assert len(plan.backward.merged[0]) == 1


def test_the_gradients_of_vectors_are_sums_of_their_pieces():
    _, plan = planned("written peephole")
    for k in range(len(plan.loop.vectors)):
        covered = [c for s in plan.backward.sums[k] for c in range(s.lo, s.lo + s.width)]
        assert sorted(covered) == list(range(plan.widths[f"vector:{k}"]))


def test_an_lstm_does_not_read_its_inputs_again():
    _, plan = planned("lstm")
    assert not plan.backward.rows_saved
