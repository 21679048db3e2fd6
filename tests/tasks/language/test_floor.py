"""The n-grams that a language model is mixed with: they come back, and a run of one step is as good."""

from dataclasses import replace

import numpy as np
import pytest

import unroll
from unroll.errors import UserError
from unroll.models.kneser_ney import KneserNey
from unroll.tasks.language import floor as language_floor
from unroll.tasks.language.floor import FLOOR, LanguageFloor, fit_floor, tokens_counted
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.language.task import LanguageTask
from unroll.training.files import write_folder

WORDS = ["the", "rose", "sky", "salad", "is", "red", "blue", "and", "pear", "pair"]


def text(lines, seed):
    random = np.random.default_rng(seed)
    return "".join(" ".join(random.choice(WORDS, size=6)) + ".\n" for _ in range(lines))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("floor")
    (place / "text.txt").write_text(text(200, 0))
    return unroll.train(place / "text.txt", place / "run", steps=1, hidden=8, threads=1, quiet=True)


def test_it_comes_back_and_a_damaged_file_is_a_sentence(tmp_path, prepared):
    corpus, settings = prepared()
    V = len(corpus.vocabulary)
    floor = fit_floor(corpus.train, corpus.valid, corpus.vocabulary, settings)
    write_folder(tmp_path / "run", floor.files())
    back = LanguageFloor.load(tmp_path / "run", V)
    ids = np.asarray(corpus.valid.ids, dtype=np.int64)
    np.testing.assert_array_equal(
        back.ngrams.log_probabilities(ids), floor.ngrams.log_probabilities(ids)
    )
    assert back.unigram_p.sum() == pytest.approx(1) and back.name == floor.name
    with pytest.raises(UserError, match="does not hold n-grams"):
        LanguageFloor.load(tmp_path / "run", V + 1)
    (tmp_path / "run" / FLOOR).write_bytes(b"damaged")
    with pytest.raises(UserError, match=f"{FLOOR} is not what was saved"):
        LanguageFloor.load(tmp_path / "run", V)


def test_after_one_step_the_model_is_as_good_as_the_ngrams(run, tmp_path):
    result = run.result()
    ngram = result["baselines"][run.preprocessor.floor.name]
    assert result["nats_per_token"] < ngram["nats_per_token"] + 1e-3
    assert result["network"]["nats_per_token"] > ngram["nats_per_token"] + 0.5
    (tmp_path / "more.txt").write_text(text(50, 1))
    more = run.evaluate(tmp_path / "more.txt")
    assert (
        more["nats_per_token"]
        < more["baselines"][run.preprocessor.floor.name]["nats_per_token"] + 1e-3
    )
    assert any("network alone" in line for line in run.summarise(more, "more.txt"))


def test_what_is_evaluated_is_what_predicts(run, tmp_path):
    more = text(3, 2)
    (tmp_path / "more.txt").write_text(more)
    metrics, scored = run.evaluate(tmp_path / "more.txt"), run.score(more)
    # a text is scored as if after a line end, and evaluated from its start
    first = len(more.split()[0])
    again = unroll.load(run.path)
    assert again.evaluate(tmp_path / "more.txt") == metrics
    assert again.score(more) == scored
    nats = -sum(token["log_probability"] for token in scored["tokens"][first:])
    assert nats == pytest.approx(metrics["nats_per_token"] * metrics["tokens"], rel=0.1)
    ranked = again.next("the rose i", 3)
    assert ranked[0]["token"] == "s" and again.generate("the", 20, seed=1) == run.generate(
        "the", 20, seed=1
    )


def test_the_validation_set_is_counted_when_all_is_chosen(run):
    whole = int(run.preprocessor.floor.unigram.sum())
    assert whole == len(text(200, 0))  # the start is never predicted, and not counted
    counted = unroll.load(run.path).preprocessor.floor.ngrams
    assert isinstance(counted, KneserNey) and counted.order == run.preprocessor.floor.ngrams.order


def test_a_resumed_run_ends_as_one_that_was_not_stopped(run, tmp_path):
    options = {"hidden": 8, "threads": 1, "quiet": True}
    source = run.path.parent / "text.txt"
    whole = unroll.train(source, tmp_path / "whole", steps=3, **options)
    unroll.train(source, tmp_path / "half", steps=2, schedule="constant", **options)
    resumed = unroll.train(source, tmp_path / "half", resume=True, steps=3, quiet=True)
    assert resumed.preprocessor.floor.files() == whole.preprocessor.floor.files()
    assert resumed.result()["baselines"] == whole.result()["baselines"]


def test_without_it_the_network_is_alone(run, tmp_path):
    source = run.path.parent / "text.txt"
    alone = unroll.train(
        source, tmp_path / "run", steps=1, hidden=8, threads=1, floor="none", quiet=True
    )
    assert not (alone.path / FLOOR).exists() and alone.model.gate is None
    result = alone.result()
    assert set(result["baselines"]) == {"unigram", "5-gram"} and "network" not in result
    assert result["nats_per_token"] == pytest.approx(run.result()["network"]["nats_per_token"])


def test_lines_and_conditions_have_one_too(tmp_path):
    (tmp_path / "names.tsv").write_text("anna\tf\nadam\tm\nanton\tm\n" * 30)
    run = unroll.train(
        tmp_path / "names.tsv", tmp_path / "run", per_line=True, condition="2", steps=1, hidden=8,
        threads=1, quiet=True,
    )  # fmt: skip
    floor = run.preprocessor.floor
    assert floor.lines and run.result()["nats_per_token"] < 0.6
    assert floor.unigram[run.vocabulary.boundary] == 90 + 1  # no empty line between the two sets
    assert run.generate("ad", 10, condition="f", temperature=0) == "adam"


def test_a_short_budget_counts_fewer_tokens():
    assert tokens_counted(LanguageSettings(seconds=5)) < tokens_counted(LanguageSettings())


def test_a_short_budget_counts_fewer_tokens_again_too(run, prepared, monkeypatch):
    corpus, settings = prepared()
    task, settings = LanguageTask(), settings.model_copy(update={"seconds": 2.0})
    corpus = task.fit_floor(corpus, settings, print)
    monkeypatch.setattr(language_floor, "TOKENS_A_SECOND", 50)
    monkeypatch.setattr(language_floor, "FEWEST_TOKENS", 50)
    trained = replace(run.trained, settings=settings, preprocessor=corpus.preprocessor)
    again = task.refit_floor(trained, corpus, print)
    assert again.floor.unigram.sum() == 100
