"""Where every step of every sequence lies. T time, B batch, R sequences, N rows, S steps."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unroll.cells import map_state
from unroll.engine.runtime.geometry import geometry


@st.composite
def calls(draw):
    """T, B, lengths or None, resets or None, reverse."""
    T, B = draw(st.integers(0, 6)), draw(st.integers(0, 5))
    lengths = resets = None
    if draw(st.booleans()):
        lengths = torch.tensor([draw(st.integers(0, T)) for _ in range(B)], dtype=torch.int64)
    if draw(st.booleans()):
        often = draw(st.sampled_from([0.0, 0.3, 1.0]))
        numbers = torch.Generator().manual_seed(draw(st.integers(0, 99)))
        resets = torch.rand(T, B, generator=numbers) < often
    return T, B, lengths, resets, draw(st.booleans())


def pieces_of(T, B, lengths, resets, reverse):
    """The sequences of the loop, written plainly: of each b, the lists of its times as read,
    and whether the piece begins at a reset."""
    found = []
    for b in range(B):
        length = T if lengths is None else int(lengths[b])
        times = list(range(length))
        mine = [([], False)]
        for t in reversed(times) if reverse else times:
            if resets is not None and resets[t, b]:
                mine.append(([], True))
            mine[-1][0].append(t)
        found.append(mine)
    return found


def times_and_owners(where):
    """Of each of the N rows: its time and its place in the batch."""
    rows = torch.arange(where.T * where.B)
    rows = rows if where.pick is None else where.pick
    return [divmod(int(r), where.B) for r in rows]


def running(where):
    """(step, sequence, row) of every row, in the order of the steps."""
    return [
        (s, r, int(where.offset[s]) + r)
        for s in range(where.steps)
        for r in range(int(where.counts[s]))
    ]


@given(calls())
def test_every_step_of_every_sequence_appears_exactly_once(call):
    T, B, lengths, _, _ = call
    where = geometry(*call)
    limits = [T] * B if lengths is None else lengths.tolist()
    expected = sorted((t, b) for b in range(B) for t in range(limits[b]))
    assert sorted(times_and_owners(where)) == expected
    assert where.N == len(expected) == int(where.counts.sum())
    assert sorted(row for _, _, row in running(where)) == list(range(where.N))


@given(calls())
def test_each_piece_is_read_in_order(call):
    where = geometry(*call)
    places = times_and_owners(where)
    read = {r: [] for r in range(where.R)}
    for _, r, row in running(where):
        read[r].append(places[row])
    expected = [
        [(t, b) for t in times]
        for b, pieces in enumerate(pieces_of(*call))
        for times, _ in pieces
        if times
    ]
    assert sorted(p for p in read.values() if p) == sorted(expected)


@given(calls())
def test_steps_only_ever_lose_sequences_from_the_end(call):
    where = geometry(*call)
    assert (where.counts[1:] <= where.counts[:-1]).all()
    assert (where.counts <= where.R).all()
    if where.B:  # without a batch there may be steps that nobody takes
        assert (where.counts > 0).all()


@given(calls())
def test_what_a_step_leaves_is_what_the_next_one_reads(call):
    """Kept states are the R initial ones and the N after each step, without any overlap."""
    where = geometry(*call)
    _, _, lengths, resets, reverse = call
    initial_first = not (reverse and lengths is None and resets is None)
    start = 0 if initial_first else where.N
    assert where.first == (where.R if initial_first else 0)
    written = []
    for s, r, row in running(where):
        before = int(where.previous[s]) + r
        after = int(where.next[s]) + r
        assert after == where.first + row
        written.append(after)
        assert before == (start + r if s == 0 else int(where.next[s - 1]) + r)
        if where.before_row is not None:
            assert int(where.before_row[row]) == before
    kept = [*range(start, start + where.R), *written]
    assert sorted(kept) == list(range(where.R + where.N))


@given(calls())
def test_spread_undoes_rows_and_is_zero_in_the_padding(call):
    T, B, lengths, _, _ = call
    where = geometry(*call)
    x = torch.randn(T, B, 2)
    back = where.spread(where.rows(x))
    alive = torch.ones(T, B, dtype=torch.bool)
    if lengths is not None:
        alive = torch.arange(T)[:, None] < lengths
    assert where.rows(x).shape == (where.N, 2)
    assert torch.equal(back, torch.where(alive[..., None], x, torch.zeros(())))
    rows = torch.randn(where.N, 3)
    assert torch.equal(where.rows(where.spread(rows)), rows)


@given(calls())
def test_what_belongs_to_a_sequence_of_the_batch_reaches_its_rows_and_pieces(call):
    B = call[1]
    where = geometry(*call)
    values = torch.arange(B)[:, None].float()
    owners = [b for _, b in times_and_owners(where)]
    assert where.of_rows(values).flatten().tolist() == owners
    of_pieces = where.of_sequences(values).flatten().tolist()
    assert len(of_pieces) == where.R
    for _, r, row in running(where):
        assert of_pieces[r] == owners[row]


@given(calls())
def test_sums_over_the_steps_of_each_piece(call):
    where = geometry(*call)
    rows = torch.randn(where.N, 2, dtype=torch.float64)
    expected = torch.zeros(where.R, 2, dtype=torch.float64)
    for _, r, row in running(where):
        expected[r] += rows[row]
    torch.testing.assert_close(where.summed(rows), expected)


@given(calls())
def test_pieces_begin_with_the_given_state_or_anew_and_the_last_one_ends_the_sequence(call):
    B, resets = call[1], call[3]
    where = geometry(*call)
    state = (torch.arange(B)[:, None], torch.arange(B, dtype=torch.float64)[:, None])
    initial = map_state(lambda s: s + 100, state)
    started = where.started(state, None if resets is None else initial)
    pieces = pieces_of(*call)
    begun = sorted(b + 100 * fresh for b, mine in enumerate(pieces) for times, fresh in mine)
    for field in started:
        assert field.shape == (where.R, 1)
        # a piece of no steps may be left out or not, but for the one that the batch begins with
        assert sorted(field.flatten().tolist()) == begun

    # walk every piece and write into its state the times that it has seen
    seen = [f"{int(start)}:" for start in started[0].flatten()]
    places = times_and_owners(where)
    for _, r, row in running(where):
        seen[r] += f" {places[row][0]}"
    ends = where.ended(torch.arange(where.R))
    expected = []
    for b, mine in enumerate(pieces):
        times, fresh = mine[-1]
        expected.append(f"{b + 100 * fresh}:" + "".join(f" {t}" for t in times))
    assert [seen[int(r)] for r in ends] == expected


@given(calls())
def test_lengths_of_pieces_are_known_where_they_differ(call):
    where = geometry(*call)
    if call[2] is None and call[3] is None:
        assert where.pick is None  # rows are where they are
        assert where.lengths is None
        return
    counted = torch.zeros(where.R, dtype=torch.int64)
    for _, r, _ in running(where):
        counted[r] += 1
    assert torch.equal(where.lengths, counted)
    assert (where.lengths[1:] <= where.lengths[:-1]).all()


@pytest.mark.parametrize("kind", [torch.int32, torch.int64])
def test_an_example(kind):
    where = geometry(3, 2, torch.tensor([1, 3], dtype=kind).long(), None, False)
    assert where.counts.tolist() == [2, 1, 1]
    assert where.pick.tolist() == [1, 0, 3, 5]  # the long one first; t * B + b
    assert where.ended(torch.tensor([10, 20])).tolist() == [20, 10]
