"""Metrics of translations, beside sacreBLEU's own functions and plain counts."""

import random

import pytest
import sacrebleu
import torch

from unroll.tasks.translate.batches import EncodedPairs, SequenceArray
from unroll.tasks.translate.description import format_scores
from unroll.tasks.translate.metrics import (
    has_four_words,
    token_metrics,
    translation_scores,
    unknown_rates,
)
from unroll.tasks.translate.reader import encode_pairs


def test_scores_are_those_of_sacrebleu():
    draw = random.Random(4)
    words = "rouge chien chat grand mange".split()
    lines = [[" ".join(draw.choices(words, k=draw.randint(1, 9))) for _ in range(30)] for _ in "ab"]
    scores = translation_scores(*lines)
    assert scores["bleu"] == pytest.approx(sacrebleu.corpus_bleu(lines[0], [lines[1]]).score)
    assert scores["chrf"] == pytest.approx(sacrebleu.corpus_chrf(lines[0], [lines[1]]).score)
    assert translation_scores(["a", "b"], ["a", "c"])["exact_match"] == 0.5


def test_unknown_tokens_are_counted_on_each_side():
    pairs = EncodedPairs(SequenceArray([[0, 2], [3, 4]]), SequenceArray([[], []]))
    assert unknown_rates(pairs) == {"source": 0.25, "target": 0.0}


def test_token_metrics_are_plain_counts(run, pairs_of):
    pairs = list(pairs_of(5, seed=8))
    encoded = encode_pairs(pairs, run.preprocessor)
    nats = right = tokens = 0
    for row in range(5):
        batch = encoded.batch([row])
        logits, _ = run.model(batch.source, batch.lengths, batch.inputs)
        log_p = logits[:, 0].detach().log_softmax(1)
        nats -= float(log_p.gather(1, batch.target).sum())
        right += int((log_p.argmax(1) == batch.target[:, 0]).sum())
        tokens += len(log_p)
    found = token_metrics(run.model, encoded, torch.device("cpu"))
    assert found["loss"] == pytest.approx(nats / tokens, rel=1e-4)
    assert found["token_accuracy"] == pytest.approx(right / tokens)


def test_bleu_says_nothing_of_references_below_four_words():
    short = translation_scores(["MAWK", "READ"], ["MAWK", "READ"])
    assert short["without_bleu"] and short["exact_match"] == 1
    assert format_scores(short) == "chrF 100.00   exact match 100.00%"
    mixed = translation_scores(["a b", "c d e f"], ["a b", "c d e f"])
    assert "without_bleu" not in mixed and format_scores(mixed).startswith("BLEU 100.00")
    assert has_four_words("one, two three") and not has_four_words("one two three")
