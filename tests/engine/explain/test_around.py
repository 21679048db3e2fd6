"""What is computed around the loop, on a page."""

import torch
import torch.nn.functional as F
from torch import nn

import unroll
from unroll.engine.explain.page import page

from .pages import AFTER, BEFORE, DEFERRED, SEQUENCE, planned, sections


class Shown(unroll.Cell):
    """Noise drawn once a sequence, and an output that needs a product of its own."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size)
        self.show = nn.Linear(hidden_size, hidden_size)

    def noise(self):
        return {"keep": unroll.Noise((self.hidden_size,), keep=0.5, each="call")}

    def forward(self, x, h, noise):
        mask = 1.0 if noise is None else noise["keep"] * 2
        h = torch.tanh(self.read(x) + self.recur(h)) * mask
        return F.relu(self.show(h)), h


def test_every_label_has_its_section():
    text = page(planned(Shown(3, 4).train()))
    found = sections(text)
    assert found[SEQUENCE] == ["mask = keep * 2"]
    assert found[BEFORE][0].startswith("x1 = ")
    assert found[AFTER] == ["output = relu(h' @ show.weight.T + show.bias)"]
    assert any("shown" in line for line in text.splitlines() if "h' = " in line)
    assert {"forward, stage 1", "backward, stage 1", "backward, stage 2", DEFERRED} <= set(found)
    assert "16 after it" in text


def test_without_hoisting_all_is_in_the_loop():
    text = page(planned(unroll.LSTMCell(3, 4), hoist=False))
    assert BEFORE not in text
    assert "112 numbers in the loop, 0 before it" in text
