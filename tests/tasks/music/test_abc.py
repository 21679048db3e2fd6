"""ABC: pieces without loss, keys and transposition, bars and what is played."""

import gzip
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.music.abc import abc_tunes, field_value, split_pieces
from unroll.tasks.music.abc_bars import odd_bars, read_bars
from unroll.tasks.music.abc_playback import abc_score, unfold_repeats
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


def tunes(text, path, skip=False):
    path.write_text(text)
    problems = Problems(skip)
    return list(abc_tunes(path, path.name, problems)), problems


@settings(max_examples=60)
@given(st.text(max_size=80))
def test_pieces_are_the_text_whatever_it_is(text):
    assert "".join(piece.text for piece in split_pieces(text)) == text


def test_a_line_of_notes_is_no_field():
    kinds = [piece.kind for piece in split_pieces("K:G\nG:|\nA::B|\n")]
    assert kinds[:3] == ["field", "note", "bar"] and "bar" in kinds[4:6]


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


def test_lengths_ties_triplets_and_broken_rhythm_add_up():
    (voice,) = read_bars(HEAD.format("C") + "A2>B2 (3cde f2-|f8|[CEG]4 z4|\n{g}A>B c<d e/f/g2e|")
    assert [bar.length for bar in voice] == [1, 1, 1, 1] and not odd_bars(voice)
    first = voice[0].sounds
    assert first[0].length == Fraction(3, 8) and first[1].length == Fraction(1, 8)
    assert first[2].length == Fraction(1, 12)
    notes = abc_score(HEAD.format("C") + "f2-|f2c|").notes
    assert [(float(n.start), float(n.length), n.pitch) for n in notes] == [(0, 2, 77), (2, 0.5, 72)]


def test_accidentals_last_until_the_bar_line():
    pitches = [note.pitch for note in abc_score(HEAD.format("G") + "F^GG=F F|G|").notes]
    assert pitches == [66, 68, 68, 65, 65, 67]


def test_repeats_and_endings_are_played():
    (voice,) = read_bars(HEAD.format("C") + "|:A8|[1B8:|[2c8||d8:|e8|]")
    played = "".join("ABcde"[voice.index(bar)] for bar in unfold_repeats(voice))
    assert played == "ABAcdde"
    (voice,) = read_bars(HEAD.format("C") + "c2|:A8|B8::d8|e6:|")
    assert "".join("cABde"[voice.index(bar)] for bar in unfold_repeats(voice)) == "cABABdede"


def test_voices_and_tempo():
    tune = "X:1\nM:2/4\nL:1/4\nQ:1/4=60\nK:C\nV:1\nCD|E2|\nV:2\nG2|c2|\n"
    score = abc_score(tune)
    assert len(score.notes) == 5 and score.length == 4 and score.seconds(score.length) == 4


def test_the_tunes_of_a_file(tmp_path):
    text = "% a book\n\nX:1\nT:One\nK:G\nGAB\n\n\nX:2\nT:Two\nK:D\n\nd2|]"
    found, _ = tunes(text, tmp_path / "two.abc")
    assert [tune.text for tune in found] == ["X:1\nT:One\nK:G\nGAB\n", "X:2\nT:Two\nK:D\n\nd2|]\n"]
    assert found[1].where == "two.abc, line 9" and field_value(found[1].text, "T") == "Two"


def test_bad_files_are_said_in_a_sentence(tmp_path):
    text = "X:1\nT:no key\nABC\nX:2\nK:G\n% nothing\nX:3\nK:G\nG|\n"
    with pytest.raises(UserError, match=r"line 1: the tune has no K: field"):
        tunes(text, tmp_path / "bad.abc")
    found, problems = tunes(text, tmp_path / "bad.abc", skip=True)
    assert len(found) == 1 and problems.count == 2
    assert "no notes" in " ".join(problems.messages())
    with pytest.raises(UserError, match="no tune in ABC"):
        tunes("hello\n", tmp_path / "no.abc")
    (tmp_path / "latin.abc").write_bytes("X:1\nT:Café\nK:G\nG\n".encode("latin-1"))
    with pytest.raises(UserError, match="iconv -f LATIN1"):
        list(abc_tunes(tmp_path / "latin.abc", "latin.abc", Problems()))


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


def test_a_line_that_is_not_text_spoils_its_tune_alone(tmp_path):
    one = "X:1\nT:A\nK:G\nGAB|\n"
    path = tmp_path / "old.abc"
    path.write_bytes(
        (one + one + one).encode().replace(b"T:A", b"T:\xe9", 2).replace(b"\xe9", b"A", 1)
    )
    problems = Problems(skip=True)
    assert len(list(abc_tunes(path, "old.abc", problems))) == 2
    assert "old.abc, line 6: not UTF-8" in problems.messages()[1]
    packed = tmp_path / "cut.abc.gz"
    packed.write_bytes(
        gzip.compress("".join(f"X:{n}\nK:G\n{n}G|\n" for n in range(9999)).encode())[:-999]
    )
    problems = Problems(skip=True)
    found = list(abc_tunes(packed, "cut.abc.gz", problems))
    assert problems.count == 1 and "not a complete gzip file" in problems.messages()[1]
    assert all(tune.text.endswith("G|\n") for tune in found)  # none that is cut
    with pytest.raises(UserError) as told:
        tunes("X:1\nGAB|\n\n" + one, tmp_path / "two.abc")
    assert str(told.value).count("--skip-bad") == 1
