"""A run of the task music: it also writes tunes, as ABC, MIDI, sound and picture."""

from __future__ import annotations

from unroll.errors import UserError
from unroll.models.language import LanguageModel
from unroll.models.mixture import MixedLanguageModel
from unroll.tasks.music.abc_generation import generate_tune
from unroll.tasks.music.abc_playback import abc_score
from unroll.tasks.music.abc_writer import score_to_abc
from unroll.tasks.music.midi import words_to_midi
from unroll.tasks.music.midi_generation import generate_midi
from unroll.tasks.music.midi_score import midi_bytes, midi_score, score_to_midi
from unroll.tasks.music.piano_roll import piano_roll
from unroll.tasks.music.preprocessor import MIDI, MusicPreprocessor
from unroll.tasks.music.score import Score
from unroll.tasks.music.settings import MusicSettings
from unroll.tasks.music.synthesiser import score_to_wav
from unroll.tasks.music.token_writer import TokenWriter
from unroll.tasks.run import Run

ENDINGS = (".abc", ".mid", ".wav", ".svg")


class MusicRun(Run):
    """A trained model of tunes with its folder.

    Attributes: those of `Run`.
    """

    settings: MusicSettings
    preprocessor: MusicPreprocessor
    model: LanguageModel

    @property
    def notation(self) -> str:
        """The notation of its training set: abc or midi."""
        return self.preprocessor.notation

    # a tune has no condition and no unknown words
    def generate(  # type: ignore[override]
        self,
        prompt: str = "",
        length: int = 400,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> str:
        """Generate a tune: in ABC, or as words of MIDI where the run was trained on MIDI.

        Args:
            prompt: fields of its header, such as "M:6/8 K:G".
            length: tokens after which it is brought to its end.
            temperature: divides the logits; 0 always takes the most likely token.
            top_k: draw from so many most likely tokens; 0 for all.
            top_p: draw from the most likely tokens that have this share of the probability.
            seed: of the draws; None for another tune each time.

        Raises:
            UserError: for a prompt or a number that cannot be used.
        """
        floor = self.preprocessor.floor
        predictor = self.model if floor is None else MixedLanguageModel(self.model, floor)
        writer = TokenWriter(
            predictor, self.preprocessor, length=length, temperature=temperature, top_k=top_k,
            top_p=top_p, seed=seed,
        )  # fmt: skip
        return (
            generate_midi(writer, prompt)
            if self.notation == MIDI
            else generate_tune(writer, prompt)
        )

    # the other meaning of the word: notes
    def score(self, tune: str) -> Score:  # type: ignore[override]
        """The notes of a tune of this run with their times."""
        return midi_score(tune) if self.notation == MIDI else abc_score(tune)

    def render(self, tune: str, ending: str) -> bytes:
        """A tune as the bytes of a file.

        Args:
            tune: as `generate` returns it.
            ending: .abc, .mid, .wav (sound) or .svg (a piano roll).

        Raises:
            UserError: for another ending.
        """
        check_ending(ending)
        if ending == ".abc":
            return (score_to_abc(self.score(tune)) if self.notation == MIDI else tune).encode()
        if ending == ".mid":
            is_midi = self.notation == MIDI
            return midi_bytes(words_to_midi(tune) if is_midi else score_to_midi(self.score(tune)))
        if ending == ".wav":
            return score_to_wav(self.score(tune))
        return piano_roll(self.score(tune)).encode()


def check_ending(ending: str) -> None:
    """Check that a tune can be written to a file with this ending.

    Raises:
        UserError: where it cannot.
    """
    if ending not in ENDINGS:
        raise UserError(
            f"--out got a name that ends in {ending or 'nothing'}; expected {', '.join(ENDINGS)}."
        )
