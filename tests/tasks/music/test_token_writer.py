"""Writing tokens: only those that may come, the same for the same seed."""

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.music.preprocessor import BOUNDARY
from unroll.tasks.music.token_writer import TokenWriter


def test_only_allowed_tokens_are_drawn_and_read(abc, untrained):
    writer = TokenWriter(untrained(abc, 0), abc, seed=1)
    may = np.zeros(len(abc), dtype=bool)
    may[[abc.id_of("G"), abc.id_of("B")]] = True
    for _ in range(8):
        writer.draw(may)
    assert set(writer.text) <= {"G", "B"} and len(writer.text) == 8
    writer.add('"D7"A|')
    assert writer.text.endswith('"D7"A|')


def test_a_seed_gives_the_same_tokens_and_the_end_is_not_read(abc, untrained):
    network, everything = untrained(abc, 0), np.ones(len(abc), dtype=bool)
    drawn = []
    for _ in range(2):
        writer = TokenWriter(network, abc, seed=7)
        drawn.append([writer.draw(everything) for _ in range(12)])
    assert drawn[0] == drawn[1]
    end = np.zeros(len(abc), dtype=bool)
    end[BOUNDARY] = True
    assert writer.draw(end) == BOUNDARY and BOUNDARY not in writer.ids[-1:]


def test_numbers_that_cannot_be_used(abc, untrained):
    with pytest.raises(UserError, match="--length got 0"):
        TokenWriter(untrained(abc, 0), abc, length=0)
    with pytest.raises(UserError, match="--top-p"):
        TokenWriter(untrained(abc, 0), abc, top_p=2.0)
