"""A language model that learns online: trained, resumed to the bit, used; what does not fit is said."""

import json

import pytest

import unroll

TEXT = "".join(f"line {n} of a song that goes {n * n} on and on\n" for n in range(60))


@pytest.fixture
def song(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.txt").write_text(TEXT)
    return tmp_path / "song.txt"


class Said:
    unit = ""

    def __init__(self):
        self.sentences = []

    def log(self, sentence):
        self.sentences.append(sentence)

    def step(self, *_): ...

    def evaluation(self, *_): ...

    def close(self): ...


SMALL = {"hidden": 6, "embedding": 4, "threads": 1, "checkpoint_every": 10}


def weights(run):
    last = sorted((run.path / "checkpoints").iterdir())[-1]
    return (last / "model.safetensors").read_bytes()


@pytest.mark.parametrize("online", ["rtrl", "snap1"])
def test_learns_and_a_resumed_run_is_the_same_to_the_bit(song, online):
    said = Said()
    whole = unroll.train(song, "whole", online=online, steps=40, report=said, **SMALL)
    (sentence,) = [s for s in said.sentences if s.startswith("Online: ")]
    assert f"Online: {online}" in sentence and "every 8 steps" in sentence
    assert "MB" in sentence and "times backpropagation's" in sentence
    lines = [json.loads(s) for s in (whole.path / "metrics.jsonl").read_text().splitlines()]
    validation = [line["validation"]["loss"] for line in lines if "validation" in line]
    assert validation[-1] < validation[0]

    unroll.train(song, "half", online=online, steps=40, quiet=True, **SMALL)
    for late in sorted((song.parent / "half" / "checkpoints").iterdir())[1:]:
        for file in late.iterdir():
            file.unlink()
        late.rmdir()
    (song.parent / "half" / "result.json").unlink()
    half = unroll.train(song, "half", resume=True, quiet=True)
    assert weights(half) == weights(whole)
    assert half.evaluate(song)["nats_per_token"] == whole.evaluate(song)["nats_per_token"]
    assert half.generate("line ", 5, seed=1) == whole.generate("line ", 5, seed=1)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"online": "rtrl", "hidden": 512}, "expected at most 268,435,456"),
        ({"online": "rtrl", "dropout": 0.1}, "without dropout"),
        ({"online": "rtrl", "truncation": "randomised"}, "no effect"),
        ({"online": "rtrl", "memory": "1GB"}, "no effect"),
        ({"online": "rtrl", "per_line": True}, "one long text"),
        ({"online": "rtrl", "watch": "gradients"}, "go back"),
        ({"online": "rtrl", "cell": "clockwork", "hidden": 8}, "whole numbers"),
        ({"online": "snap1", "layers": 2}, "one layer"),
        ({"online": "snap1", "task": "classify"}, "online=... is a setting of the task language"),
    ],
)
def test_what_does_not_fit_is_said(song, settings, words):
    with pytest.raises(unroll.UserError, match=words):
        unroll.train(song, "no", steps=1, quiet=True, **settings)
