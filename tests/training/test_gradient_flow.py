"""What a gradient does on its way back, in words, and what to try."""

import pytest

from unroll.training.gradient_flow import FAR, advice, classify_flow, flow_in_words


@pytest.mark.parametrize(
    ("left", "steps", "flow"),
    [
        (None, FAR, "vanishes"),
        (0.009, FAR, "vanishes"),
        (0.011, FAR, "lasts"),
        (101.0, FAR, "explodes"),
        (0.009, 2 * FAR, "lasts"),
        (0.09, FAR // 2, "vanishes"),
    ],
)
def test_a_hundredth_after_fifty_steps_is_the_border(left, steps, flow):
    assert classify_flow(left, steps) == flow


def test_advice_knows_what_is_tried_already():
    assert "It is clipped to 0.25 already" in advice("explodes", "RNNCell", clip=0.25)
    assert advice("lasts", "RNNCell") == ""
    said = flow_in_words("layer 1", 2.0, 3e-8, 50, "LSTMCell", "as torch.nn")
    assert said == (
        "layer 1: the gradient halves every 2 steps; 50 steps back 3.0e-08 of it is left. It "
        "vanishes. Try a higher forget bias; clipping does not help."
    )
