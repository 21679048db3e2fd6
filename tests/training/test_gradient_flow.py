"""What a gradient does on its way back, in words, and what to try."""

import re

import pytest

from unroll.settings import settings_from
from unroll.tasks.language.settings import LanguageSettings
from unroll.training.flow_pieces import straight_pieces
from unroll.training.gradient_flow import (
    FAR,
    advice,
    classify_flow,
    classify_norms,
    flow_in_words,
    judged_step,
    lasting_field,
    reach,
    share_left,
)


@pytest.mark.parametrize(
    ("left", "flow"),
    [(None, "vanishes"), (0.009, "vanishes"), (0.011, "lasts"), (99, "lasts"), (101, "explodes")],
)
def test_a_hundredth_and_a_hundredfold_are_the_borders(left, flow):
    assert classify_flow(left) == flow


def test_fifty_steps_back_is_judged_and_of_shorter_sequences_the_first_step():
    assert judged_step(straight_pieces([0.9**k for k in range(200)]), 200) == FAR
    slow = [0.9**k for k in range(30)]  # 0.047 of it is left at the first step: nothing is wrong
    assert (
        classify_norms(slow) == "lasts"
        and classify_norms([0.5**k for k in range(30)]) == "vanishes"
    )


def test_advice_knows_what_is_tried_already():
    assert "It is clipped to 0.25 already" in advice("explodes", "RNNCell", clip=0.25)
    assert advice("lasts", "RNNCell") == ""
    assert "forget_bias=3;" in advice("vanishes", "LSTMCell", "zero biases, forget bias 1")
    assert "forget_bias=5;" in advice("vanishes", "LSTMCell", "trained, zero biases, forget bias 3")
    said = flow_in_words("layer 1", {"h": [0.5**k for k in range(60)]}, "GRUCell", "as torch.nn")
    assert said == (
        "layer 1: the gradient halves every 1 steps; 50 steps back 8.9e-16 of it is left. It vanishes: a "
        "hundredth of it reaches 6 steps back. Where more steps matter, try --cell lstm; clipping does not "
        "help."
    )


@pytest.mark.parametrize("cell", ["LSTMCell", "RNNCell", "GRUCell", "JANETCell", "SRUCell"])
@pytest.mark.parametrize("flow", ["vanishes", "explodes"])
@pytest.mark.parametrize("start", ["orthogonal recurrent weights", "as torch.nn"])
@pytest.mark.parametrize("clip", [None, 0.25])
def test_every_flag_of_an_advice_is_one_that_train_takes(cell, flow, start, clip):
    said = advice(flow, cell, start, clip)
    flags = re.findall(r"--(set|cell) ([\w=.]+)", said)
    assert len(flags) == said.count("--") > 0
    for flag, word in flags:
        name, _, value = word.partition("=") if flag == "set" else ("cell", "", word)
        settings = settings_from(LanguageSettings, {name: yaml_value(value)})
        assert str(getattr(settings, name)) == str(yaml_value(value))


def yaml_value(word):
    return float(word) if word.replace(".", "").isdecimal() else word


def test_a_plateau_is_judged_before_its_end():
    norms = [0.5, 0.14, *[0.21] * 16, 1e-2, 4e-4]
    assert classify_norms(norms) == "lasts" and share_left(norms) == pytest.approx(0.42)
    said = flow_in_words("lstm", {"c": norms}, "LSTMCell", "trained")
    assert (
        "stays near 0.2" in said and "It lasts" in said and "Try" not in said and "try" not in said
    )
    falls = [0.9**k for k in range(20)]
    assert judged_step(straight_pieces(falls), 20) == 19


def test_the_memory_is_judged_beside_h():
    fields = {"h": [0.3**k for k in range(60)], "c": [0.99**k for k in range(60)]}
    assert lasting_field(fields) == "c"
    said = flow_in_words("lstm", fields, "LSTMCell", "trained")
    assert "the gradient to c" in said and "of that to h" in said and "It lasts" in said


def test_the_reach_ends_where_a_hundredth_is_left():
    assert reach([1.0, 0.5, 0.1, 0.009, 0.02]) == 2
    assert reach([1.0, 1.0]) == 1 and reach([0.0, 0.0]) is None
