"""Why a step cannot be compiled."""

from unroll.engine.refusal import Unplannable


def test_a_refusal_names_the_line_where_it_is_known():
    assert str(Unplannable("it sorts", "step.py:3")) == "it sorts, at step.py:3"
    assert str(Unplannable("it sorts")) == "it sorts"
