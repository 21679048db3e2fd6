"""Scores of captions: worked by hand, and against the formulas written out once more."""

import random

import pytest
import torch

from unroll.tasks.caption.metrics import caption_scores, rouge_l, token_metrics, unknown_rate
from unroll.tasks.caption.reader import read_captions


def sentences(draw, count):
    return [" ".join(draw.choices("abcdefg", k=draw.randint(1, 9))) for _ in range(count)]


def plain_common(a, b):
    if not a or not b:
        return 0
    if a[-1] == b[-1]:
        return 1 + plain_common(a[:-1], b[:-1])
    return max(plain_common(a[:-1], b), plain_common(a, b[:-1]))


def test_rouge_l_by_hand_and_by_recursion():
    # lcs "police killed gunman" ... of Lin 2004: 3 of 4 words on both sides, so that F is 3/4
    assert rouge_l("police kill the gunman", ["police killed the gunman"]) == pytest.approx(0.75)
    assert rouge_l("the gunman kill police", ["police killed the gunman"]) == pytest.approx(0.5)
    draw = random.Random(5)
    for _ in range(20):
        one, *others = sentences(draw, 3)
        lcs = [plain_common(one.split(), other.split()) for other in others]
        p = max(n / len(one.split()) for n in lcs)
        r = max(n / len(o.split()) for n, o in zip(lcs, others, strict=True))
        wanted = 2.44 * p * r / (r + 1.44 * p) if p * r else 0.0
        assert rouge_l(one, others) == pytest.approx(wanted)


def test_no_score_depends_on_case_and_marks():
    found = caption_scores(["a red dog sits", "some cats"], [["A red dog sits!"], ["x y", "z"]])
    alone = caption_scores(["a red dog sits", "some cats"], [["a red dog sits"], ["x y", "z"]])
    assert found == alone and 0 < found["bleu"] < 100 and found["rouge_l"] == 0.5
    assert found["signature"].startswith("nrefs:var")


def test_an_empty_caption_scores_nothing():
    assert rouge_l("", ["a"]) == rouge_l("a", [""]) == 0.0


def test_token_metrics_are_plain_counts(run, place):
    valid = read_captions("captions.tsv", run.settings, run.preprocessor).valid
    nats = hits = tokens = 0
    for row in range(len(valid)):
        batch = valid.batch([row])
        logits, _ = run.model(batch.images, batch.inputs)
        log_p = logits[:, 0].detach().log_softmax(1)
        nats -= float(log_p.gather(1, batch.target).sum())
        hits += int((log_p.argmax(1) == batch.target[:, 0]).sum())
        tokens += len(log_p)
    metrics = token_metrics(run.model, valid, torch.device("cpu"))
    assert metrics["loss"] == pytest.approx(nats / tokens, rel=1e-4)
    assert metrics["token_accuracy"] == pytest.approx(hits / tokens)
    assert unknown_rate(valid) == 0.0
