"""ABC as it is played: repeats, endings, accidentals, voices, tempo."""

from unroll.tasks.music.abc_bars import read_bars
from unroll.tasks.music.abc_playback import abc_score, unfold_repeats

HEAD = "X:1\nT:A\nM:4/4\nL:1/8\nK:{}\n"


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
