import pytest

from unroll.learn.lessons.language_models import exercises, files, perplexity


def test_the_sentences_have_pears_and_pairs_in_their_places():
    lines = files()["pears.txt"].splitlines()
    assert len(lines) == 1200 and not [line for line in lines if "apple and pear" in line]
    assert not [line for line in lines if "and pair" in line or "pear of" in line]
    assert not [line for line in lines if "a apple" in line]


def test_answers(tmp_path):
    share, comparable, code = exercises(tmp_path)
    assert share.value == pytest.approx(3 / 4)
    assert comparable.solution == "b"
    assert perplexity([1 / 8] * 5) == pytest.approx(8) and code.judge(code.solution).right
