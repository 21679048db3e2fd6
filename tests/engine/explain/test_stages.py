"""The stages of the loop on a page."""

from unroll.engine.explain.page import page

from ..written_cells import CELLS
from .pages import BEFORE, DEFERRED, planned, sections


def test_the_reset_before_gru_has_a_second_stage():
    text = page(planned(CELLS["gru-reset-before"](3, 4)))
    assert text.startswith("GRUResetBefore: 2 stages forward, 3 backward; saves 4 numbers")
    found = sections(text)
    # of each product over [x, h] the part over x is done before the loop, with the bias
    assert found[BEFORE] == [
        "x1 = gates.bias + x @ gates.weight.T[0:3]",
        "x2 = candidate.bias + x @ candidate.weight.T[0:3]",
    ]
    assert found["forward, stage 1"] == [
        "p1 = h @ gates.weight[:, 3:7].T",
        "r = sigmoid(x1[0:4] + p1[0:4])",
        "z = sigmoid(x1[4:8] + p1[4:8])",
        "a = r * h",
    ]
    assert found["forward, stage 2"] == [
        "n = tanh(x2 + a @ candidate.weight[:, 3:7].T)",
        "h' = z * h + (1 - z) * n",
    ]
    assert found["backward, stage 1"] == [
        "b = d output + d h'",
        "d x2 = b * (1 - z) * (1 - n ** 2)",
        "d x1[4:8] = (b * h - b * n) * z * (1 - z)",
    ]
    assert found["backward, stage 2"] == [
        "p2 = d x2 @ candidate.weight[:, 3:7]",
        "c = p2 * r + b * z",
        "d x1[0:4] = p2 * h * r * (1 - r)",
    ]
    assert found["backward, stage 3"] == ["d h = c + d x1 @ gates.weight[:, 3:7]"]
    assert found[DEFERRED][:3] == [
        "d gates.weight[:, 3:7] += d x1.T @ h",
        "d candidate.weight[:, 3:7] += d x2.T @ a",
        "d gates.weight, d gates.bias, d candidate.weight,",
    ]
    assert text.endswith("\n        d candidate.bias, d x from d x1, d x2")


def test_values_cut_into_gates_are_shown_as_they_were_written():
    found = sections(page(planned(CELLS["layer-norm"](3, 4))))
    assert found["forward, stage 1"] == ["p1 = h @ recur.weight.T"]
    assert found["forward, stage 2"] == ["a = sum(p1) / 16"]  # for the mean and the variance
    assert found["forward, stage 3"] == ["b = p1 - a", "e = b ** 2"]
    assert found["forward, stage 4"] == ["j = rsqrt(sum(e) / 16 + 1e-05)"]
    assert "d gain_h += total(d x3 * b * j)" in found[DEFERRED]
