import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.inspect.gates import gates_of_run
from unroll.inspect.recorded_text import record_data, record_text
from unroll.inspect.run_gradients import gradients_of_run
from unroll.inspect.states import states_of_run

TEXT = 'A "white rose" (red gold) grew.\nAll leaves went on.'


def test_guesses_and_surprise_are_those_of_next_and_score(language):
    recorded = record_text(language, TEXT)
    with unroll.backend("loop"):
        after = language.next(TEXT[:7], top=3)
    for (name, p), expected in zip(recorded.guesses[6], after, strict=False):
        assert name == expected["token"] and p == pytest.approx(expected["probability"], rel=1e-4)
        scored = language.score(TEXT)["tokens"]
    nats = [-token["log_probability"] for token in scored]
    assert recorded.surprise == pytest.approx(nats, rel=1e-4)


def test_texts_that_cannot_be_read_are_refused(language):
    with pytest.raises(UserError, match="text is empty"):
        record_text(language, "")
    with pytest.raises(UserError, match="has 6,000 tokens; expected at most 5,000"):
        record_text(language, "a rose" * 1000)
    with pytest.raises(UserError, match="never seen"):
        record_text(language, "\N{SNOWMAN}")


def test_a_sample_of_a_file_has_parallel_streams(language, runs):
    recorded = record_data(language, str(runs["language"].parent / "text.txt"), 640)
    T, B = len(recorded.tokens[0]), len(recorded.tokens)
    assert B == 16 and T == 40
    assert {tuple(states.shape) for states in recorded.states.values()} == {(T, B, 8)}
    assert all(torch.isfinite(states).all() for states in recorded.states.values())


def test_a_mixed_run_shows_states_of_the_network_and_predictions_of_both(runs, tmp_path):
    text = runs["language"].parent / "text.txt"
    run = unroll.train(text, tmp_path / "run", steps=1, hidden=8, threads=1, quiet=True)
    recorded, after = record_text(run, TEXT), run.next(TEXT[:7], top=3)
    assert [name for name, _ in recorded.guesses[6][:3]] == [each["token"] for each in after]
    expected = [each["probability"] for each in after]
    assert [p for _, p in recorded.guesses[6][:3]] == pytest.approx(expected, rel=1e-4)
    nats = [-token["log_probability"] for token in run.score(TEXT)["tokens"]]
    assert recorded.surprise == pytest.approx(nats, rel=1e-4)
    said = states_of_run(run, TEXT).text()
    assert (
        "shows the network without the simple model" in said and "predictions are of both" in said
    )
    for finding in (gates_of_run(run, str(text)), gradients_of_run(run, str(text))):
        assert "shows the network without the simple model" in finding.text()
