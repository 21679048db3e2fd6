"""A one-hot input is a column of the weights of the cell."""

import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.models.language import LanguageModel
from unroll.models.one_hot import OneHot


def test_each_token_is_a_column_of_the_weights():
    network = LanguageModel(4, 4, 3, cell="rnn", one_hot=True, ids_read=5).eval()
    cell = network.stack[0].cells[0]
    h = torch.tanh(cell.weight_ih[:, 2] + cell.bias_ih + cell.bias_hh)
    logits, _ = network(torch.tensor([[2]]))
    torch.testing.assert_close(logits[0, 0], network.weight @ h + network.bias)
    # the start of a text is a vector of zeros
    logits, _ = network(torch.tensor([[4]]))
    h = torch.tanh(cell.bias_ih + cell.bias_hh)
    torch.testing.assert_close(logits[0, 0], network.weight @ h + network.bias)
    assert cell.weight_ih.shape == (3, 4) and isinstance(network.embedding, OneHot)
    assert not any("embedding" in name for name in network.state_dict())
    stepper = network.stepper(1)
    steps = [stepper(torch.tensor([id])) for id in (4, 2, 0)]
    whole, _ = network(torch.tensor([[4], [2], [0]]))
    torch.testing.assert_close(torch.stack(steps), whole)


def test_hello_is_learned_from_one_hot_vectors(tmp_path):
    (tmp_path / "hello.txt").write_text("hello")
    options = {"cell": "rnn", "hidden": 8, "steps": 150, "threads": 1, "quiet": True}
    run = unroll.train(tmp_path / "hello.txt", tmp_path / "run", input="onehot", **options)
    assert run.generate("h", temperature=0) == "hello" and run.settings.embedding is None
    assert run.model.stack[0].cells[0].weight_ih.shape == (8, 4)
    again = unroll.load(run.path)
    assert again.next("hel") == run.next("hel")
    snap = unroll.train(
        tmp_path / "hello.txt",
        tmp_path / "snap",
        input="onehot",
        online="snap1",
        steps=2,
        quiet=True,
    )
    assert snap.model.stack[0].cells[0].weight_ih.shape[1] == 4


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"embedding": 4}, "input=onehot has no embedding"),
        ({"tie": True}, "input=onehot has no embedding"),
        ({"level": "word", "shortlist": 9}, "input=onehot has no embedding"),
        ({"level": "bpe", "vocabulary_size": 5000}, "at most 4,096"),
    ],
)
def test_what_does_not_fit_is_a_sentence(tmp_path, given, match, monkeypatch):
    if given.get("level") == "bpe":
        monkeypatch.setattr("unroll.tasks.language.defaults.MOST_ONE_HOT", 100)
        match = "at most 100"
    (tmp_path / "a.txt").write_text("low lower lowest " * 100)
    with pytest.raises(UserError, match=match):
        unroll.train(
            tmp_path / "a.txt", tmp_path / "run", steps=1, quiet=True, input="onehot", **given
        )
