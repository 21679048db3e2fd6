"""The page of a plan: every label is there, and it reads like the step."""

import pytest
import torch

import unroll
from unroll.engine.explain.page import page

from ..written_cells import CELLS
from .pages import AFTER, BEFORE, DEFERRED, ONCE, planned, sections


def test_the_lstm_reads_like_its_equations():
    text = page(planned(unroll.LSTMCell(3, 4)))
    assert text.startswith(
        "LSTMCell: 1 stage forward, 2 backward; saves 6 numbers per step and unit (24 for 4 units)\n"
        "Parameters multiplied: 64 numbers in the loop, 48 before it, 0 after it.\n"
    )
    found = sections(text)
    assert found[ONCE] == ["w1 = bias_ih + bias_hh"]
    assert found[BEFORE] == ["x1 = w1 + x @ weight_ih.T"]
    assert found["forward, stage 1"] == [
        "p1 = h @ weight_hh.T",
        "i = sigmoid(x1[0:4] + p1[0:4])",
        "f = sigmoid(x1[4:8] + p1[4:8])",
        "g = tanh(x1[8:12] + p1[8:12])",
        "o = sigmoid(x1[12:16] + p1[12:16])",
        "c' = f * c + i * g",
        "h' = o * tanh(c')",
    ]
    assert found[AFTER] == ["output = h'"]
    assert found["backward, stage 1"] == [
        "a = d output + d h'",
        "b = tanh(c')",
        "e = d c' + a * o * (1 - b ** 2)",
        "d x1[0:4] = e * g * i * (1 - i)",
        "d x1[4:8] = e * c * f * (1 - f)",
        "d x1[8:12] = e * i * (1 - g ** 2)",
        "d x1[12:16] = a * b * o * (1 - o)",
        "d c = e * f",
    ]
    assert found["backward, stage 2"] == ["d h = d x1 @ weight_hh"]
    assert found[DEFERRED] == [
        "d weight_hh += d x1.T @ h",
        "d weight_ih, d bias_ih, d bias_hh, d x from d x1",
    ]


def test_beside_an_equation_stand_its_shape_what_is_kept_and_the_line():
    lines = page(planned(unroll.LSTMCell(3, 4))).splitlines()
    columns = {line.split("  ")[2]: line.split()[-4:] for line in lines if "lstm.py" in line}
    step = unroll.LSTMCell.step.__code__
    for equation, note in [
        ("i = sigmoid(x1[0:4] + p1[0:4])", "saved"),
        ("b = tanh(c')", "again"),
        ("d c = e * f", None),
        ("d x1[0:4] = e * g * i * (1 - i)", "kept"),
    ]:
        if note is None:
            assert equation not in columns
            continue
        *shape, said, place = columns[equation]
        assert shape == ["[B,", "4]"] and said == note
        file, _, line = place.partition(":")
        assert file == "lstm.py"
        assert step.co_firstlineno < int(line) < step.co_firstlineno + 12


def test_fields_and_names_of_nested_cells():
    found = sections(page(planned(CELLS["nested"](3, 4))))
    assert "lower.c' = f * lower.c + i * g" in found["forward, stage 1"]
    assert "upper.c' = f2 * upper.c + i2 * g2" in found["forward, stage 2"]
    assert "output = upper.h' + lower.h'" in found["forward, stage 2"]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("width", [100, 60])
def test_no_line_is_longer_than_the_page(name, width):
    text = page(planned(CELLS[name](3, 4)), width)
    assert max(map(len, text.splitlines())) <= width
    assert not any(line != line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("name", ["stacked", "layer-norm"])
def test_a_page_is_the_same_each_time(name):
    cell = CELLS[name](3, 4)
    assert page(planned(cell)) == page(planned(cell))


def test_a_page_leaves_the_random_numbers_alone():
    made = planned(unroll.GRUCell(3, 4))
    before = torch.get_rng_state()
    page(made)
    assert torch.equal(before, torch.get_rng_state())


def test_without_gradients_there_is_no_backward():
    text = page(planned(unroll.LSTMCell(3, 4), gradients=False))
    assert text.startswith("LSTMCell: 1 stage forward\n")
    assert not any(word in text for word in ("backward", "saved", "deferred"))
