"""What the tests of this folder share."""

import pytest
import torch

from unroll.engine import backends
from unroll.engine.cpu import build

from ..prebuilt import prebuild
from .builds import CXX, script
from .compiled import MAKE, SINGLE, H, I, Plain, Scaled


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


@pytest.fixture(scope="session")
def compiled_cells():
    """The cells of these tests compiled in two builds; one step serves all sizes."""
    for dtype, names in ((torch.float64, MAKE), (torch.float32, SINGLE)):
        cells = [MAKE[n](I, H).to(dtype) for n in names]
        cells += [m(2, 2).to(dtype) for m in (Scaled, Plain)]
        prebuild([(c, True) for c in cells], dtype)


@pytest.fixture
def nothing_warned_yet(monkeypatch):
    """No backend is requested, and no warning was given."""
    monkeypatch.delenv("UNROLL_BACKEND", raising=False)
    monkeypatch.setattr(backends, "_warned", set())


@pytest.fixture
def two_threads():
    """Two threads for torch and for kernels."""
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.fixture
def no_plans_on_disk(tmp_path, monkeypatch):
    """So that cells are planned here, and what goes wrong is remembered nowhere else."""
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "kernels"))
