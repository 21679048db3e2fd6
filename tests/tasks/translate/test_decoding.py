"""Translations of texts: searched, drawn, with their attention and replaced unknown words."""

import json

import pytest
import torch

from unroll.tasks.translate.decoding import describe_search, groups, translate
from unroll.tasks.translate.settings import TranslateSettings


def translate_with(run, texts, **settings):
    changed = run.settings.model_copy(update=settings)
    return list(translate(run.model, run.preprocessor, texts, changed, run.device))


def test_groups_keep_the_order():
    assert list(groups("abcde", 2)) == [["a", "b"], ["c", "d"], ["e"]] and not list(groups("", 2))


def test_a_prediction_holds_its_attention(run):
    prediction = run.predict("big red dog")
    assert prediction["source_tokens"] == ["big", "red", "dog", "<eos>"]
    assert len(prediction["attention"]) == len(prediction["target_tokens"])
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in prediction["attention"])
    assert json.loads(json.dumps(prediction)) == prediction


def test_a_batch_is_translated_as_one_by_one(run, pairs_of):
    texts = [pair.source for pair in pairs_of(30, seed=9)]
    together = run.predict(texts)
    for text, prediction in zip(texts, together, strict=True):
        assert run.predict(text)["translation"] == prediction["translation"]
    assert [prediction["source"] for prediction in together] == texts


@pytest.mark.parametrize(("beam", "best"), [(1, 1), (4, 3)])
def test_as_many_translations_as_asked_for_best_first(run, beam, best):
    (prediction,) = translate_with(run, ["big dog eats"], beam=beam, best=best)
    assert len(prediction["others"]) == best - 1
    ranks = [prediction["score"], *(other["score"] for other in prediction["others"])]
    assert ranks == sorted(ranks, reverse=True)


def test_drawn_translations_depend_on_the_seed_alone(run, pairs_of):
    texts = [pair.source for pair in pairs_of(9, seed=9)]
    first, again = (translate_with(run, texts, temperature=1.5) for _ in range(2))
    assert first == again
    assert [a["translation"] for a in first] != [a["translation"] for a in run.predict(texts)]


def test_an_unknown_word_is_taken_from_the_source(run):
    model, preprocessor = run.model, run.preprocessor
    bias = model.bias.detach().clone()
    try:
        with torch.no_grad():
            model.bias[0] += 100  # now it predicts nothing but <unk>
        (prediction,) = run.predict(["zebra"])
    finally:
        with torch.no_grad():
            model.bias.copy_(bias)
    assert set(prediction["translation"].split()) == {"zebra"} and prediction["unknown"] == [
        "zebra"
    ]
    assert (
        preprocessor.longest + 1 == len(prediction["target_tokens"]) and not prediction["finished"]
    )


def test_the_search_in_words():
    assert describe_search(TranslateSettings(beam=1)) == "greedy"
    assert (
        describe_search(TranslateSettings(temperature=0.5)) == "sampled at temperature 0.5, seed 1"
    )
    penalised = TranslateSettings(coverage_penalty=0.2)
    assert describe_search(penalised) == "beam of 5, length penalty 1, coverage penalty 0.2"
