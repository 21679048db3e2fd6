"""The n-gram baseline: kept in the run folder, and the same in chunks as in one piece."""

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.language.baseline import (
    FILE,
    baseline_metrics,
    fit_baseline,
    load_baseline,
    overlapping_chunks,
)
from unroll.training.files import write_folder


@pytest.fixture
def run_folder(tmp_path, prepared):
    corpus, _ = prepared()
    write_folder(tmp_path / "run", fit_baseline(corpus.train, len(corpus.vocabulary)))
    return tmp_path / "run", corpus


def test_it_comes_back_and_beats_the_unigram_on_text_that_repeats(run_folder):
    folder, corpus = run_folder
    metrics = baseline_metrics(load_baseline(folder, len(corpus.vocabulary)), corpus.valid)
    assert list(metrics) == ["unigram", "5-gram"]
    assert metrics["5-gram"]["nats_per_token"] < 0.2 < metrics["unigram"]["nats_per_token"]


def test_a_damaged_file_is_a_sentence(run_folder):
    folder, corpus = run_folder
    (folder / FILE).write_bytes(b"damaged")
    with pytest.raises(UserError, match="baseline"):
        load_baseline(folder, len(corpus.vocabulary))


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_chunks_score_every_token_once_with_its_whole_history(run_folder, size):
    folder, corpus = run_folder
    baseline = load_baseline(folder, len(corpus.vocabulary))
    ids = np.asarray(corpus.valid.ids[:60], dtype=np.int64)
    parts = [
        baseline.log_probabilities(chunk)[skip:]
        for chunk, skip in overlapping_chunks(ids, baseline.order, size)
    ]
    np.testing.assert_allclose(np.concatenate(parts), baseline.log_probabilities(ids))
