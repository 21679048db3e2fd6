"""`unroll generate` on a small run, and where tunes are written."""

from pathlib import Path

import pytest

from unroll.cli.generate import tune_files
from unroll.errors import UserError


def test_the_same_seed_gives_the_same_text(place, printed):
    words = ["generate", "runs/poems", "--prompt", "the ", "--length", 50, "--temperature", 3]
    words += ["--seed", 1]
    first, second = printed(*words).out, printed(*words).out
    assert first == second and first.startswith("the ") and len(first) == len("the ") + 50 + 1
    assert printed(*words[:-1], 2).out != first


def test_zero_temperature_is_the_top_one(place, printed):
    words = ["generate", "runs/poems", "--prompt", "the ", "--length", 20]
    cold = printed(*words, "--temperature", 0, "--seed", 1).out
    assert cold == printed(*words, "--top-k", 1, "--seed", 2).out
    assert cold == printed(*words, "--greedy").out
    both = printed(*words, "--greedy", "--temperature", 2, code=2).err
    assert "--greedy is --temperature 0" in both


def test_several_texts_have_seeds_in_order(place, printed):
    words = ["generate", "runs/poems", "--length", 10]
    several = printed(*words, "--count", 2, "--seed", 4).out
    assert several == printed(*words, "--seed", 4).out + printed(*words, "--seed", 5).out


def test_out_and_flags_of_tunes_are_refused_for_texts(place, printed):
    refused = printed("generate", "runs/poems", "--out", "a.txt", code=2).err
    assert "--out is for tunes, and runs/poems writes text" in refused


def test_several_tunes_get_numbers_and_no_file_is_replaced_unasked(tmp_path):
    assert tune_files(None, 2, False) == [None, None]
    one = tmp_path / "a.abc"
    assert tune_files(str(one), 1, False) == [one]
    assert [file.name for file in tune_files(str(one), 2, False)] == ["a-1.abc", "a-2.abc"]
    (tmp_path / "a-2.abc").write_text("X:1")
    with pytest.raises(UserError, match=r"a-2\.abc exists already"):
        tune_files(str(one), 2, False)
    assert len(tune_files(str(one), 2, True)) == 2
    with pytest.raises(UserError):
        tune_files(str(Path("a.exe")), 1, False)
