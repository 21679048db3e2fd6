"""Tunes from networks that have learned nothing: they parse, and their bars add up."""

import pytest

from unroll.errors import UserError
from unroll.tasks.music.abc import field_value
from unroll.tasks.music.abc_bars import read_bars
from unroll.tasks.music.abc_generation import generate_tune
from unroll.tasks.music.preprocessor import MusicPreprocessor
from unroll.tasks.music.token_writer import TokenWriter


@pytest.mark.parametrize("seed", range(40))
def test_bars_add_up_whatever_the_network_says(seed, abc, untrained, check_bars):
    prompt = ["", "K:G", "M:9/8 K:Bm", "M:5/4\nL:1/16\nK:D"][seed % 4]
    network = untrained(abc, seed, sure=(0.3, 1.0, 4.0)[seed % 3])
    tune = generate_tune(TokenWriter(network, abc, length=60, seed=seed), prompt)
    assert tune.startswith("X:1\n") and tune.endswith("\n")
    for letter in "TMK":
        assert field_value(tune, letter)
    if seed % 4:
        assert field_value(tune, "K") == prompt.split("K:")[1]
    check_bars(tune)


@pytest.mark.parametrize("seed", range(6))
def test_a_book_without_bar_lines_is_enough(seed, untrained, check_bars):
    # no bar line, no length, no metre
    poor = MusicPreprocessor.learn(["X:1\nK:C\nCDE\n"] * 2, "abc", 1)
    tune = generate_tune(TokenWriter(untrained(poor, seed), poor, length=20, seed=seed), "M:3/8")
    check_bars(tune)
    assert field_value(tune, "M") == "3/8" and any(note in tune for note in "CDE")


@pytest.mark.parametrize("prompt", ["M:7/16 L:1/4", "M:64/8", "M:3/64 K:D", "L:1/128 M:4/4"])
def test_bars_that_no_length_fits_are_filled_by_notes(prompt, untrained, check_bars):
    plain = MusicPreprocessor.learn(["X:1\nM:4/4\nL:1/4\nK:C\nCDE2|\n"] * 2, "abc", 1)
    for seed in range(4):
        tune = generate_tune(
            TokenWriter(untrained(plain, seed), plain, length=20, seed=seed), prompt
        )
        check_bars(tune)
        assert any(sound.pitches for bar in read_bars(tune)[0] for sound in bar.sounds)


def test_a_seed_is_a_tune_and_the_prompt_is_kept(abc, untrained, check_bars):
    network = untrained(abc, 1)
    prompt = "T:Mine\nM:4/4\nL:1/4\nK:D\nA|d2"
    one, two = (
        generate_tune(TokenWriter(network, abc, seed=5, length=30), prompt) for _ in range(2)
    )
    assert one == two != generate_tune(TokenWriter(network, abc, seed=6, length=30), prompt)
    assert field_value(one, "T") == "Mine" and "K:D\nA|d2" in one
    check_bars(one)


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("hello", "expected fields of ABC"),
        ("K:H", "expected a key"),
        ("K:G#", "at most seven sharps"),
        ("K:G K:D", "K: twice"),
        ("M:good", "expected a metre"),
        ("M:300/4", "expected a metre"),
        ("M:4/6", "expected a metre"),
        ("Q:1/4=0", "expected a tempo"),
        ("X:one", "a whole number"),
        ("T:|A2|", "expected other words"),
        ("L:4", "such as 1/8"),
        ("M:2/4\nL:1/4\nK:G\nA3", "cannot write it"),
        ("K:G\n[CEG]", "cannot write it"),
    ],
)
def test_prompts_that_cannot_be_followed(prompt, sentence, abc, untrained):
    with pytest.raises(UserError, match=sentence):
        generate_tune(TokenWriter(untrained(abc, 0), abc, length=10), prompt)
