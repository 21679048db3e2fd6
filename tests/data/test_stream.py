"""Batches: in order, shifted by one, the same for the same number; evaluation counts all once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.data.encoded import Encoded
from unroll.data.stream import (
    BlockStream,
    LineBatches,
    TokenBatch,
    evaluation_blocks,
    evaluation_lines,
)
from unroll.errors import UserError


def counting(n):
    """A stream whose ids are their own places."""
    return Encoded(np.arange(n, dtype=np.uint32), n - 1, 0)


def lines(*sizes):
    """Lines of these sizes; token k of line n is 100 n + k + 100, the category n % 3."""
    ids, starts = [1], []
    for n, size in enumerate(sizes):
        starts.append(len(ids) - 1)
        ids += [100 * n + k + 100 for k in range(size)] + [1]
    categories = np.arange(len(sizes), dtype=np.int32) % 3
    return Encoded(np.array(ids, dtype=np.uint32), 0, 0, np.array(starts), categories)


@settings(deadline=None)
@given(st.integers(1, 7), st.integers(1, 9), st.integers(0, 60), st.integers(0, 3))
def test_y_is_x_one_ahead_and_blocks_go_on_where_the_last_ended(B, T, more, seed):
    stream = BlockStream(counting(B * T + T + 1 + more), B, T, seed)
    end = None
    for number in range(3 * stream.per_epoch):
        batch = stream.batch(number)
        assert batch.x.shape == (T, B) and batch.tokens == T * B
        assert torch.equal(batch.y, batch.x + 1)
        assert torch.equal(batch.x[1:], batch.y[:-1])
        assert batch.fresh == (number % stream.per_epoch == 0)
        if not batch.fresh:
            assert torch.equal(batch.x[0], end)
        end = batch.y[-1]


def test_a_stream_shorter_than_a_block_is_refused():
    with pytest.raises(UserError, match="The text has 5 tokens; expected more than 8"):
        BlockStream(counting(5), 2, 8, 0)


def test_streams_side_by_side_share_nothing():
    stream = BlockStream(counting(1000), 8, 10, seed=1)
    seen = torch.cat([stream.batch(k).y.flatten() for k in range(stream.per_epoch)])
    assert len(seen.unique()) == len(seen) > 900


def test_a_batch_is_a_function_of_its_number():
    def make(seed):
        return BlockStream(counting(500), 4, 16, seed)

    one, other = make(3), make(3)
    numbers = range(4 * one.per_epoch)
    found = {n: one.batch(n).x for n in numbers}
    assert all(torch.equal(found[n], other.batch(n).x) for n in reversed(numbers))
    starts = {int(make(seed).batch(one.per_epoch).x[0, 0]) for seed in range(20)}
    assert len(starts) > 5 and max(starts) < 16  # later epochs shift by less than a block


@settings(deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.integers(1, 5))
def test_every_line_comes_once_an_epoch(sizes, B):
    encoded = lines(*sizes)
    batches = LineBatches(encoded, B, seed=1)
    for epoch in range(2):
        seen = []
        for k in range(batches.per_epoch):
            batch = batches.batch(epoch * batches.per_epoch + k)
            assert batch.fresh
            assert torch.equal(batch.weight.sum(0), batch.lengths)
            assert batch.tokens == int(batch.lengths.sum())
            for b, length in enumerate(batch.lengths.tolist()):
                x, y = batch.x[:length, b], batch.y[:length, b]
                assert x[0] == y[-1] == 1 and torch.equal(x[1:], y[:-1])
                n = int(y[0]) // 100 - 1
                assert length == sizes[n] + 1 and int(batch.category[b]) == n % 3
                assert torch.equal(y[:-1], torch.arange(sizes[n]) + 100 * n + 100)
                seen.append(n)
        assert sorted(seen) == list(range(len(sizes)))


def order(batches, epoch):
    return [batches.line(epoch, place) for place in range(len(batches.starts))]


def test_lines_are_shuffled_anew_each_epoch_and_the_same_by_seed():
    def make(seed=1, **options):
        return LineBatches(lines(*[2] * 50), 8, seed, **options)

    first, second = order(make(), 0), order(make(), 1)
    assert first != second and first != list(range(50)) and first == order(make(), 0)
    assert order(make(2), 0) != first
    assert order(make(shuffle=False), 1) == list(range(50))


def test_shuffling_in_windows_still_reads_every_line(monkeypatch):
    monkeypatch.setattr("unroll.data.stream.WINDOW", 16)
    found = order(LineBatches(lines(*[2] * 50), 8, 1), 0)
    assert sorted(found) == list(range(50))
    assert sorted(found[:16]) == list(range(16)) and found[:16] != list(range(16))


def test_lines_are_wanted_for_batches_of_lines():
    with pytest.raises(ValueError, match="expected lines"):
        LineBatches(counting(5), 2, 0)


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 700), st.integers(1, 12), st.integers(1, 12), st.integers(1, 32))
def test_evaluation_counts_every_token_of_a_stream_once(N, block, warm_up, most):
    counted = []
    batches = list(evaluation_blocks(counting(N + 1), block=block, warm_up=warm_up, most=most))
    for batch in batches:
        assert torch.equal(batch.y, batch.x + 1)
        counted += batch.y[batch.weight].tolist()
    assert sorted(counted) == list(range(1, N + 1))
    assert [b.fresh for b in batches] == [True] + [False] * (len(batches) - 1)
    assert sum(b.tokens for b in batches) == N


def test_parallel_streams_first_read_what_came_before_and_do_not_count_it():
    batches = list(evaluation_blocks(counting(1001), block=7, warm_up=10, most=4))
    x, weight = torch.cat([b.x for b in batches]), torch.cat([b.weight for b in batches])
    assert not weight[:10].any() and weight[10:].all()
    assert x[:, 1].tolist() == list(range(240, 500))


def test_a_short_stream_starts_where_it_starts():
    (batch,) = evaluation_blocks(counting(50))
    assert batch.x[:, 0].tolist() == list(range(49)) and batch.weight.all()


def test_evaluation_of_lines_reads_each_once_in_order():
    found = [b.y[0].tolist() for b in evaluation_lines(lines(*[3] * 5), batch_size=2)]
    assert found == [[100, 200], [300, 400], [500]]


def test_a_batch_moves_whole():
    batch = LineBatches(lines(2, 3), 2, 1).batch(0).to(torch.device("meta"))
    assert isinstance(batch, TokenBatch) and batch.fresh
    tensors = batch.x, batch.y, batch.lengths, batch.category, batch.weight
    assert all(t.device.type == "meta" for t in tensors)
