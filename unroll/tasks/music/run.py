"""A run that writes tunes: ABC, MIDI, sound and picture."""

from __future__ import annotations

from typing import Any

from unroll.errors import UserError
from unroll.tasks.music.abc_bars import abc_score
from unroll.tasks.music.abc_generation import generate_tune
from unroll.tasks.music.abc_writer import score_abc
from unroll.tasks.music.midi import in_bytes, midi_file, midi_score, score_midi
from unroll.tasks.music.midi_generation import generate_midi
from unroll.tasks.music.piano_roll import piano_roll
from unroll.tasks.music.preprocessor import MIDI
from unroll.tasks.music.score import Score
from unroll.tasks.music.synthesiser import wav
from unroll.tasks.run import Run

ENDINGS = (".abc", ".mid", ".wav", ".svg")


class MusicRun(Run):
    """A trained model of tunes with its folder.

    Attributes: those of `Run`.
    """

    @property
    def notation(self) -> str:
        """What it has learned: abc or midi."""
        notation: str = self.preprocessor.notation
        return notation

    def generate(self, prompt: str = "", length: int = 400, **sampling: Any) -> str:
        """A new tune: in ABC, or as words of MIDI where it has learned MIDI.

        prompt: fields of its header, such as "M:6/8 K:G". length: tokens after which it is brought
        to its end. sampling: temperature, top_k, top_p, seed.
        """
        write = generate_midi if self.notation == MIDI else generate_tune
        return write(self.model, self.preprocessor, prompt, length=length, **sampling)

    def score(self, tune: str) -> Score:
        """What a tune of this run sounds like."""
        return midi_score(tune) if self.notation == MIDI else abc_score(tune)

    def rendered(self, tune: str, ending: str) -> bytes:
        """A tune as the bytes of a file.

        ending: .abc, .mid, .wav (sound) or .svg (a piano roll).
        Raises: UserError for another one.
        """
        check_ending(ending)
        if ending == ".abc":
            return (score_abc(self.score(tune)) if self.notation == MIDI else tune).encode()
        if ending == ".mid":
            midi = midi_file(tune) if self.notation == MIDI else score_midi(self.score(tune))
            return in_bytes(midi)
        if ending == ".wav":
            return wav(self.score(tune))
        return piano_roll(self.score(tune)).encode()


def check_ending(ending: str) -> None:
    """Raises: UserError where no such file can be written."""
    if ending not in ENDINGS:
        raise UserError(
            f"--out got a name that ends in {ending or 'nothing'}; expected {', '.join(ENDINGS)}."
        )
