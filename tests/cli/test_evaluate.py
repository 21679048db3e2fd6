"""`unroll eval` on a small run."""

import json
import math

import pytest

from unroll.cli.main import run


def test_metrics_stand_beside_those_of_the_baselines(place, printed):
    (place / "validation.txt").write_text("the sky and the salad.\n" * 20)
    got = json.loads(printed("eval", "runs/poems", "validation.txt", "--json").out)
    keys = {"nats_per_token", "bits_per_character", "perplexity", "tokens", "unknown_rate"}
    assert keys <= set(got)
    unigram, name = got["baselines"]
    assert unigram == "unigram" and name.endswith("-gram")
    assert all(keys <= set(row) for row in (*got["baselines"].values(), got["network"]))
    assert got["tokens"] == 460
    assert got["bits_per_character"] == pytest.approx(got["nats_per_token"] / math.log(2))
    assert got["perplexity"] == pytest.approx(math.exp(got["nats_per_token"]))
    assert name in printed("eval", "runs/poems", "validation.txt").out


@pytest.mark.parametrize("flag", ["--label", "--video", "--target"])
def test_a_column_of_another_task_is_refused_with_those_that_can_be_named(place, capsys, flag):
    assert run(["eval", "runs/poems", "poems.txt", flag, "x"], False) == 2
    sentence = capsys.readouterr().err
    assert f"{flag} got 'x', a column that a run of the task language does not read" in sentence
    assert "Columns that can be named: --text" in sentence
