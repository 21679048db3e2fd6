"""Right words, unknown words and spans are counted, and summarised beside the baseline."""

from dataclasses import replace

import torch

import unroll
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.encoded import EncodedSentences
from unroll.tasks.tag.metrics import (
    TagCounter,
    affordable,
    measure,
    measure_baselines,
    summarise_metrics,
)
from unroll.tasks.tag.network import Tagger
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.schemes import scheme_labels

SENTENCES = [
    Sentence(("Rome", "is", "old"), ("B-x", "O", "O")),
    Sentence(("Oslo", "is", "cold"), ("B-x", "O", "O")),
]
PREPROCESSOR = TagPreprocessor.learn(
    SENTENCES, scheme_labels(["x"], "BIO"), scheme="BIO", file_scheme="BIO"
)


def test_unknown_words_are_counted_apart():
    counter = TagCounter(PREPROCESSOR)
    counter.add(Sentence(("Bergen", "is", "wet"), ("B-x", "O", "O")), ["B-x", "O", "B-x"])
    scores = counter.scores()
    assert scores["accuracy"] == scores["unknown_rate"] == 2 / 3
    assert scores["unknown_accuracy"] == 1 / 2
    assert (scores["precision"], scores["recall"], scores["right"]) == (1 / 2, 1, 1)
    assert list(scores["types"]) == ["x"]


def test_a_summary_has_tables_of_words_spans_and_types():
    torch.manual_seed(0)
    network = Tagger(PREPROCESSOR.counts, len(PREPROCESSOR.alphabet), 3, hidden_size=4)
    shares = []
    encoded = EncodedSentences(SENTENCES, PREPROCESSOR)
    metrics = measure(network, PREPROCESSOR, encoded, torch.device("cpu"), shares.append)
    metrics["baselines"] = measure_baselines(PREPROCESSOR, SENTENCES)
    assert shares == [1.0] and metrics["baselines"]["most frequent tag"]["f1"] == 1
    metrics |= {"accuracy": 0.5, "f1": 0.25, "predicted": 6, "right": 1, "skipped": 2}
    summary = summarise_metrics(metrics, "new.conll")
    assert summary[0] == "On new.conll, 6 words in 2 sentences:"
    assert summary[1].startswith("  this model         accuracy  50.00%")
    assert summary[2].startswith("  most frequent tag  accuracy 100.00%")
    assert "Skipped 2 bad sentences." in summary
    assert any("2 in the data, 6 predicted, 1 right" in line for line in summary)
    assert summary[-1].startswith("  x  precision") and summary[-1].endswith("2 spans")
    del metrics["f1"]
    assert not any("pans" in line for line in summarise_metrics(metrics, "new.conll"))


def test_as_many_sentences_are_measured_as_fit_in_the_seconds(file, tmp_path, small):
    run = unroll.train(file, tmp_path / "run", steps=1, refit=False, **small)
    many = SENTENCES * 300
    assert affordable(run.trained, many, 250)[0] is SENTENCES[0]
    assert len(affordable(run.trained, many)) == 600
    some = affordable(replace(run.trained, seconds=1e-9), many)
    assert len(some) == 200
    data = run.task.read(str(file), run.settings, [].append, run.preprocessor)
    data = replace(data, valid=data.valid * 60)
    trained = replace(run.trained, seconds=1e-9)
    metrics = run.task.validate(trained, data, lambda share: None)
    assert (metrics["sentences"], metrics["sampled_from"]) == (200, len(data.valid))
    assert any("which fitted in the seconds" in x for x in run.task.summarise(metrics, "valid"))
