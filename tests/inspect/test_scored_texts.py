"""Texts side by side: totals, where they part, and models of characters and of words."""

import math

import pytest

import unroll
from unroll.errors import UserError
from unroll.inspect.scored_texts import ScoredText, ScoredTexts, aligned, scores_of_texts

TEXT = "she ate a pear.\nhe had a pair of shoes.\n" * 60
A, B = "she ate a pear.", "she ate a pair."


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    (folder / "t.txt").write_text(TEXT)
    return [
        unroll.train(
            folder / "t.txt", out=folder / level, level=level, per_line=True, steps=3, hidden=8,
            threads=1, quiet=True,
        )
        for level in ("char", "word")
    ]  # fmt: skip


def test_the_scores_are_those_of_the_run_and_the_difference_is_theirs(runs):
    found = scores_of_texts(runs[0], [A, B])
    totals = [runs[0].score(text)["log_probability"] for text in (A, B)]
    assert [each.total for each in found.scored] == pytest.approx(totals)
    (comparison,) = found.as_dict()["comparisons"]
    assert comparison["likelier"] == A and comparison["parts_after"] == "she ate a p"
    assert comparison["nats"] == pytest.approx(totals[0] - totals[1])
    tokens = comparison["tokens"]
    total = sum(row["nats_of_likelier"] - row["nats_of_other"] for row in tokens)
    assert total == pytest.approx(comparison["nats"])
    assert "likelier" in found.text() and "ear" not in found.rows_from_parting(*found.scored)[1]
    assert found.rows_from_parting(*found.scored)[1][:3:2] == ["e", "a"]


def test_models_of_characters_and_words_meet_in_bits_per_character(runs):
    found = scores_of_texts(runs, [A])
    for each in found.scored:
        assert each.bits_per_character == pytest.approx(-each.total / math.log(2) / len(A))
        assert max(each.running) == len(A) and each.running[len(A)] == pytest.approx(each.total)
    assert len(found.verdicts()) == 1 and "Bits per character" in found.verdicts()[0]
    assert found.svg().count("polyline") + found.svg().count("<path") >= 2
    assert "nats" in found.csv().splitlines()[0] and A in found.html("unroll score")


def test_an_unknown_word_is_named(runs):
    found = scores_of_texts(runs[1], [A, "she ate a mango."])
    assert any("mango" in sentence and "<unk>" in sentence for sentence in found.verdicts())


def test_what_is_inserted_stands_beside_nothing():
    one = ScoredText("m", "a b", ["a", "b"], [-1.0, -2.0], [])
    other = ScoredText("m", "a c b", ["a", "c", "b"], [-1.0, -3.0, -2.5], [])
    assert aligned(one, other) == [
        ("a", -1.0, "a", -1.0), (None, None, "c", -3.0), ("b", -2.0, "b", -2.5),
    ]  # fmt: skip
    found = ScoredTexts("t", {}, [one, other])
    assert "by 3.50 nats, 33.1 times as likely" in found.verdicts()[0]
    same = ScoredTexts("t", {}, [one, ScoredText("m", "b a", ["b", "a"], [-2.0, -1.0], [])])
    assert "equally likely" in same.verdicts()[0]


def test_what_cannot_be_compared_is_refused(runs):
    for texts, of, why in (
        ([A], runs[0], "two texts, or two runs"),
        ([A, A], runs[0], "given twice"),
        ([A], [runs[0], runs[0]], "given twice"),
    ):
        with pytest.raises(UserError, match=why):
            scores_of_texts(of, texts)
