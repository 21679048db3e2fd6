"""Weights of network and simple model are fitted on the validation set, and all that uses them agrees."""

import numpy as np
import pytest
import torch

import unroll
from unroll.tasks.tag.calibration import (
    calibrate_alone,
    most_likely_mixture,
    score_sentences,
    standard_error,
)
from unroll.tasks.tag.combination import Mixture, kept_mixtures
from unroll.tasks.tag.floor import RECORD
from unroll.tasks.tag.metrics import measure
from unroll.tasks.tag.tuning import OUTSIDE_PENALTIES


def test_a_run_of_one_step_is_the_simple_model(tmp_path, file, news, small):
    run = unroll.train(file, tmp_path / "run", steps=1, refit=False, **small)
    other = tmp_path / "other.conll"
    other.write_text(news(20, seed=3))
    metrics = run.evaluate(other)
    assert metrics["f1"] == metrics["baselines"]["linear model"]["f1"] == 1
    assert metrics["baselines"]["network alone"]["f1"] < 1
    text = "\n".join(run.summarise(metrics, "other.conll"))
    assert "The network with the linear model: F1 100.00; the linear model alone: F1 100.00" in text
    lines = "\n".join(run.format_prediction(each) for each in run.predict_file(other)).split("\n")
    assert all(row.split()[1] == row.split()[2] for row in lines if row)  # eval = predict
    again = unroll.load(tmp_path / "run")
    assert again.evaluate(other) == metrics
    data = run.task.read(str(file), run.settings, [].append, run.preprocessor)
    assert run.task.validate(run.trained, data, lambda share: None)["f1"] == run.result()["f1"]


def test_the_simple_model_learns_from_the_validation_set_in_the_end(tmp_path, file, small):
    run = unroll.train(file, tmp_path / "run", steps=1, **small)
    run = unroll.load(run.path)
    assert run.preprocessor.floor.record.refitted
    unroll.train(file, run.path, resume=True, steps=2, quiet=True)
    assert unroll.load(run.path).preprocessor.floor.record.refitted
    alone = unroll.train(file, tmp_path / "alone", steps=1, floor="none", **small)
    assert alone.preprocessor.floor is None and not (alone.path / RECORD).exists()
    assert "most frequent tag" in alone.result()["baselines"]


def test_the_most_likely_weights_have_no_slope(tmp_path, file, fast):
    run = unroll.train(file, tmp_path / "run", steps=20, refit=False, **fast)
    floor, valid = run.preprocessor.floor, run.task.read(
        str(file), run.settings, [].append, run.preprocessor
    ).valid  # fmt: skip
    scored = score_sentences(
        run.trained, run.preprocessor, floor, valid, lambda share: None, floor.scores
    )
    # 3 spans or so in 4 sentences: half of them right says little
    spans = sum(tag.startswith("B") for s in valid for tag in s.tags)
    assert standard_error(0.5, scored) == pytest.approx(0.5 / spans**0.5)
    mixture = most_likely_mixture(run.model, scored)
    assert mixture.network >= 0 and mixture.floor >= 0
    # by autograd, through the CRF of both together
    a, b, c = (
        torch.tensor(x, dtype=torch.float64, requires_grad=True)
        for x in (mixture.network, mixture.floor, mixture.outside)
    )
    total = (a**2 + (b - 1) ** 2 + c**2) / 2
    starts = np.cumsum([len(s.words) for s in valid])
    inverse = np.argsort(scored.order.order)
    own = torch.from_numpy(scored.network[inverse]).double()
    other = torch.from_numpy(scored.floor[inverse]).double()
    scores = a * own + b * other - c * torch.eye(own.shape[1], dtype=torch.float64)[0]
    crf = run.model.crf
    weights = [
        (a * w.detach().double() + b * torch.from_numpy(f).double().nan_to_num(neginf=0))
        for w, f in zip((crf.begin, crf.pairs, crf.end), vars(floor.chain).values(), strict=True)
    ]
    masks = [w.isneginf() for w in crf.weights()]
    begin, pairs, end = (w.masked_fill(m, -torch.inf) for w, m in zip(weights, masks, strict=True))
    from unroll.layers.crf import LogNormaliser, path_scores

    for k, sentence in enumerate(valid):
        rows = slice(starts[k] - len(sentence.words), starts[k])
        tags = torch.from_numpy(run.preprocessor.label_numbers(sentence.tags))[:, None]
        given = (scores[rows, None], begin, pairs, end, torch.tensor([len(tags)]))
        path = path_scores(given[0], tags, given[4], begin, pairs, end)
        total = total + (LogNormaliser.apply(*given) - path).sum()
    total.backward()
    for value, at_bound in ((a, mixture.network == 0), (b, mixture.floor == 0), (c, False)):
        assert at_bound or abs(float(value.grad)) < 0.05
    assert kept_mixtures(run.model)["combined"].floor >= 0


@pytest.mark.parametrize("output", ["crf", "softmax"])
def test_the_network_alone_finds_spans_with_the_best_score_outside(tmp_path, file, fast, output):
    run = unroll.train(
        file, tmp_path / "run", steps=6, floor="none", refit=False, output=output, **fast
    )
    data = run.task.read(str(file), run.settings, [].append, run.preprocessor)
    bias = run.model.output.bias.detach()
    chosen = float(bias[0]) + 1  # too readily outside
    tried = []
    for penalty in OUTSIDE_PENALTIES:
        bias[0] = chosen - penalty
        found = measure(run.model, run.preprocessor, data.encoded_valid, run.trained.device)
        tried.append((found["f1"], -penalty))
    bias[0] = chosen
    (message,) = calibrate_alone(run.trained, run.preprocessor, data.valid, lambda share: None)
    f1, change = max(tried)
    assert float(bias[0]) == pytest.approx(chosen + change, abs=1e-6)
    assert message.startswith(f"Lowered the score of words outside spans by {-change:g} nats")
    assert message.endswith(f"F1 {100 * tried[0][0]:.2f} -> {100 * f1:.2f}.")


def test_a_validation_set_of_other_tags_leaves_the_simple_model_alone(tmp_path, file, news, small):
    other = tmp_path / "other.conll"
    other.write_text(news(6, seed=2).replace("-place", "-town"))
    run = unroll.train(file, tmp_path / "run", valid=str(other), steps=1, **small)
    assert kept_mixtures(run.model)["combined"] == Mixture(0.0, 1.0)
    assert run.result()["f1"] == 0 and run.evaluate(file)["f1"] == 1


@pytest.mark.parametrize("output", ["crf", "softmax"])
def test_parts_of_speech_without_spans(tmp_path, universal, small, output):
    file = tmp_path / "a.conllu"
    file.write_text(universal)
    run = unroll.train(file, tmp_path / "run", steps=1, output=output, **small)
    assert run.evaluate(file)["accuracy"] == 1
    assert [p["tags"] for p in run.predict(["she runs fast"])] == [["PRON", "VERB", "ADV"]]
