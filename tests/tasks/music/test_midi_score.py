"""Scores as MIDI files and back; MIDI of another program agrees with the notation."""

import io
from pathlib import Path

import pytest

mido = pytest.importorskip("mido")

from unroll.data.problems import Problems  # noqa: E402
from unroll.tasks.music.abc import abc_tunes, field_value  # noqa: E402
from unroll.tasks.music.abc_playback import abc_score  # noqa: E402
from unroll.tasks.music.midi import midi_to_words, midi_tunes, words_to_midi  # noqa: E402
from unroll.tasks.music.midi_score import midi_bytes, midi_score, score_to_midi  # noqa: E402

NOTTINGHAM = Path(__file__).parents[4] / "shared" / "data" / "music" / "nottingham"


def events(file):
    return [[(event.type, event.time, event.bytes()) for event in t] for t in file.tracks]


def test_a_score_written_and_read_is_the_same():
    score = abc_score("X:1\nT:A\nM:6/8\nL:1/8\nQ:3/8=90\nK:Am\nE|A2B c>de-|e6||\n")
    again = midi_score(
        midi_to_words(mido.MidiFile(file=io.BytesIO(midi_bytes(score_to_midi(score)))))
    )
    assert again.notes == score.notes and again.metre == (6, 8) and again.minor
    assert again.tempos[0][1] == pytest.approx(135, rel=1e-5) and again.length == score.length


@pytest.mark.skipif(not NOTTINGHAM.exists(), reason="../shared/data is not there")
def test_nottingham_files_come_back_and_agree_with_the_notation():
    folder = NOTTINGHAM / "MIDI" / "melody"
    for path in sorted(folder.glob("*.mid"))[::40]:
        (tune,) = midi_tunes(path, path.name, Problems())
        assert events(words_to_midi(tune.text)) == events(mido.MidiFile(path))
    # another program wrote these from the same ABC
    agree = 0
    path = NOTTINGHAM / "ABC_cleaned" / "jigs.abc"
    for tune in list(abc_tunes(path, path.name, Problems()))[:60]:
        ours = abc_score(tune.text)
        (other,) = midi_tunes(folder / f"jigs{field_value(tune.text, 'X')}.mid", "", Problems())
        theirs = midi_score(other.text)
        agree += [n.pitch for n in ours.notes] == [n.pitch for n in theirs.notes]
    assert agree > 25  # it plays some repeats and accidentals otherwise
