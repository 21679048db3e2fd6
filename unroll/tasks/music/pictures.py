"""What a model of tunes shows: tunes as piano rolls, one of the data and one that begins as it does."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.data.split import evenly_spread
from unroll.errors import UserError
from unroll.models.language import LanguageModel
from unroll.models.mixture import MixedLanguageModel
from unroll.tasks.base import Progress
from unroll.tasks.music.abc import field_value
from unroll.tasks.music.abc_generation import generate_tune
from unroll.tasks.music.abc_playback import abc_score
from unroll.tasks.music.metrics import TrainedMusic, mixture_nats, tune_evidence
from unroll.tasks.music.midi_generation import generate_midi
from unroll.tasks.music.midi_score import midi_score
from unroll.tasks.music.preprocessor import MIDI
from unroll.tasks.music.reader import MusicData
from unroll.tasks.music.score import Score
from unroll.tasks.music.token_writer import TokenWriter
from unroll.tasks.pictures import (
    NoteRoll,
    NoteRolls,
    PredictedText,
    TaskPicture,
    TextSample,
    mean_by_place,
)

SEED, TEMPERATURE = 1, 1.0
LENGTH = 300  # tokens of a tune, at most
BARS = 16  # of a tune that are shown
TUNES = 40  # whose surprise is measured
SHOWN = 400  # tokens of a tune whose surprise is shown


def shown_tunes(
    trained: TrainedMusic, data: MusicData, progress: Progress
) -> Iterator[TaskPicture]:
    """A tune of the validation set beside one that the run writes in its metre and key; its surprise.

    Args:
        trained: the model.
        data: with the n-grams of the training set, where there are some.
        progress: called with the share that is done.
    """
    tune = data.valid[0].text
    is_midi = trained.preprocessor.notation == MIDI
    prompt = "" if is_midi else header_prompt(tune)
    read = midi_score if is_midi else abc_score
    rolls = [note_roll(read(tune), "of the validation set")]
    written = write_tune(trained, prompt)
    try:
        rolls.append(note_roll(read(written), "written by the run"))
    except UserError:  # a network that has learned little may write what has no notes
        rolls.append(NoteRoll("written by the run: no notes that can be played", [], 4.0))
    yield NoteRolls(rolls, prompt, TEMPERATURE, SEED)
    yield surprise_of_tunes(trained, data, written, prompt, progress)


def header_prompt(tune: str) -> str:
    """Metre and key of a tune in ABC, as a prompt."""
    fields = ((letter, field_value(tune, letter)) for letter in ("M", "K"))
    return " ".join(f"{letter}:{value.split()[0]}" for letter, value in fields if value)


def write_tune(trained: TrainedMusic, prompt: str) -> str:
    """A tune that the run writes; without the prompt where it cannot be used."""
    floor = trained.preprocessor.floor
    model: LanguageModel = trained.model.eval()
    predictor = model if floor is None else MixedLanguageModel(model, floor)
    for given in (prompt, ""):
        writer = TokenWriter(
            predictor, trained.preprocessor, length=LENGTH, temperature=TEMPERATURE, top_k=0,
            top_p=1.0, seed=SEED,
        )  # fmt: skip
        write = generate_midi if trained.preprocessor.notation == MIDI else generate_tune
        try:
            return write(writer, given)
        except UserError:
            if not given:
                raise
    return ""


def note_roll(score: Score, what: str) -> NoteRoll:
    """The first bars of a score."""
    end = BARS * score.bar
    notes = [
        (float(note.start), float(note.length), note.pitch)
        for note in score.notes
        if note.start < end
    ]
    return NoteRoll(f"{score.title or 'A tune'}, {what}", notes, float(score.bar))


def surprise_of_tunes(
    trained: TrainedMusic, data: MusicData, written: str, prompt: str, progress: Progress
) -> PredictedText:
    """The surprise of the tokens of tunes of the validation set, by place and of one tune."""
    tunes = [data.valid[k].text for k in evenly_spread(len(data.valid), TUNES)]
    preprocessor = trained.preprocessor
    evidence = tune_evidence(trained.model, tunes, preprocessor, trained.device, progress)
    nats = mixture_nats(trained.model, evidence)
    loss = {"this run": mean_by_place(nats)}
    if preprocessor.floor is not None:
        loss["network alone"] = mean_by_place([-each.network for each in evidence])
    tokens = [
        preprocessor.bytes_of(int(id)).decode("utf-8", "replace")
        for id in preprocessor.encode(tunes[0])
    ][:SHOWN]
    return PredictedText(
        samples=[TextSample(TEMPERATURE, prompt, written)],
        tokens=tokens,
        nats=nats[0][: len(tokens)].tolist(),
        loss=loss,
        windows=len(tunes),
        unit="tokens",
    )
