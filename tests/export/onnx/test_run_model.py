"""What the exporter of a task gives."""

import io
import json

import numpy as np

from unroll.export.onnx.run_model import metadata, packed


def test_metadata_is_text_also_of_characters_that_no_file_can_hold():
    found = metadata({"task": "language", "tokens": ["\ud800", "é"]})
    assert found["unroll.task"] == "language" and found["unroll.about"].isascii()
    assert json.loads(found["unroll.about"])["tokens"] == ["\ud800", "é"]


def test_arrays_come_back():
    again = np.load(io.BytesIO(packed({"a": np.arange(3), "lower": np.array(True)})))
    assert again["a"].tolist() == [0, 1, 2] and bool(again["lower"])
