import json

import numpy as np
import pytest

from unroll.inspect import walk_of_cell
from unroll.learn.lesson import lesson_of
from unroll.learn.lessons.forward import W_HH, W_XH, exercises, files, softmax


def test_the_table_of_the_text_is_the_file():
    rows = [line.split() for line in lesson_of("forward").text.splitlines() if line[:4] == "    "]
    numbers = [[float(word) for word in row] for row in rows[1:4]]
    assert numbers == [x + h + [0] for x, h in zip(W_XH, W_HH, strict=True)]
    weights = json.loads(files()["weights.json"])
    assert weights["weight_ih"] == W_XH and weights["weight_hh"] == W_HH


def test_answers_are_those_of_the_cell_and_of_the_figure(tmp_path):
    for name, text in files().items():
        (tmp_path / name).write_text(text)
    walk = walk_of_cell("rnn", "hello", hidden=3, weights=str(tmp_path / "weights.json"))
    sum_of_unit, share, code = exercises(tmp_path)
    assert np.arctanh(walk.values["h"][1, 0].item()) == pytest.approx(sum_of_unit.value)
    assert sum_of_unit.value == pytest.approx(0.067, abs=0.001)  # with a pencil
    assert share.value == pytest.approx(9.025 / 72.135, abs=1e-4)
    assert not code.judge(lambda s: np.exp(s[:3]) / np.exp(s[:3]).sum()).right
    assert softmax(np.array([1000.0, 1000.0])) == pytest.approx([0.5, 0.5])


def test_states_that_the_text_names():
    assert "0.462" in lesson_of(3).sections["What to see"]
    assert np.tanh([0.5, -0.4, 0.7]).round(3).tolist() == [0.462, -0.38, 0.604]
