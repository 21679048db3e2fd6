"""Modified Kneser-Ney: against the equations of Chen and Goodman in a dictionary."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from unroll.models.gram_counts import GramCounts
from unroll.models.kneser_ney import USUAL_DISCOUNTS, KneserNey, usual_discounts


class Dictionary:
    """Equations 15 to 17, a gram at a time."""

    def __init__(self, ids, V, order):
        self.V, self.order = V, order
        grams = {
            n: [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)] for n in range(1, order + 1)
        }
        self.count = {}
        for n in range(1, order):
            before = {(None, *ids[:n])} | set(grams[n + 1])
            self.count[n] = Counter(gram[1:] for gram in before)
        self.count[order] = Counter(grams[order])
        self.D, self.following = {}, {}
        for n, count in self.count.items():
            many = Counter(count.values())
            n1, n2, n3, n4 = (many[k] for k in (1, 2, 3, 4))
            self.D[n] = [0.0, *USUAL_DISCOUNTS]
            if n1 and n2 and n3:
                Y = n1 / (n1 + 2 * n2)
                own = [1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3]
                for k, D in enumerate(own, 1):
                    if 0 < D < k:
                        self.D[n][k] = D
            self.following[n] = defaultdict(list)
            for gram, c in count.items():
                self.following[n][gram[:-1]].append(c)

    def p(self, history, token):
        shorter = self.p(history[1:], token) if history else 1 / self.V
        n = len(history) + 1
        counts = self.following[n].get(history)
        if counts is None:
            return shorter
        D = self.D[n]
        c = self.count[n][(*history, token)]
        gamma = sum(D[min(each, 3)] for each in counts) / sum(counts)
        return max(c - D[min(c, 3)], 0) / sum(counts) + gamma * shorter


def markov(size, V=6, seed=0):
    """A sequence in which the next token depends on the one before."""
    random = np.random.default_rng(seed)
    odds = random.dirichlet(np.full(V, 0.3), size=V)
    ids = [0]
    for _ in range(size):
        ids.append(int(random.choice(V, p=odds[ids[-1]])))
    return ids


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [1, 4, 40, 600])
def test_probabilities_are_those_of_the_equations(order, size):
    ids, test = markov(size), markov(50, seed=1)
    model = KneserNey.fit(np.array(ids), 6, order)
    dictionary = Dictionary(ids, 6, model.order)
    expected = [
        dictionary.p(tuple(test[max(0, i - model.order + 1) : i]), test[i])
        for i in range(1, len(test))
    ]
    np.testing.assert_allclose(
        np.exp(model.log_probabilities(np.array(test))), expected, rtol=1e-10
    )


@pytest.mark.parametrize("boundary", [None, 0])
def test_distributions_sum_to_one_and_are_the_same_one_by_one_in_batches_and_along_a_text(boundary):
    model = KneserNey.fit(np.array([*markov(500), 0]), 8, 4, boundary)
    test = np.array(markov(30, seed=2))
    rows, batch = model.rows_after([0]), []
    for token in test[1:]:
        batch.append(rows)
        rows = model.advance(rows, token)
    many = model.probabilities(np.stack(batch))
    np.testing.assert_allclose(many.sum(1), 1, rtol=1e-12)
    assert (many > 0).all()
    np.testing.assert_array_equal(many, [model.probabilities(row) for row in batch])
    np.testing.assert_allclose(
        np.log(many[np.arange(len(batch)), test[1:]]), model.log_probabilities(test), rtol=1e-12
    )
    np.testing.assert_array_equal(model.rows_after(test.tolist()), rows)


def test_no_history_goes_back_over_a_boundary():
    # after "0 1" always 2, whatever came before the boundary
    lines = np.array([0, 1, 2, 3, 0, 1, 2, 4, 0, 1, 2, 3, 0])
    model = KneserNey.fit(lines, 5, 4, boundary=0)
    _, seen = model.score(np.array([3, 0, 1, 2, 4]))
    assert seen.tolist() == [1, 1, 2, 3] and model.after[model.rows_after([0, 1, 2])[3]] == 3
    alone, after = (model.rows_after(ids) for ids in ([0, 1], [4, 0, 1]))
    np.testing.assert_array_equal(model.probabilities(alone), model.probabilities(after))


def test_chunks_change_nothing(monkeypatch):
    model, test = KneserNey.fit(np.array(markov(300)), 6, 4), np.array(markov(60, seed=3))
    whole = model.score(test)
    monkeypatch.setattr("unroll.models.kneser_ney.CHUNK", 7)
    np.testing.assert_array_equal(np.stack(model.score(test)), np.stack(whole))


def test_too_few_grams_have_the_usual_discounts():
    assert usual_discounts(np.array([7, 9])).tolist() == list(USUAL_DISCOUNTS)
    # 4 grams once, 2 twice, 1 three times, 1 four times: Y = 1/2
    found = usual_discounts(np.array([1, 1, 1, 1, 2, 2, 3, 4]))
    np.testing.assert_allclose(found, [0.5, 1.25, 1.0])


def test_it_comes_back_from_its_arrays():
    model = KneserNey.of_counts(GramCounts.of(np.array(markov(400)), 6, 4), 3)
    back = KneserNey.from_arrays(6, model.arrays())
    test = np.array(markov(50, seed=4))
    np.testing.assert_array_equal(model.log_probabilities(test), back.log_probabilities(test))
    assert model.arrays()["tokens.0"].dtype == np.uint8 and back.order == 3


@pytest.mark.parametrize(
    "change",
    [
        {"tokens.0": np.array([2, 1, 0], dtype=np.uint8)},
        {"tokens.0": np.array([0, 1, 9], dtype=np.uint8)},
        {"tokens.0": np.array([0.0, 1.0, 2.0])},
        {"counts.0": np.array([1, 0, 1], dtype=np.uint8)},
        {"counts.1": np.array([1], dtype=np.uint8)},
        {"children.1": np.array([3, -1, 1])},
        {"discounts": np.full((2, 3), 1.5)},
        {"discounts": np.full((2, 3), math.nan)},
        {"more": np.zeros(1)},
    ],
)
def test_arrays_that_are_no_model_are_refused(change):
    arrays = KneserNey.fit(np.array([0, 1, 2, 1]), 3, 2).arrays()
    assert KneserNey.from_arrays(3, arrays).order == 2
    with pytest.raises(ValueError, match="expected"):
        KneserNey.from_arrays(3, {**arrays, **change})


def test_prepared_arrays_are_those_of_the_equation():
    ids = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    model = KneserNey.fit(ids, vocabulary_size=3, order=2)
    arrays = model.prepared_arrays()
    (row,) = model.rows_after([0, 1])[1:]
    p = arrays["unigram"] * arrays["left"][row]
    place = slice(arrays["first"][row], arrays["first"][row + 1])
    p[arrays["tokens"][place]] += arrays["share"][place.start + 1 : place.stop + 1]
    assert np.allclose(p, model.probabilities(model.rows_after([0, 1])))
    assert arrays["followed"][row] and not arrays["followed"][-1]
    assert arrays["keys"][-1] > arrays["keys"][-2]
