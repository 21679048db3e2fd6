"""MIDI: event for event, moved, bad files, and scores there and back."""

from pathlib import Path

import pytest

mido = pytest.importorskip("mido")

from unroll.data.problems import Problems  # noqa: E402
from unroll.errors import UserError  # noqa: E402
from unroll.tasks.music.midi import (  # noqa: E402
    midi_to_words,
    midi_tunes,
    transpose_midi,
    words_to_midi,
)
from unroll.tasks.music.midi_score import midi_bytes  # noqa: E402

NOTTINGHAM = Path(__file__).parents[4] / "shared" / "data" / "music" / "nottingham"


def events(file):
    return [[(event.type, event.time, event.bytes()) for event in t] for t in file.tracks]


def everything():
    """Two tracks, channels, drums, velocities, running notes, sysex, text, an unknown event."""
    message, meta = mido.Message, mido.MetaMessage
    first = [
        meta("track_name", name="Caf\xe9"),
        meta("set_tempo", tempo=400_000),
        meta("time_signature", numerator=6, denominator=8),
        meta("key_signature", key="Bb"),
        mido.UnknownMetaMessage(0x60, data=[1, 2, 3]),
        message("sysex", data=[1, 2, 3]),
        meta("end_of_track", time=7),
    ]
    second = [
        message("program_change", program=5, channel=3),
        message("note_on", note=60, velocity=100, channel=3),
        message("note_on", note=60, velocity=0, time=480, channel=3),
        message("note_on", note=35, velocity=70, channel=9),
        message("note_off", note=35, velocity=12, time=5, channel=9),
        message("pitchwheel", pitch=-100, channel=3),
        message("control_change", control=7, value=90, time=3),
        meta("end_of_track"),
    ]
    tracks = [mido.MidiTrack(first), mido.MidiTrack(second)]
    return mido.MidiFile(type=1, ticks_per_beat=480, tracks=tracks)


def test_every_event_comes_back(tmp_path):
    file = everything()
    text = midi_to_words(file)
    again = words_to_midi(text)
    assert events(again) == events(file) and midi_to_words(again) == text
    file.save(tmp_path / "a.mid")
    (tune,) = midi_tunes(tmp_path / "a.mid", "a.mid", Problems())
    assert events(words_to_midi(tune.text)) == events(mido.MidiFile(tmp_path / "a.mid"))


def test_moving_leaves_drums_and_takes_the_key_along():
    text = midi_to_words(everything())
    moved = transpose_midi(text, 2)
    assert "n62" in moved and "n35" in moved and "xff590200" in moved  # from Bb to C
    assert transpose_midi(moved, -2) == text
    with pytest.raises(ValueError):
        transpose_midi(text, 70)


@pytest.mark.parametrize("cut", [0, 3, 10, 20, 40])
def test_a_file_that_is_cut_off_is_a_sentence(tmp_path, cut):
    (tmp_path / "a.mid").write_bytes(midi_bytes(everything())[:cut])
    with pytest.raises(UserError, match="not a complete MIDI file"):
        list(midi_tunes(tmp_path / "a.mid", "a.mid", Problems()))
    problems = Problems(skip=True)
    assert not list(midi_tunes(tmp_path / "a.mid", "a.mid", problems)) and problems.count == 1


def test_a_file_without_notes_and_words_that_are_none(tmp_path):
    (tmp_path / "a.mid").write_bytes(midi_bytes(mido.MidiFile(tracks=[mido.MidiTrack()])))
    with pytest.raises(UserError, match="has no notes"):
        list(midi_tunes(tmp_path / "a.mid", "a.mid", Problems()))
    for text in ("hello", "1/480\nn300\n", "1/480\nq7\n", "1/480\nxzz\n"):
        with pytest.raises(UserError, match="not MIDI in words"):
            words_to_midi(text)


def test_files_without_beats_or_with_a_key_that_is_none(tmp_path):
    whole = midi_bytes(words_to_midi("1/480\nxff59020100 v90 n60 +480 o60 xff2f00\n"))
    for data, sentence in (
        (whole[:12] + b"\0\0" + whole[14:], "0 ticks per quarter note"),
        (whole[:12] + b"\xe7\x28" + whole[14:], "not in seconds"),
        (whole.replace(b"\xff\x59\x02\x01", b"\xff\x59\x02\x40"), "not a complete MIDI file"),
    ):
        path = tmp_path / "t.mid"
        path.write_bytes(data)
        problems = Problems(skip=True)
        assert not list(midi_tunes(path, "t.mid", problems)) and sentence in problems.messages()[1]
