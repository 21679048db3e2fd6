"""The settings of a captioner that were left open."""

from __future__ import annotations

from unroll.errors import UserError
from unroll.models.initialisation import initialise
from unroll.tasks.base import MakeCell
from unroll.tasks.caption.reader import CaptionData
from unroll.tasks.caption.settings import CaptionSettings

HIDDEN, EMBEDDING = 256, 128
BATCH_SIZE = 32
DROPOUT, WORD_DROPOUT = 0.3, 0.1
SHIFT = 2  # pixels
LEARNING_RATES = {"adamw": 2e-3}
LEARNING_RATE = 0.1  # of other optimizers


def resolve_sizes(settings: CaptionSettings, make_cell: MakeCell) -> CaptionSettings:
    """Give the sizes of the decoder their numbers.

    Args:
        settings: some sizes may be open.
        make_cell: makes a cell; one is made, so that sizes that it refuses are refused before data
            is read.

    Raises:
        UserError: where settings do not fit together.
    """
    hidden = settings.hidden or HIDDEN
    embedding = settings.embedding or EMBEDDING
    cell = make_cell(embedding, hidden)
    initialise(cell, settings.initialisation)
    if settings.attention == "dot" and cell.output_size != settings.widths[-1]:
        raise UserError(
            "--set attention=dot needs a decoder as wide as the last block of channels; the decoder has "
            f"{cell.output_size} outputs, the block {settings.widths[-1]} channels. Make them equal, "
            "or give --set attention=general."
        )
    return settings.model_copy(update={"hidden": hidden, "embedding": embedding})


def resolve(settings: CaptionSettings, data: CaptionData) -> CaptionSettings:
    """Give every other open setting its value; columns get the names that were found."""
    table = data.table
    text = None if table.value is None else table.names[table.value]
    dropout = DROPOUT if settings.dropout is None else settings.dropout
    word_dropout = WORD_DROPOUT if settings.word_dropout is None else settings.word_dropout
    rate = LEARNING_RATES.get(settings.optimizer, LEARNING_RATE)
    return settings.model_copy(
        update={
            "image": settings.image or table.names[table.media],
            "text": settings.text or text,
            "height": data.preprocessor.size[1],
            "width": data.preprocessor.size[2],
            "shift": SHIFT if settings.shift is None else settings.shift,
            "batch_size": min(settings.batch_size or BATCH_SIZE, len(data.train)),
            "dropout": dropout,
            "dropout_input": dropout if settings.dropout_input is None else settings.dropout_input,
            "word_dropout": word_dropout,
            "learning_rate": settings.learning_rate or rate,
        }
    )


def check_image_size(size: tuple[int, int, int], settings: CaptionSettings) -> None:
    """Compare the size of images with the number of blocks of convolutions.

    Args:
        size: colours, height and width that images are scaled to.
        settings: the blocks, each of which halves an image.

    Raises:
        UserError: where images are too small.
    """
    _, height, width = size
    blocks = len(settings.widths)
    least = 2**blocks
    if min(height, width) < least:
        raise UserError(
            f"Images are scaled to {width} x {height} pixels, and each of {blocks} blocks of "
            f"convolutions halves them; expected at least {least} pixels each way. Give --set height=N "
            "--set width=N, or fewer --set channels."
        )
