"""Gradients monitored while a network trains: true numbers, and not a bit of training changed."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import unroll
from unroll.layers.recorded import recorded
from unroll.training.gradient_monitor import layer_gradients
from unroll.training.report import QuietReport

SMALL = {"hidden": 6, "embedding": 6, "layers": 2, "threads": 1, "backend": "loop", "block": 12,
         "evaluate_every": 3, "dropout": 0.3}  # fmt: skip


class KeptReport(QuietReport):
    def __init__(self):
        self.messages = []

    def log(self, message):
        self.messages.append(message)


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "text.txt").write_text("the clouds are in the sky.\n" * 60)
    return tmp_path


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def weights(folder):
    return load_file(sorted((folder / "checkpoints").iterdir())[-1] / "model.safetensors")


def test_a_monitored_run_takes_the_same_steps_to_the_bit_and_resumes_so(text):
    report = KeptReport()
    unroll.train("text.txt", "plain", steps=6, report=KeptReport(), **SMALL)
    unroll.train("text.txt", "watched", steps=6, report=report, watch="gradients", **SMALL)
    level = {"schedule": "constant", **SMALL}
    unroll.train("text.txt", "halved", steps=3, report=KeptReport(), watch="gradients", **level)
    unroll.train("text.txt", "halved", steps=6, report=KeptReport(), resume=True, watch="gradients")
    unroll.train("text.txt", "whole", steps=6, report=KeptReport(), **level)
    for one, other in (("plain", "watched"), ("whole", "halved")):
        first, second = weights(text / one), weights(text / other)
        assert all(torch.equal(first[name], second[name]) for name in first)

    watched = [line for line in lines(text / "watched") if "gradients" in line]
    assert [line["step"] for line in watched] == [1, 3, 6]
    assert [line["step"] for line in lines(text / "halved") if "gradients" in line] == [1, 3, 6]
    found = watched[0]["gradients"]["layer 2"]
    assert len(found["norms"]) == found["steps"] == 12 and found["steps_back"] == 11
    assert found["left"] == pytest.approx(found["norms"][11] / found["norms"][0], rel=1e-2)
    assert 0 < found["forget_gate"] < 1
    told = [message for message in report.messages if message.startswith("Step 1, layer 1: ")]
    assert len(told) == 1 and "11 steps back" in told[0]


def test_a_run_on_the_torch_backend_is_monitored(text):
    settings = {"hidden": 8, "steps": 2, "evaluate_every": 1, "floor": "none", "backend": "torch"}
    unroll.train("text.txt", "run", watch="gradients", report=QuietReport(), **settings)
    assert any("gradients" in line for line in lines(text / "run"))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_norms_are_those_of_each_sequences_own_way_back(bidirectional):
    layer = unroll.Recurrent("gru", 3, 4, bidirectional=bidirectional).double()
    x, lengths = torch.randn(6, 2, 3, dtype=torch.float64), torch.tensor([6, 4])
    with recorded(layer) as calls:
        layer(x, lengths=lengths)
    found = layer_gradients(calls[0])
    assert [part.name for part in found] == (
        ["layer forward", "layer backward"] if bidirectional else ["layer"]
    )
    D = layer.directions
    noise = torch.randn(2, 4 * D, generator=torch.Generator().manual_seed(0)).double()
    noise = noise[:, :4] if not bidirectional else noise
    for direction, part in enumerate(found):
        squares = [[] for _ in range(6)]
        for row, length in enumerate(lengths.tolist()):
            read = x[:length, row : row + 1]
            h, kept = torch.zeros(1, 4, dtype=torch.float64), []
            for x_t in read.flip(0) if direction else read:
                h, _ = layer.cells[direction].step(x_t, h)
                kept.append(h)
            at_end = noise[row : row + 1, 4 * direction : 4 * direction + 4]
            for back, g in enumerate(reversed(torch.autograd.grad(kept[-1], kept, at_end))):
                squares[back].append(float(g.norm() ** 2))
        expected = [(sum(some) / len(some)) ** 0.5 for some in squares]
        assert part.norms == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("scale", "flow", "named"),
    [
        (0.3, "vanishes", "initialisation=orthogonal"),
        (1.0, "lasts", ""),
        (3.0, "explodes", "clipping"),
    ],
)
def test_it_says_what_happens_and_what_to_try(scale, flow, named):
    layer = unroll.Recurrent("rnn", 2, 4)
    with torch.no_grad():
        layer.cells[0].weight_hh.copy_(scale * nn.init.orthogonal_(torch.empty(4, 4)))
        layer.cells[0].weight_ih.zero_()
        layer.cells[0].bias_ih.zero_()
        layer.cells[0].bias_hh.zero_()
    with recorded(layer) as calls:
        layer(torch.zeros(40, 3, 2))
    (part,) = layer_gradients(calls[0])
    assert part.flow == flow and part.left == pytest.approx(scale**39, rel=1e-3)
    said = part.sentence("as torch.nn", None)
    assert f"It {flow}" in said and named in said and "39 steps back" in said
