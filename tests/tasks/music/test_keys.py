"""Keys: transposing there and back gives the same text."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.data.problems import Problems
from unroll.tasks.music.abc import abc_tunes, field_value, split_pieces
from unroll.tasks.music.abc_playback import abc_score
from unroll.tasks.music.keys import (
    LETTERS,
    CannotTranspose,
    Interval,
    Key,
    interval_between,
    parse_key,
    transpose_chord,
    transpose_tune,
)

HEAD = "X:1\nT:A\nM:4/4\nL:1/8\nK:{}\n"


PARTS = st.sampled_from(
    [*'| || |: :| :: [1 [2 "G" "D7/f+" "Bbm" "^soft" A ^c _B, =f z 2 3/2 / // (3 > <'.split(),
     *"{ } [ ] - ~".split(), "f'", "!trill!", " ", " K:D\n", "[M:3/4]", " %x\n", "\\\n", "\n", "P:A\n"]
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(PARTS, max_size=30), st.sampled_from("G D A Am Em F Dm Bb Gm".split()), st.data())
def test_there_and_back_is_the_same_text(parts, key, data):
    tune = HEAD.format(key) + "".join(parts) + "\n"
    old = parse_key(key)
    target = data.draw(st.sampled_from(LETTERS))
    by = interval_between(old, Key(LETTERS.index(target), 0, old.mode))
    try:
        new = transpose_tune(tune, by)
    except CannotTranspose:
        return
    assert transpose_tune(new, Interval(-by.steps, -by.semitones)) == tune
    # and every note sounds as much higher
    before, after = abc_score(tune).notes, abc_score(new).notes
    assert [note.pitch + by.semitones for note in before] == [note.pitch for note in after]


def test_accidentals_are_respelled_for_the_new_key():
    tune = HEAD.format("G") + '"D7/f+"=f^G_B^f|'
    moved = transpose_tune(tune, Interval(1, 2))  # to A, where g is sharp
    assert moved == HEAD.format("A") + '"E7/g+"=g^A=c^g|'
    with pytest.raises(CannotTranspose):
        transpose_tune(HEAD.format("none") + "A", Interval(1, 2))
    with pytest.raises(CannotTranspose):
        transpose_chord('"Fine"', Interval(1, 2))


def test_keys():
    names = {"G": 1, "Am": 0, "Bb": -2, "F#m": 3, "D mixolydian": 1, "Ador": 1, "C#": 7}
    assert {name: parse_key(name).fifths for name in names} == names
    assert parse_key("none") is None and parse_key("HP") is None


NOTTINGHAM = Path(__file__).parents[4] / "shared" / "data" / "music" / "nottingham"


@pytest.mark.skipif(not NOTTINGHAM.exists(), reason="../shared/data is not there")
def test_every_nottingham_tune_survives_and_moves():
    count = moves = 0
    for path in sorted((NOTTINGHAM / "ABC_cleaned").glob("*.abc")):
        whole = path.read_text()
        for tune in abc_tunes(path, path.name, Problems()):
            count += 1
            assert tune.text in whole + "\n"
            assert "".join(piece.text for piece in split_pieces(tune.text)) == tune.text
            if count % 8 == 0:
                key = parse_key(field_value(tune.text, "K"))
                by = interval_between(key, Key((key.letter + 3) % 7, 0, key.mode))
                try:
                    new = transpose_tune(tune.text, by)
                except CannotTranspose:
                    continue
                assert transpose_tune(new, Interval(-by.steps, -by.semitones)) == tune.text
                moves += 1
    assert count == 1034 and moves > 100
