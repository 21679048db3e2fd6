"""Headers of new tunes: X: first, K: last, given fields kept."""

from fractions import Fraction

import pytest

from unroll.tasks.music.abc import field_value
from unroll.tasks.music.abc_header import HeaderWriter, is_usable_token
from unroll.tasks.music.token_writer import TokenWriter


@pytest.mark.parametrize("seed", range(6))
def test_given_fields_are_written_and_others_are_drawn(abc, untrained, seed):
    writer = TokenWriter(untrained(abc, seed), abc, seed=seed)
    metre, unit = HeaderWriter(writer, {"M": "9/8", "L": "1/16", "R": "Jig"}).write()
    assert (metre, unit) == (Fraction(9, 8), Fraction(1, 16))
    lines = writer.text.splitlines()
    assert lines[0].startswith("X:") and lines[-1].startswith("K:")
    assert field_value(writer.text, "R") == "Jig" and field_value(writer.text, "T")


def test_only_fields_that_a_tune_can_be_built_on_are_tokens():
    assert (
        is_usable_token("K:G\n") and is_usable_token("T:Any\n") and is_usable_token("% a remark\n")
    )
    assert not is_usable_token("K:none\n") and not is_usable_token("M:free\n")
    assert not is_usable_token("W:words of a song\n")
