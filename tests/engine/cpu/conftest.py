"""What the tests of this folder share."""

import pytest

from unroll.engine.cpu import build

from .builds import CXX, script


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of its own, and nothing loaded yet."""
    for variable in ("UNROLL_CXX", "CXX", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "kernels"))
    monkeypatch.setattr(build, "_loaded", {})
    monkeypatch.setattr(build, "_reasons", {})
    return tmp_path / "kernels"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A compiler that writes down its runs; called, the arguments of each so far."""
    noted = tmp_path / "runs"
    wrapper = script(tmp_path / "counting", f'echo "$*" >> {noted}\nexec {CXX} "$@"')
    monkeypatch.setenv("UNROLL_CXX", str(wrapper))
    return lambda: noted.read_text().splitlines() if noted.exists() else []
