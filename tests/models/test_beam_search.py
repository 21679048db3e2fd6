"""Beam search: width 1 is greedy, a wide one sees everything, a batch is one by one."""

import itertools
import math

import pytest
import torch

from unroll.models.beam_search import beam_search, decode_sequences, greedy

END, LENGTH = 0, 4


class Table:
    """log p of the next token depends on everything before, by a fixed random table."""

    def __init__(self, vocabulary, seeds, places=3):
        self.V, self.S = vocabulary, places
        self.seeds = list(seeds)
        self.past = [() for _ in self.seeds]

    def row(self, seed, past):
        generator = torch.Generator().manual_seed(hash((seed, past)) % 2**31)
        scores = torch.randn(self.V, generator=generator, dtype=torch.float64) * 1.5
        looked = torch.rand(self.S, generator=generator, dtype=torch.float64)
        return scores.log_softmax(0), looked / looked.sum()

    def __call__(self, ids):
        self.past = [(*p, int(i)) for p, i in zip(self.past, ids, strict=True)]
        rows = [self.row(s, p) for s, p in zip(self.seeds, self.past, strict=True)]
        return torch.stack([r[0] for r in rows]), torch.stack([r[1] for r in rows])

    def select(self, rows):
        self.past = [self.past[r] for r in rows.tolist()]
        self.seeds = [self.seeds[r] for r in rows.tolist()]


def search(vocabulary, seeds, width, **options):
    step = Table(vocabulary, [s for s in seeds for _ in range(width)])
    return beam_search(step, len(seeds), width=width, start=END, end=END, length=LENGTH, **options)


def everything(vocabulary, seed, penalty=0.0, coverage=0.0):
    """Every sequence with its score: ended, or as long as allowed."""
    table, found = Table(vocabulary, []), {}
    for n in range(LENGTH + 1):
        for tokens in itertools.product(range(1, vocabulary), repeat=n):
            ended = n < LENGTH
            path = (*tokens, END) if ended else tokens
            rows = [table.row(seed, (END, *path[:t])) for t in range(len(path))]
            log_p = sum(float(row[0][token]) for row, token in zip(rows, path, strict=True))
            seen = sum(row[1] for row in rows).clamp(max=1)
            score = log_p / ((5 + len(path)) / 6) ** penalty + coverage * float(seen.log().sum())
            found[tokens, ended] = (log_p, score)
    return found


@pytest.mark.parametrize("penalties", [(0.0, 0.0), (1.0, 0.0), (0.6, 0.3)])
@pytest.mark.parametrize("seed", range(3))
def test_a_wide_beam_is_exhaustive(seed, penalties):
    expected = everything(3, seed, *penalties)
    mask = torch.ones(1 * 60, 3, dtype=torch.bool)
    (found,) = search(
        3, [seed], 60, length_penalty=penalties[0], coverage_penalty=penalties[1], source=mask
    )
    assert len(found) == len(expected)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    for one in found:
        log_p, score = expected[tuple(one.tokens), one.finished]
        assert one.log_probability == pytest.approx(log_p)
        assert one.score == pytest.approx(score)
        assert len(one.attention) == len(one.tokens) + one.finished
    assert found[0].score == pytest.approx(max(score for _, score in expected.values()))


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_width_one_is_greedy(penalty):
    seeds = list(range(8))
    found = search(5, seeds, 1, length_penalty=penalty)
    alone = decode_sequences(Table(5, seeds), len(seeds), greedy, start=END, end=END, length=LENGTH)
    for (one,), other in zip(found, alone, strict=True):
        assert (one.tokens, one.finished) == (other.tokens, other.finished)
        assert one.log_probability == pytest.approx(other.log_probability)
        torch.testing.assert_close(one.attention, other.attention)


@pytest.mark.parametrize("width", [2, 5])
def test_a_batch_is_one_by_one(width):
    seeds = [3, 1, 4, 1, 5]
    together = search(4, seeds, width, length_penalty=1.0)
    for seed, found in zip(seeds, together, strict=True):
        (alone,) = search(4, [seed], width, length_penalty=1.0)
        assert [h.tokens for h in found] == [h.tokens for h in alone]
        assert [h.score for h in found] == pytest.approx([h.score for h in alone])


def test_what_must_not_come_does_not():
    (found,) = search(4, [1], 10, never=torch.tensor([2]))
    assert found and all(2 not in h.tokens for h in found)


def test_a_wider_beam_is_never_worse_here():
    best = [search(6, [s], w)[0][0].score for s in range(4) for w in (1, 500)]
    assert all(wide >= narrow for narrow, wide in zip(best[::2], best[1::2], strict=True))


def test_attention_is_of_the_path_taken():
    (found,) = search(3, [7], 4)
    table = Table(3, [])
    for one in found:
        path = (*one.tokens, END) if one.finished else tuple(one.tokens)
        rows = [table.row(7, (END, *path[:t]))[1] for t in range(len(path))]
        torch.testing.assert_close(one.attention, torch.stack(rows))


def test_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="width=0"):
        search(3, [1], 0)
    with pytest.raises(ValueError, match="coverage_penalty"):
        search(3, [1], 2, coverage_penalty=0.2)


def test_a_followed_path_adds_its_log_probabilities():
    (one,) = decode_sequences(Table(4, [2]), 1, greedy, start=END, end=END, length=LENGTH)
    path = (*one.tokens, END) if one.finished else tuple(one.tokens)
    rows = [Table(4, []).row(2, (END, *path[:t]))[0] for t in range(len(path))]
    total = sum(float(row[token]) for row, token in zip(rows, path, strict=True))
    assert one.log_probability == pytest.approx(total) and not math.isnan(total)
