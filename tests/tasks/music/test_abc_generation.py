"""Tunes from networks that have learned nothing: they parse, and their bars add up."""

import pytest
import torch

from unroll.errors import UserError
from unroll.models.language import LanguageModel
from unroll.tasks.music.abc import field_value
from unroll.tasks.music.abc_bars import read_bars
from unroll.tasks.music.abc_generation import generate_tune
from unroll.tasks.music.midi_generation import generate_midi
from unroll.tasks.music.midi_score import midi_score
from unroll.tasks.music.preprocessor import MusicPreprocessor

BOOK = [
    'X:1\nT:One more\nS:Trad\nM:6/8\nL:1/8\nK:G\nd|:"G"G2B "D7"(3ABc d|\\\nB3/2A/2G G3:|\nP:B\n'
    "|:e|^c2z =c2B,||d4 _e2::f2 g4|[1A6:|[2G6|]\n",
    "X:2\nT:Two\n% a remark\nM:4/4\nL:1/4\nK:Am\nA/4|e>d c-c|B//A// (3cde f'3||\n",
    "X:3\nT:Three\nR:Waltz\nM:3/4\nK:D\nF2|A4 d2|z6|f3 g a2:|\n",
]
PREPROCESSOR = MusicPreprocessor.learn(BOOK * 2, "abc", 1)
POOR = MusicPreprocessor.learn(
    ["X:1\nK:C\nCDE\n"] * 2, "abc", 1
)  # no bar line, no length, no metre
WORDS = MusicPreprocessor.learn(
    ["1/480\nxff580403021808 xff59020100 v90 n60 +240 o60 n64 n67 +480 o64 +1 o67 +959 xff2f00\n"]
    * 2,
    "midi",
    1,
)


def untrained(preprocessor, seed, sure=1.0):
    """A network of chance; `sure`: how much it prefers some tokens."""
    torch.manual_seed(seed)
    network = LanguageModel(len(preprocessor), 8, 8)
    network.weight.data *= sure
    network.bias.data.normal_(0, sure)
    return network


def check_bars(tune):
    """Every bar is whole but the pickup; one that is cut at a part's end is completed by the next
    part, or by the pickup."""
    (bars,) = read_bars(tune)
    whole = bars[0].capacity
    pickup = bars[0].length if bars[0].length < whole else 0
    assert bars[0].length <= whole
    cut = False
    for bar in bars[1:]:
        if cut:
            assert bar.length == pickup
            cut = False
        elif bar.length != whole:
            assert pickup and bar.length == whole - pickup and bar.ends_part
            cut = True
    assert bars[-1].ends_part
    opens = 0
    for bar in bars:  # no repeat is left open, none opened twice
        opens += bar.opens.endswith(":") and not (bar is not bars[0] and bar.opens.startswith(":"))
        opens -= bar.closes.startswith(":") and opens
        assert opens in (0, 1)


@pytest.mark.parametrize("seed", range(40))
def test_bars_add_up_whatever_the_network_says(seed):
    prompt = ["", "K:G", "M:9/8 K:Bm", "M:5/4\nL:1/16\nK:D"][seed % 4]
    network = untrained(PREPROCESSOR, seed, sure=(0.3, 1.0, 4.0)[seed % 3])
    tune = generate_tune(network, PREPROCESSOR, prompt, length=60, seed=seed)
    assert tune.startswith("X:1\n") and tune.endswith("\n")
    for letter in "TMK":
        assert field_value(tune, letter)
    if seed % 4:
        assert field_value(tune, "K") == prompt.split("K:")[1]
    check_bars(tune)


@pytest.mark.parametrize("seed", range(6))
def test_a_book_without_bar_lines_is_enough(seed):
    tune = generate_tune(untrained(POOR, seed), POOR, "M:3/8", length=20, seed=seed)
    check_bars(tune)
    assert field_value(tune, "M") == "3/8" and any(note in tune for note in "CDE")


@pytest.mark.parametrize("prompt", ["M:7/16 L:1/4", "M:64/8", "M:3/64 K:D", "L:1/128 M:4/4"])
def test_bars_that_no_length_fits_are_filled_by_notes(prompt):
    plain = MusicPreprocessor.learn(["X:1\nM:4/4\nL:1/4\nK:C\nCDE2|\n"] * 2, "abc", 1)
    for seed in range(4):
        tune = generate_tune(untrained(plain, seed), plain, prompt, length=20, seed=seed)
        check_bars(tune)
        assert any(sound.pitches for bar in read_bars(tune)[0] for sound in bar.sounds)


def test_a_seed_is_a_tune_and_the_prompt_is_kept():
    network = untrained(PREPROCESSOR, 1)
    prompt = "T:Mine\nM:4/4\nL:1/4\nK:D\nA|d2"
    one, two = (generate_tune(network, PREPROCESSOR, prompt, seed=5, length=30) for _ in range(2))
    assert one == two != generate_tune(network, PREPROCESSOR, prompt, seed=6, length=30)
    assert field_value(one, "T") == "Mine" and "K:D\nA|d2" in one
    check_bars(one)


@pytest.mark.parametrize(
    ("prompt", "said"),
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
def test_prompts_that_cannot_be_followed(prompt, said):
    with pytest.raises(UserError, match=said):
        generate_tune(untrained(PREPROCESSOR, 0), PREPROCESSOR, prompt, length=10)


@pytest.mark.parametrize("seed", range(12))
def test_midi_ends_with_a_whole_bar_and_no_note_sounding(seed):
    prompt = ("", "M:6/8 K:Am", "M:5/64", "M:64/8")[seed % 4]
    text = generate_midi(untrained(WORDS, seed), WORDS, prompt, length=40, seed=seed)
    score = midi_score(text)
    assert score.notes and score.length % score.bar == 0
    assert all(note.length > 0 for note in score.notes)
    if prompt:
        metre, _, key = prompt.removeprefix("M:").partition(" ")
        assert "/".join(map(str, score.metre)) == metre and score.minor == bool(key)
    assert text.count("n") == text.count("o")


def test_midi_prompts():
    with pytest.raises(UserError, match="a key and a metre"):
        generate_midi(untrained(WORDS, 0), WORDS, "T:Mine K:G")
