"""MIDI from networks that have learned nothing: the last bar is complete, every note ends."""

import pytest

from unroll.errors import UserError
from unroll.tasks.music.midi_generation import generate_midi
from unroll.tasks.music.midi_score import midi_score
from unroll.tasks.music.token_writer import TokenWriter


@pytest.mark.parametrize("seed", range(12))
def test_midi_ends_with_a_whole_bar_and_no_note_sounding(seed, midi, untrained):
    prompt = ("", "M:6/8 K:Am", "M:5/64", "M:64/8")[seed % 4]
    text = generate_midi(TokenWriter(untrained(midi, seed), midi, length=40, seed=seed), prompt)
    score = midi_score(text)
    assert score.notes and score.length % score.bar == 0
    assert all(note.length > 0 for note in score.notes)
    if prompt:
        metre, _, key = prompt.removeprefix("M:").partition(" ")
        assert "/".join(map(str, score.metre)) == metre and score.minor == bool(key)
    assert text.count("n") == text.count("o")


def test_midi_prompts(midi, untrained):
    with pytest.raises(UserError, match="a key and a metre"):
        generate_midi(TokenWriter(untrained(midi, 0), midi), "T:Mine K:G")
