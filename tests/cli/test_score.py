"""`unroll score` and `unroll next` on a small run."""

import json
import math

import pytest

from unroll.cli.score import visible


def test_a_score_adds_up_over_its_tokens(place, printed):
    text = "the apple"
    got = json.loads(printed("score", "runs/poems", text, "--json").out)
    assert [row["token"] for row in got["tokens"]] == list(text)
    total = sum(row["log_probability"] for row in got["tokens"])
    assert got["log_probability"] == pytest.approx(total)
    assert got["perplexity"] == pytest.approx(math.exp(-total / len(text)))
    assert "perplexity" in printed("score", "runs/poems", text).out


def test_a_file_is_scored_line_by_line(place, printed):
    (place / "lines.txt").write_text("the sky\nthe pear\n")
    out = printed("score", "runs/poems", "--file", "lines.txt", "--json").out
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["the sky", "the pear"]


def test_blank_lines_are_skipped_and_counted(place, printed):
    (place / "gaps.txt").write_text("the sky\n\nthe pear\n")
    got = printed("score", "runs/poems", "--file", "gaps.txt", "--json")
    assert len(got.out.splitlines()) == 2 and "1 blank line has no score." in got.err


def test_next_gives_the_most_likely_tokens_in_order(place, printed):
    got = json.loads(printed("next", "runs/poems", "the clou", "--top", 10, "--json").out)
    shares = [row["probability"] for row in got["next"]]
    assert len(shares) == 10 and shares == sorted(shares, reverse=True) and sum(shares) <= 1.0001


def test_spaces_and_line_ends_are_visible():
    assert [visible(token) for token in ("a", " ", "\n", "a ", "")] == [
        "a", "' '", r"'\n'", "'a '", "''",
    ]  # fmt: skip


def test_several_texts_are_compared(place, printed):
    texts = ["the apple and pear", "the apple and pair"]
    got = json.loads(printed("score", "runs/poems", *texts, "--json").out)
    assert got["comparisons"][0]["parts_after"] == "the apple and p"
    assert "is likelier than" in printed("score", "runs/poems", *texts).out
    printed("score", "runs/poems", *texts, "--out", "scores.html", "--overwrite")
    assert "likelier" in (place / "scores.html").read_text()


@pytest.mark.parametrize("words", [("--svg", "a.svg"), ("--beside", "runs/poems")])
def test_a_flag_of_comparisons_needs_something_to_compare(place, printed, words):
    err = printed("score", "runs/poems", "the sky", *words, code=2).err
    assert "given twice" in err or "is for a comparison" in err
    assert (
        "is for a comparison" in printed("score", "runs/poems", "--file", "a", *words, code=2).err
    )


def test_next_shows_what_is_drawn_at_temperatures(place, printed):
    words = ["next", "runs/poems", "the clou", "--temperature", "0.5,2", "--top", 2]
    got = json.loads(printed(*words, "--json").out)
    assert [each["temperature"] for each in got["temperatures"]] == [0.5, 2]
    assert "temperature 0.5" in printed(*words).out
    assert "expected numbers" in printed(*words[:4], "warm", code=2).err


def test_a_missing_word_needs_a_run_of_words(place, printed):
    words = ["next", "runs/poems", "the ___ sky", "--missing"]
    assert "--level word" in printed(*words, code=2).err
    assert "draws nothing" in printed(*words, "--top-k", 3, code=2).err
