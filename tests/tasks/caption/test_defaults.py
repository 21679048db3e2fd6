"""The settings of a captioner that were left open."""

import pytest

from unroll.cells import GRUCell
from unroll.errors import UserError
from unroll.tasks.caption.defaults import check_image_size, resolve, resolve_sizes
from unroll.tasks.caption.reader import read_captions
from unroll.tasks.caption.settings import CaptionSettings


def test_every_open_setting_gets_a_value(write_table):
    settings = resolve_sizes(CaptionSettings(), GRUCell)
    settings = resolve(settings, read_captions(write_table(), settings))
    assert (settings.hidden, settings.embedding, settings.batch_size) == (256, 128, 32)
    assert (settings.image, settings.text) == ("image", "caption")
    assert (settings.height, settings.width, settings.shift) == (16, 24, 2)
    assert (settings.dropout, settings.dropout_input, settings.word_dropout) == (0.3, 0.3, 0.1)
    assert settings.learning_rate == 2e-3


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="decoder has 8 outputs, the block 64 channels"):
        resolve_sizes(CaptionSettings(attention="dot", hidden=8), GRUCell)
    check_image_size((3, 8, 8), CaptionSettings())
    with pytest.raises(UserError, match="expected at least 8 pixels each way"):
        check_image_size((3, 7, 9), CaptionSettings())
