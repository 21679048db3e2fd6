"""The agreement that a caption can expect, beside the definition written out."""

import random

import numpy as np
import pytest

from unroll.tasks.caption.consensus import Consensus

WORDS = "a the red blue dog cat sits runs on".split()


def texts(count, seed):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(1, 9))) for _ in range(count)]


@pytest.mark.parametrize("prior", [0.0, 0.3, 1.0])
def test_it_is_the_mean_over_drawn_and_known_captions(prior):
    known = {text: 1 + k % 3 for k, text in enumerate(dict.fromkeys(texts(20, 1)))}
    drawn = [*texts(12, 2), *texts(3, 2), next(iter(known)), "", "nothing known"]
    consensus = Consensus(known)
    all_known = [text for text, times in known.items() for _ in range(times)]

    def mean(text, others):
        score = consensus.scores.score
        return sum(score(text, [other]) for other in others) / len(others)

    pool = consensus.pool(drawn)
    assert pool.texts == list(dict.fromkeys(drawn))
    expected = [(1 - prior) * mean(one, drawn) + prior * mean(one, all_known) for one in pool.texts]
    assert pool.expected_scores(prior) == pytest.approx(expected, abs=1e-9)
    # captions of similar images, one of which was drawn too
    near, shares = [drawn[0], "a cat on the dog"], [0.25, 0.75]
    pool = consensus.pool(drawn, near)
    expected = [
        (1 - prior)
        * (0.6 * mean(one, drawn) + 0.4 * (0.25 * mean(one, near[:1]) + 0.75 * mean(one, near[1:])))
        + prior * mean(one, all_known)
        for one in pool.texts
    ]
    found = pool.expected_scores(prior, pool.near(near, np.array(shares)), 0.4)
    assert found == pytest.approx(expected, abs=1e-9)
    only = pool.expected_scores(prior, pool.near(near, np.array(shares)), 1.0)
    assert {pool.texts[k] for k in np.flatnonzero(only >= 0)} == set(near)


def test_with_nothing_known_only_the_drawn_ones_count():
    assert Consensus({}).pool(["a dog", "a dog"]).expected_scores(0.5).tolist() == [0.0]
