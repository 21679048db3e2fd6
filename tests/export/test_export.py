"""The room's names, loaded when they are used."""

import pytest

import unroll.export


def test_names_are_loaded_when_they_are_used():
    assert unroll.export.to_onnx.__name__ == "to_onnx"
    with pytest.raises(AttributeError, match="no attribute 'to_paper'"):
        _ = unroll.export.to_paper
