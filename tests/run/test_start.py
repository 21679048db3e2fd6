"""`unroll.train`: which way a run begins, and what is refused before anything is read."""

import pytest

import unroll
from unroll.errors import UserError


def test_resume_needs_a_folder_and_is_not_overwriting(place):
    with pytest.raises(UserError, match="--resume continues a run; name its folder by --out"):
        unroll.train("poems.txt", resume=True, quiet=True)
    with pytest.raises(UserError, match="both given; expected one of them"):
        unroll.train("poems.txt", "run", resume=True, overwrite=True, quiet=True)


def test_what_is_none_is_left_out_and_quiet_prints_nothing(place, small, capfd):
    run = unroll.train("poems.txt", "other", steps=1, seed=None, quiet=True, **small)
    assert run.recorded.seed == 1 and run.path.name == "other"
    assert capfd.readouterr() == ("", "")
