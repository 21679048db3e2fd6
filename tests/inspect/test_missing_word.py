"""The missing word by both sides."""

import math

import pytest

import unroll
from unroll.errors import UserError
from unroll.inspect.missing_word import missing_word

TEXT = "she ate a ripe pear\nshe wore a new pair\nhe ate a new pear\n" * 60


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("missing")
    (folder / "t.txt").write_text(TEXT)
    return {
        level: unroll.train(
            folder / "t.txt", out=folder / level, level=level, per_line=True, steps=3, hidden=8,
            threads=1, quiet=True,
        )
        for level in ("word", "char")
    }  # fmt: skip


def test_the_probability_is_that_of_the_whole_text_with_the_word(runs):
    run = runs["word"]
    found = missing_word(run, "she ___ a new pair", top=99)
    totals = {
        word: math.exp(run.score(f"she {word} a new pair")["log_probability"])
        for word in found.words
    }
    assert sum(found.both) == pytest.approx(1)
    expected = [totals[word] / sum(totals.values()) for word in found.words]
    assert found.both == pytest.approx(expected) and found.both == sorted(found.both, reverse=True)
    assert set(found.words) == set(TEXT.split())
    known = {row["token"]: row["probability"] for row in run.next("she ", 99)}
    assert found.before == pytest.approx([known[word] for word in found.words])
    assert "Missing is most likely" in found.text() and found.svg().startswith("<svg")
    assert found.as_dict()["words"][0]["word"] == found.words[0] and found.html("unroll next")


def test_what_has_no_missing_word_is_refused(runs):
    for level, text, why in (
        ("word", "she ate", "has 0 gaps"),
        ("word", "___ ate ___", "has 2 gaps"),
        ("char", "she ___ a", "--level word"),
    ):
        with pytest.raises(UserError, match=why):
            missing_word(runs[level], text)
