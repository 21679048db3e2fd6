"""IBM model 1, beside the same written with dictionaries."""

from collections import defaultdict

import numpy as np
import pytest

from unroll.tasks.translate import word_table
from unroll.tasks.translate.word_table import UNLIKELY, WordTable

GIVEN = [["the", "dog"], ["the", "cat"], ["a", "dog"], ["dog", "dog"]]
WRITTEN = [["le", "chien"], ["le", "chat"], ["un", "chien"], ["chien"]]


def plain_model(given, written, rounds):
    t = defaultdict(lambda: 1.0)
    for _ in range(rounds):
        counts, totals = defaultdict(float), defaultdict(float)
        for g, w in zip(given, written, strict=True):
            for word in w:
                whole = sum(t[e, word] for e in ["", *g])
                for e in ["", *g]:
                    counts[e, word] += t[e, word] / whole
                    totals[e] += t[e, word] / whole
        t = defaultdict(float, {key: c / totals[key[0]] for key, c in counts.items()})
    return t


def test_probabilities_are_those_of_expectation_maximisation():
    table, t = WordTable.learn(GIVEN, WRITTEN, rounds=4), plain_model(GIVEN, WRITTEN, 4)
    for g in table.given:
        for w in table.written:
            found = table.lookup(
                np.array([table.given_places[g]]), np.array([table.written_places[w]])
            )
            assert found[0] == pytest.approx(t[g, w], abs=1e-3)
    assert table.translations(["dog", "bird"])["dog"][0] == "chien"
    assert "bird" not in table.translations(["bird"])


def test_the_score_is_the_mean_log_probability_of_a_word():
    table, t = WordTable.learn(GIVEN, WRITTEN), plain_model(GIVEN, WRITTEN, 5)
    explained = [sum(t[g, w] for g in ["", "the", "cat"]) / 3 for w in ["le", "chien"]]
    explained[1] = max(explained[1], UNLIKELY)
    expected = [np.log(explained).mean(), np.log(UNLIKELY), 0.0]
    given, written = [["the", "cat"], ["dog"], ["a"]], [["le", "chien"], ["oiseau"], []]
    np.testing.assert_allclose(table.scores(given, written), expected, rtol=0.02)


def test_scores_are_the_same_for_some_pairs_at_a_time(monkeypatch):
    table = WordTable.learn(GIVEN, WRITTEN)
    given, written = [*GIVEN, [], ["the"] * 9], [*WRITTEN, ["le"], ["chat"] * 9]
    found = table.scores(given, written)
    assert len(found) == 6
    for cells in (1, 8, 20):
        monkeypatch.setattr(word_table, "CELLS", cells)
        assert (table.scores(given, written) == found).all()
    assert table.scores([], []).shape == (0,)


def test_of_larger_data_a_part_is_read(monkeypatch):
    monkeypatch.setattr(word_table, "MOST_CELLS", 8)
    assert WordTable.learn(GIVEN, WRITTEN).given == ["", "a", "dog", "the"]  # pairs 1 and 3
    assert len(WordTable.learn([], []).keys) == 0
    assert WordTable.learn([], []).scores([["a"]], [["b"]]).shape == (1,)
