"""How many words a network tells apart, and how much of its recurrent weights is dropped."""

import numpy as np
import pytest

import unroll
from unroll.errors import UserError
from unroll.tasks.language.words_read import best_shortlist, best_weight_drop

COUNTS = np.maximum(1, 20_000 // np.arange(1, 10_001))


def test_a_run_that_reads_more_tells_more_words_apart():
    tokens = int(COUNTS.sum())
    found = [best_shortlist(COUNTS, tokens, lambda words, e=e: e) for e in (0.01, 2, 10, 60)]
    assert found == [500, 800, 4000, None]  # words that are read fifty times
    assert best_shortlist(COUNTS, 2 * tokens, lambda words: 5) == 4000
    shorter = best_shortlist(COUNTS, tokens, lambda words: 10 / (1 + words / 2000))
    assert 500 < shorter < 4000  # a long list makes steps slow


def test_a_text_that_is_read_once_drops_nothing():
    assert [best_weight_drop("lstm", e) for e in (0.5, 1, 4, 1000)] == [0, 0, 0.2, 0.5]
    assert best_weight_drop("min_gru", 1000) == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("words")
    draw = np.random.default_rng(0)
    words = [f"w{k}" for k in np.minimum(draw.zipf(1.2, 8000), 2000)]
    lines = [" ".join(words[k : k + 10]) for k in range(0, 8000, 10)]
    (place / "text.txt").write_text("\n".join(lines))
    return place


OPTIONS = {
    "level": "word",
    "min_count": 1,
    "hidden": 8,
    "batch_size": 4,
    "threads": 1,
    "quiet": True,
}


def test_a_run_has_a_shortlist_and_is_a_model_of_all_words(folder):
    run = unroll.train(folder / "text.txt", folder / "run", steps=3, **OPTIONS)
    V = len(run.vocabulary)
    assert run.settings.shortlist == 500 < V and run.settings.weight_drop == 0
    assert run.model.embedding.weight.shape == (501, 8) and len(run.model.rare) == V - 500
    result = run.result()
    ngram = result["baselines"][run.preprocessor.floor.name]
    assert result["nats_per_token"] < ngram["nats_per_token"] + 1e-3
    again = unroll.load(run.path)
    assert again.evaluate(folder / "text.txt") == run.evaluate(folder / "text.txt")
    rare = run.vocabulary.name(V - 1)
    assert again.score(f"w1 {rare} w2") == run.score(f"w1 {rare} w2")
    assert run.generate("w1", 20, seed=1) == again.generate("w1", 20, seed=1)


def test_a_resumed_run_drops_the_same_weights(folder):
    options = {**OPTIONS, "weight_drop": 0.4, "shortlist": 20, "schedule": "constant"}
    whole = unroll.train(folder / "text.txt", folder / "whole", steps=4, **options)
    unroll.train(folder / "text.txt", folder / "half", steps=2, **options)
    half = unroll.train(folder / "text.txt", folder / "half", resume=True, steps=4, quiet=True)
    for name, tensor in whole.model.state_dict().items():
        assert (half.model.state_dict()[name] == tensor).all(), name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shortlist": 20, "level": "char"}, "shortlist is for words"),
        ({"shortlist": 20, "floor": "none"}, "shortlist needs the n-grams"),
        ({"weight_drop": 0.3, "online": "rtrl"}, "works without dropout"),
        ({"weight_drop": 0.3, "cell": "min_gru"}, "no recurrent weights of that name"),
        ({"weight_drop": 1.0}, "weight_drop"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(folder, options, said):
    with pytest.raises(UserError, match=said):
        unroll.train(folder / "text.txt", folder / "no", steps=1, **{**OPTIONS, **options})
