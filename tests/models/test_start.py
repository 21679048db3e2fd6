"""A network starts as its settings say, and says so."""

import pytest
import torch

import unroll
from unroll.cells import LSTMCell
from unroll.errors import UserError
from unroll.models.language import LanguageModel
from unroll.models.start import with_start
from unroll.settings import RecurrentSettings

BRIDGED = torch.nn.Module()
BRIDGED.bridge = torch.nn.Linear(2, 2)
BRIDGED.decoder = unroll.Recurrent("gru", 2, 2)


def test_nothing_changes_by_default():
    network = LanguageModel(5, 4, 8)
    before, said = dict(network.state_dict()), network.initialised
    assert with_start(network, RecurrentSettings()) is network
    assert network.state_dict().keys() == before.keys() and network.initialised == said


def test_every_layer_gets_its_forget_bias_and_its_state():
    settings = RecurrentSettings(forget_bias=3, start="learned")
    network = with_start(LanguageModel(5, 4, 8, num_layers=2), settings)
    assert network.initialised.endswith("zero biases, forget bias 3, learned initial states")
    for layer in network.stack:
        cell = layer.cells[0]
        assert isinstance(cell, LSTMCell) and cell.bias_ih.chunk(4)[1].eq(3).all()
    names = {name for name, _ in network.named_parameters() if "start" in name}
    assert names == {f"stack.{k}.start.{field}" for k in (0, 1) for field in "hc"}
    ids = torch.tensor([[1, 2], [3, 4], [0, 1]])
    loss, _ = network.loss(ids[:-1], ids[1:])
    loss.backward()
    assert all(layer.start.c.grad.abs().sum() > 0 for layer in network.stack)


def test_a_decoder_starts_from_its_bridge():
    with pytest.raises(UserError, match="starts from what it describes"):
        with_start(BRIDGED, RecurrentSettings(start="learned"))


def test_a_run_keeps_what_it_learned_and_resumes_exactly(tmp_path):
    (tmp_path / "a.txt").write_text("abcab" * 30)
    options = {"threads": 1, "quiet": True, "hidden": 6, "schedule": "constant", "block": 16}
    for start in ("learned", "random"):
        given = {**options, "start": start, "forget_bias": 2.5}
        whole = unroll.train(tmp_path / "a.txt", tmp_path / f"{start}1", steps=12, **given)
        unroll.train(tmp_path / "a.txt", tmp_path / f"{start}2", steps=6, **given)
        again = unroll.train(
            tmp_path / "a.txt", tmp_path / f"{start}2", resume=True, steps=12, quiet=True
        )
        weights = unroll.load(again.path).model.state_dict()
        assert all(torch.equal(weights[k], v) for k, v in whole.model.state_dict().items())
        assert whole.settings.start == start and whole.settings.forget_bias == 2.5
        assert ("stack.0.start.h" in weights) == (start == "learned")
        assert start == "random" or weights["stack.0.start.h"].abs().sum() > 0
        assert whole.generate("a", 5, temperature=0) == again.generate("a", 5, temperature=0)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"cell": "gru", "forget_bias": 1}, "gru has none that is known"),
        ({"forget_bias": "high"}, "forget_bias=.*expected a number"),
        ({"start": "warm"}, "expected 'zeros', 'random' or 'learned'"),
        ({"start": "learned", "online": "snap1"}, "online=snap1 starts from zeros"),
    ],
)
def test_what_does_not_fit_is_a_sentence(tmp_path, given, match):
    (tmp_path / "a.txt").write_text("abcab" * 30)
    with pytest.raises(UserError, match=match):
        unroll.train(tmp_path / "a.txt", tmp_path / "run", steps=1, quiet=True, **given)
    assert not (tmp_path / "run").exists()
