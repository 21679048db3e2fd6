"""The settings of a translator that were left open."""

from __future__ import annotations

from typing import TypedDict

from unroll.errors import UserError
from unroll.models.initialisation import initialise
from unroll.tasks.base import MakeCell
from unroll.tasks.translate.budget_sizes import fit_to_budget, fits_budget
from unroll.tasks.translate.reader import TranslateData
from unroll.tasks.translate.settings import TranslateSettings


class TranslateDefaults(TypedDict):
    """Settings that suit a level of tokens.

    Attributes:
        hidden: units of the decoder.
        embedding: numbers per token.
        batch_size: pairs per batch.
        dropout: on outputs and embeddings.
        word_dropout: share of tokens that training replaces by the unknown token.
        learning_rate: of AdamW.
    """

    hidden: int
    embedding: int
    batch_size: int
    dropout: float
    word_dropout: float
    learning_rate: float


# few pieces, much dropout and small batches suit small corpora (R. Sennrich and B. Zhang 2019)
DEFAULTS: dict[str, TranslateDefaults] = {
    "bpe": {
        "hidden": 512, "embedding": 256, "batch_size": 64, "dropout": 0.4, "word_dropout": 0.1,
        "learning_rate": 2e-3,
    },
    "word": {
        "hidden": 512, "embedding": 256, "batch_size": 64, "dropout": 0.4, "word_dropout": 0.1,
        "learning_rate": 2e-3,
    },
    "char": {
        "hidden": 256, "embedding": 64, "batch_size": 64, "dropout": 0.1, "word_dropout": 0.0,
        "learning_rate": 3e-3,
    },
}  # fmt: skip
LEARNING_RATE = 0.3  # of optimizers other than AdamW


def resolve_sizes(settings: TranslateSettings, make_cell: MakeCell) -> TranslateSettings:
    """Give the sizes of the network their numbers.

    Args:
        settings: some sizes may be open.
        make_cell: makes a cell; a cell of the encoder and one of the decoder are made, so that sizes
            that they refuse are refused before data is read.

    Raises:
        UserError: where settings do not fit together.
    """
    defaults = DEFAULTS[settings.level]
    if settings.hidden is None and fits_budget(settings):
        return settings  # `resolve` times a step, for which it needs the pairs
    hidden = settings.hidden or defaults["hidden"]
    encoder_hidden = settings.encoder_hidden or max(1, hidden // 2)
    embedding = settings.embedding or defaults["embedding"]
    fed = embedding if settings.tie else hidden
    encoder = make_cell(embedding, encoder_hidden)
    decoder = make_cell(embedding + (fed if settings.input_feeding else 0), hidden)
    for cell in (encoder, decoder):
        initialise(cell, settings.initialisation)
    if settings.attention == "dot" and 2 * encoder.output_size != decoder.output_size:
        raise UserError(
            f"--set attention=dot needs an encoder as wide as the decoder; the encoder has 2 x "
            f"{encoder.output_size} outputs and the decoder {decoder.output_size}. Give --set "
            "encoder_hidden=N with half of --hidden, or --set attention=general."
        )
    return settings.model_copy(
        update={"hidden": hidden, "encoder_hidden": encoder_hidden, "embedding": embedding}
    )


def resolve(settings: TranslateSettings, data: TranslateData) -> TranslateSettings:
    """Give every other open setting its value."""
    defaults, pairs = DEFAULTS[settings.level], len(data.train)
    if settings.hidden is None:
        settings = fit_to_budget(settings, data.preprocessor, data.train)
    dropout = defaults["dropout"] if settings.dropout is None else settings.dropout
    rate = defaults["learning_rate"] if settings.optimizer == "adamw" else LEARNING_RATE
    return settings.model_copy(
        update={
            "batch_size": min(settings.batch_size or defaults["batch_size"], pairs),
            "dropout": dropout,
            "dropout_input": dropout if settings.dropout_input is None else settings.dropout_input,
            "word_dropout": defaults["word_dropout"]
            if settings.word_dropout is None
            else settings.word_dropout,
            "learning_rate": rate if settings.learning_rate is None else settings.learning_rate,
        }
    )
