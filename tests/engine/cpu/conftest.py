"""What the tests of this folder share."""

import pytest
import torch

from unroll.engine import backends
from unroll.engine.cpu import build

from ..prebuilt import prebuild
from . import differentiated
from .builds import CXX, script
from .compiled import MAKE, SINGLE, H, I, Plain, Scaled
from .differentiated import shared


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of its own, and nothing loaded yet."""
    for variable in ("UNROLL_CXX", "CXX", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "kernels"))
    monkeypatch.setattr(build, "_loaded", {})
    monkeypatch.setattr(build, "_reasons", {})
    monkeypatch.setattr(build, "_failures", {})
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


@pytest.fixture(scope="session")
def differentiated_cells():
    """The cells of the tests of gradients compiled in two builds."""
    make, sizes = differentiated.MAKE, (differentiated.I, differentiated.H)
    prebuild([(m(*sizes).double(), True) for m in make.values()], torch.float64)
    single = ("lstm", "gru", "reset-before")
    prebuild([(make[n](*sizes), True) for n in single], torch.float32)


@pytest.fixture
def the_cell():
    """A cell of a kind, planned once, as it was made."""
    used = {}

    def get(name):
        cell = shared(name)
        used[name] = {n: p.detach().clone() for n, p in cell.named_parameters()}
        return cell

    yield get
    for name, values in used.items():
        cell = shared(name)
        for n, p in cell.named_parameters():
            p.data.copy_(values[n])
            p.grad = None
            p.requires_grad_()
