"""A recording shows itself."""

import base64
import io
import re

import pytest
import torch

import unroll
from unroll.engine.recording_page import colours, png, recording_page


def test_a_recording_shows_each_value_state_and_gradient_and_is_short():
    record = unroll.Recording()
    assert repr(record) == "<Recording: empty>" and "nothing" in record._repr_html_()
    x = torch.randn(500, 2, 3)
    output, _ = unroll.unroll(unroll.LSTMCell(3, 200), x, record=record)
    output[-1].sum().backward()
    assert len(repr(record)) < 200
    assert repr(record).startswith("<Recording: 500 steps, 2 sequences; values input_gate, ")
    shown = record._repr_html_()
    assert shown.count("<img") == 4 + 2 + 2 and len(shown) < 700_000
    assert "states[&#x27;c&#x27;] [500, 2, 200]" in shown


def test_pictures_are_pngs_in_the_colours_of_their_numbers():
    image = pytest.importorskip("PIL.Image")
    values = torch.tensor([[-1.0, 0.0], [0.5, 1.0]])
    read = image.open(io.BytesIO(png(colours(values))))
    assert read.size == (2, 2)
    assert [read.getpixel((c, r)) for r in (0, 1) for c in (0, 1)] == [
        (0, 0, 255), (255, 255, 255), (255, 128, 128), (255, 0, 0),
    ]  # fmt: skip


def test_names_are_escaped_and_odd_tensors_shown():
    tensors = {"<b>": torch.full((3, 1, 2), float("nan")), "empty": torch.zeros(0, 2, 3)}
    tensors["counts"] = torch.ones(3, 1, dtype=torch.int64)
    shown = recording_page({"values": tensors})
    assert "<b>" not in shown and "&lt;b&gt;" in shown and shown.count("<img") == 2
    for data in re.findall(r"base64,([^\"]*)", shown):
        assert base64.b64decode(data).startswith(b"\x89PNG")
