"""Predictions for tunes: how probable each one is, and its least expected tokens."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from unroll.data.skipped import SkippedRecord
from unroll.errors import UserError
from unroll.tasks.music.abc import Tune, field_value
from unroll.tasks.music.metrics import UNITS, TrainedMusic, count_units, mixture_nats, tune_evidence

LEAST_EXPECTED = 5  # tokens that are listed


class UnexpectedToken(TypedDict):
    """A token of a tune that the model did not expect.

    Attributes:
        token: its text.
        nats: its negative log-probability.
        line: its line in the tune, from 1.
    """

    token: str
    nats: float
    line: int


class TunePrediction(TypedDict, total=False):
    """How probable a tune is; of a skipped record only `error`.

    Attributes:
        tune: its title, or "".
        where: its file and line, or "".
        nats: its negative log-probability.
        nats_per_character: the same for each character, of a run of ABC.
        nats_per_word: the same for each word, of a run of MIDI.
        tokens: how many tokens it has.
        least_expected: the five tokens with the highest nats.
        error: what is wrong with a skipped record.
    """

    tune: str
    where: str
    nats: float
    nats_per_character: float
    nats_per_word: float
    tokens: int
    least_expected: list[UnexpectedToken]
    error: str


def predict_tune(trained: TrainedMusic, given: object) -> TunePrediction:
    """How probable a tune is, and what in it was least expected.

    Args:
        trained: the run.
        given: the tune as text or from a file; or a skipped record.

    Raises:
        UserError: for something that is not a tune.
    """
    if isinstance(given, SkippedRecord):
        return {"error": str(given)}
    if isinstance(given, Tune):
        text, where = given.text, given.where
    elif isinstance(given, str):
        text, where = given, ""
    else:
        raise UserError(f"Got {type(given).__name__}; expected a tune, as text.")
    if not text.strip():
        raise UserError(f"Got {text!r}; expected a tune, as text.")
    text = text if text.endswith("\n") else text + "\n"
    preprocessor = trained.preprocessor
    evidence = tune_evidence(trained.model, [text], preprocessor, trained.device)
    (nats,) = mixture_nats(trained.model, evidence)
    ids = [int(id) for id in preprocessor.encode(text)]
    total = float(nats.sum())
    prediction: TunePrediction = {
        "tune": field_value(text, "T") or "",
        "where": where,
        "nats": total,
    }
    per_unit = total / count_units([text], preprocessor.notation)
    if UNITS[preprocessor.notation] == "character":
        prediction["nats_per_character"] = per_unit
    else:
        prediction["nats_per_word"] = per_unit
    prediction["tokens"] = len(ids)
    prediction["least_expected"] = least_expected(
        text, [preprocessor.bytes_of(id) for id in ids], nats
    )
    return prediction


def least_expected(text: str, tokens: list[bytes], nats: np.ndarray) -> list[UnexpectedToken]:
    """The tokens with the highest nats, the highest first.

    Args:
        text: the tune.
        tokens: its tokens in UTF-8 [N].
        nats: of each token [N] or more.
    """
    ends = np.cumsum([len(token) for token in tokens])
    encoded = text.encode()
    highest = sorted(range(len(tokens)), key=lambda k: -nats[k])[:LEAST_EXPECTED]
    return [
        {
            "token": tokens[k].decode("utf-8", "replace"),
            "nats": float(nats[k]),
            "line": encoded[: int(ends[k]) - 1].count(b"\n") + 1,
        }
        for k in highest
    ]


def format_tune_prediction(prediction: TunePrediction) -> str:
    """One line: nats per unit, the title or the file, the least expected tokens."""
    if "error" in prediction:
        return f"# skipped: {prediction['error']}"
    if "nats_per_word" in prediction:
        per_unit = f"{prediction['nats_per_word']:.3f} nats per word"
    else:
        per_unit = f"{prediction['nats_per_character']:.3f} nats per character"
    tokens = ", ".join(
        f"{(one['token'].strip() or one['token'])!r} in line {one['line']} ({one['nats']:.1f})"
        for one in prediction["least_expected"]
    )
    name = prediction["tune"] or prediction["where"]
    return f"{per_unit}\t{name}\tleast expected: {tokens}"
