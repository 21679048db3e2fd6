"""How a bound of memory is requested."""

import pytest

import unroll
from unroll.engine.memory.bounded import Bound, bound_of, bytes_of, requested_bound


@pytest.mark.parametrize(
    ("text", "count"),
    [("4GB", 4 * 10**9), ("500 mb", 5 * 10**8), ("2GiB", 2**31), (".5KB", 500), (1000, 1000)],
)
def test_a_size_in_words_is_bytes(text, count):
    assert bytes_of(text) == count


@pytest.mark.parametrize("wrong", ["much", "0GB", "-1", "4 XB", True, ""])
def test_what_is_no_size_is_refused(wrong):
    with pytest.raises(ValueError, match="expected a size"):
        bytes_of(wrong)


@pytest.mark.parametrize("wrong", [0, -3, 1.5, "some"])
def test_what_is_no_length_is_refused(wrong):
    with pytest.raises(ValueError, match="segment_length"):
        bound_of(None, wrong)


def test_a_memory_and_a_length_do_not_go_together():
    with pytest.raises(ValueError, match="both given"):
        bound_of("4GB", 100)


def test_the_bound_of_a_call_comes_before_that_of_the_block():
    assert requested_bound() is None
    with unroll.bounded(segment_length=50):
        assert requested_bound() == Bound(50, None)
        assert requested_bound(memory=1000) == Bound(None, 1000)
        with unroll.bounded(segment_length="auto"):
            assert requested_bound() == Bound(0, None)
        assert requested_bound() == Bound(50, None)
    assert requested_bound() is None


def test_parts_share_a_memory_but_not_a_length():
    assert Bound(None, 1000).shared(4) == Bound(None, 250)
    assert Bound(50, None).shared(4) == Bound(50, None)
