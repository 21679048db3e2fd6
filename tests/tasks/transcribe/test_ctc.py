"""CTC decoding beside every path there is; what a language model changes."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
import torch

from unroll.tasks.transcribe.ctc import BLANK, alignment, beam_search, collapse, greedy, path_sums


def random_log_p(seed, T=5, V=3, sharpness=1.5):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(T, V, generator=generator, dtype=torch.float64)
    return (scores * sharpness).log_softmax(-1)


def labelling_of(path):
    """By the definition: repeats first, then blanks."""
    return tuple(token for token, _ in itertools.groupby(path) if token != BLANK)


def every_path(log_p):
    T, V = log_p.shape
    for path in itertools.product(range(V), repeat=T):
        yield path, sum(float(log_p[t, v]) for t, v in enumerate(path))


def every_labelling(log_p):
    sums = defaultdict(float)
    for path, total in every_path(log_p):
        sums[labelling_of(path)] += math.exp(total)
    return sums


@pytest.mark.parametrize("seed", range(5))
def test_greedy_is_the_most_likely_path(seed):
    log_p = random_log_p(seed)
    path, total = max(every_path(log_p), key=lambda found: found[1])
    (found,) = greedy(log_p[:, None])
    assert tuple(found.tokens) == labelling_of(path)
    assert found.log_probability == pytest.approx(total)
    for token, (first, last) in zip(found.tokens, found.times, strict=True):
        assert set(path[first : last + 1]) == {token}


def test_greedy_stops_at_each_sequences_end():
    log_p = torch.stack([random_log_p(seed, T=6) for seed in range(3)], 1)
    lengths = torch.tensor([6, 2, 0])
    together = greedy(log_p, lengths)
    alone = [greedy(log_p[:n, b : b + 1])[0] for b, n in enumerate(lengths.tolist())]
    assert together == alone
    assert together[2].tokens == [] and together[2].log_probability == 0


def test_every_path_collapses_by_the_definition():
    for path in itertools.product(range(3), repeat=5):
        tokens, times = collapse(np.array(path))
        assert tuple(tokens) == labelling_of(path)
        assert len(times) == len(tokens) == len(set(times))


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_every_labelling_in_order(seed):
    log_p = random_log_p(seed)
    sums = every_labelling(log_p)
    found = beam_search(log_p, 1000)
    assert [f.log_probability for f in found] == sorted(f.log_probability for f in found)[::-1]
    assert {tuple(f.tokens) for f in found} == set(sums)
    for f in found:
        assert math.exp(f.log_probability) == pytest.approx(sums[tuple(f.tokens)])
    assert tuple(found[0].tokens) == max(sums, key=sums.get)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_a_narrow_beam_keeps_what_is_likely_and_knows_how_likely(width):
    for seed in range(5):
        log_p = random_log_p(seed, sharpness=4.0)
        sums = every_labelling(log_p)
        found = beam_search(log_p, width)
        assert len(found) <= width
        best = math.exp(found[0].log_probability)
        assert best == pytest.approx(sums[tuple(found[0].tokens)])
        assert best > 0.9 * max(sums.values())


@pytest.mark.parametrize("seed", range(3))
def test_sums_over_paths_are_those_of_enumeration_and_of_torch(seed):
    log_p = random_log_p(seed, T=6)
    sums = every_labelling(log_p)
    labellings = sorted(sums)
    ours = np.exp(path_sums(log_p.numpy(), labellings))
    np.testing.assert_allclose(ours, [sums[labelling] for labelling in labellings])
    for labelling, expected in sums.items():
        loss = torch.nn.functional.ctc_loss(
            log_p[:, None],
            torch.tensor([labelling], dtype=torch.long).view(1, -1),
            torch.tensor([6]),
            torch.tensor([len(labelling)]),
            reduction="sum",
        )
        assert math.exp(-float(loss)) == pytest.approx(expected)
    assert path_sums(log_p.numpy(), [(1, 1, 1, 1)])[0] == -np.inf  # needs seven frames


@pytest.mark.parametrize("seed", range(3))
def test_times_are_those_of_the_most_likely_path_of_the_labelling(seed):
    log_p = random_log_p(seed)
    best = {}
    for path, total in every_path(log_p):
        if total > best.get(labelling_of(path), (0, -math.inf))[1]:
            best[labelling_of(path)] = path, total
    for labelling, (path, _) in best.items():
        assert alignment(log_p.numpy(), labelling) == collapse(np.array(path))[1]


def test_bad_calls_are_told():
    log_p = random_log_p(0)
    with pytest.raises(ValueError, match="width=0"):
        beam_search(log_p, 0)
    with pytest.raises(ValueError, match="NaN"):
        beam_search(log_p * math.nan, 4)
    with pytest.raises(ValueError, match="3 tokens and 4 frames"):
        alignment(log_p.numpy()[:4], (1, 1, 1))


def test_no_frames_say_nothing():
    found = beam_search(torch.zeros(0, 3), 4)
    assert [(f.tokens, f.times, f.log_probability) for f in found] == [([], [], 0.0)]


class Bigrams:
    """log p of a token after the one before, from a table; a scorer that is easily enumerated."""

    def __init__(self, seed, V):
        generator = np.random.default_rng(seed)
        self.table = np.log(generator.dirichlet(np.ones(V + 1) * 0.3, size=V))  # the last: the end

    def start(self):
        return 0

    def scores(self, state):
        return self.table[state, :-1]

    def after(self, state, token):
        return token

    def end(self, state):
        return float(self.table[state, -1])

    def of(self, labelling):
        states = (0, *labelling)
        steps = sum(self.table[a, b] for a, b in itertools.pairwise(states))
        return steps + self.end(states[-1])


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_with_a_scorer_finds_the_best_sum(seed):
    log_p, scorer = random_log_p(seed), Bigrams(seed, 3)
    scores = {key: math.log(p) + scorer.of(key) for key, p in every_labelling(log_p).items()}
    found = beam_search(log_p, 1000, scorer, best=3)
    expected = sorted(scores, key=scores.get)[::-1][:3]
    assert [tuple(f.tokens) for f in found] == expected
    assert found[0].score == pytest.approx(scores[expected[0]])
