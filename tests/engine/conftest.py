"""What the tests of this folder share."""

import pytest

from unroll.engine import backends

from .plans import Interpreted, plans


@pytest.fixture
def interpreted(monkeypatch):
    monkeypatch.setitem(backends.BACKENDS, "interpreted", Interpreted)
    yield "interpreted"
    plans.clear()
