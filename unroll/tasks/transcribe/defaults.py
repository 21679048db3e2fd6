"""Values of the settings that the user left open."""

from __future__ import annotations

from unroll.tasks.base import MakeCell
from unroll.tasks.sizes import stack_output_size
from unroll.tasks.transcribe.decoding import check_search
from unroll.tasks.transcribe.language_scorer import check_level, language_model_level
from unroll.tasks.transcribe.people import are_known
from unroll.tasks.transcribe.perturbation import fitted_strengths
from unroll.tasks.transcribe.reader import TranscribeData
from unroll.tasks.transcribe.settings import TranscribeSettings
from unroll.training.budget import small_epochs

HIDDEN, EMBEDDING = 128, 128
# usual values; not tuned
DROPOUT, BATCH_SIZE = 0.3, 32
LEARNING_RATE = 3e-3  # of adamw
OTHER_LEARNING_RATE = 0.1  # of the other optimizers
EPOCHS = 40  # of a small data set
SMALL = 4_000_000  # frames, up to which all EPOCHS together are a small data set


def resolve_sizes(settings: TranscribeSettings, make_cell: MakeCell) -> TranscribeSettings:
    """Check the settings of the search, and set the sizes; each layer's cell is made once.

    Raises:
        UserError: where the settings do not fit together, or the cell cannot be made.
    """
    check_search(settings)  # before anything that takes long
    if settings.language_model is not None:
        language_model_level(settings.language_model)
    hidden, embedding = settings.hidden or HIDDEN, settings.embedding or EMBEDDING
    stack_output_size(make_cell, embedding, hidden, settings, 2 if settings.both_ways else 1)
    return settings.model_copy(update={"hidden": hidden, "embedding": embedding})


def resolve(settings: TranscribeSettings, data: TranscribeData) -> TranscribeSettings:
    """Set every other setting, the columns by the names that were found in the table.

    Raises:
        UserError: where the language model's tokens do not fit those of the data.
    """
    table, preprocessor = data.table, data.preprocessor
    if settings.language_model is not None:
        level = language_model_level(settings.language_model)
        check_level(level, preprocessor.units == "word")
    frames = int(data.train.lengths.sum())
    strengths = fitted_strengths(count_speakers(data), hours(data))
    usual_rate = LEARNING_RATE if settings.optimizer == "adamw" else OTHER_LEARNING_RATE
    return settings.model_copy(
        update={
            preprocessor.kind: table.names[table.media],
            "text": settings.text or (None if table.value is None else table.names[table.value]),
            "units": preprocessor.units,
            "normalise": preprocessor.normalise,
            "subsample": preprocessor.subsample,
            "rate": None if preprocessor.mel is None else preprocessor.mel.rate,
            "bidirectional": settings.both_ways,
            **{name: value for name, value in strengths.items() if getattr(settings, name) is None},
            "batch_size": settings.batch_size or BATCH_SIZE,
            "dropout": DROPOUT if settings.dropout is None else settings.dropout,
            "learning_rate": settings.learning_rate or usual_rate,
            "epochs": small_epochs(settings, EPOCHS, frames, SMALL),
        }
    )


def count_speakers(data: TranscribeData) -> int | None:
    """How many people speak or write in the training set; None where that is unknown."""
    people = [record.person for record in data.train.records]
    return len(set(people)) if are_known(people) else None


def hours(data: TranscribeData) -> float:
    """Hours of sound in the training set; 0 where it has none."""
    mel = data.preprocessor.mel
    return 0.0 if mel is None else float(data.train.lengths.sum()) * mel.hop / 3600
