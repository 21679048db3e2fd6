import numpy as np
import torch

import unroll
from unroll.learn.lessons.lstm import counted, exercises, lstm_step


def test_the_step_of_the_exercise_is_that_of_the_cell():
    cell, record = unroll.LSTMCell(3, 4).double(), unroll.Recording()
    start = unroll.LSTMState(*(torch.randn(1, 4).double() for _ in range(2)))
    unroll.unroll(cell, torch.randn(1, 1, 3).double(), start, record=record)
    named = [record.values[n][0, 0].numpy() for n in record.values]
    assert sorted(record.values) == ["candidate", "forget_gate", "input_gate", "output_gate"]
    gates = dict(zip(record.values, named, strict=True))
    order = ("forget_gate", "input_gate", "candidate", "output_gate")
    h, c = lstm_step(*(gates[n] for n in order), start.c[0].numpy())
    assert np.allclose(h, record.states["h"][0, 0]) and np.allclose(c, record.states["c"][0, 0])


def test_answers(tmp_path):
    count, keep, code = exercises(tmp_path)
    assert round(count.solution) == 3 and keep.solution == "a" and code.name == "lstm_step"
    assert [round(counted("aaabbb"[:n])) for n in range(1, 7)] == [1, 2, 3, 2, 1, 0]
