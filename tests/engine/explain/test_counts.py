"""The size of a plan in numbers."""

import unroll
from unroll.engine.explain.counts import counts_of

from .pages import planned


def test_figures():
    found = counts_of(planned(unroll.GRUCell(3, 4)))
    assert found == {
        "stages_forward": 1,
        "stages_backward": 2,
        "saved": 20,
        "units": 4,
        "multiplied_in_loop": 48,
        "multiplied_before": 36,
        "multiplied_after": 0,
    }
