"""PNG files as arrays."""

import io

import numpy as np
import pytest


def pixels(data):
    """The pixels of a PNG, uint8 [rows, columns, 3]."""
    images = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install pillow")
    return np.asarray(images.open(io.BytesIO(data)).convert("RGB"))
