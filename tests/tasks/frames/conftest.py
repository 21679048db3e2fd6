"""Small clips to test with: moving squares, and rows of numbers."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from unroll.cells import GRUCell
from unroll.tasks.frames.reader import read_data
from unroll.tasks.frames.settings import FramesSettings
from unroll.tasks.frames.task import FramesTask

WAYS = {"left": -2, "right": 2}


@pytest.fixture(scope="session")
def files():
    """The module that writes clips of every kind; it needs Pillow and PyAV."""
    pytest.importorskip("av")
    pytest.importorskip("PIL.Image")
    spec = importlib.util.spec_from_file_location(
        "clip_files", Path(__file__).with_name("clip_files.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def in_folder(monkeypatch, tmp_path):
    """Tests run in a folder of their own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write_clips(files):
    """Calls: name, count -> a table of clips that go to the left or to the right."""

    def write(name, count, kind="strip", suffix=".png", seed=0):
        rows = ["path,action"]
        Path(name).mkdir()
        for k in range(count):
            way = list(WAYS)[k % 2]
            path = Path(name) / f"{k}{suffix}"
            frames = files.moving(4 + k % 3, step=WAYS[way], seed=seed + k)
            getattr(files, f"write_{kind}")(path, frames)
            rows.append(f"{path},{way}")
        Path(f"{name}.csv").write_text("\n".join(rows) + "\n")
        return f"{name}.csv"

    return write


@pytest.fixture
def write_gestures():
    """Calls: name, count -> a wide table of paths that go up (1) or down (0)."""

    def write(name, count, seed=0, labelled=True):
        draw = np.random.default_rng(seed)
        rows = []
        for k in range(count):
            path = np.cumsum(draw.normal((0, 0.5 if k % 2 else -0.5), 0.3, (6, 2)), 0) + 9
            rows.append(",".join([str(k % 2)] * labelled + [f"{v:.3f}" for v in path.flat]))
        Path(name).write_text("\n".join(rows) + "\n")
        return name

    return write


@pytest.fixture
def write_states():
    """Calls: count, in_files -> a table of numbers near 0 (low) or 3 (high), a label per frame."""

    def write(count, in_files):
        draw = np.random.default_rng(0)
        rows = ["path,state"]
        for k in range(count):
            high = np.repeat(draw.integers(2, size=3), 4)
            values = draw.normal(3 * high[:, None], 0.3, (12, 2))
            np.savetxt(f"{k}.csv", values, delimiter=",", fmt="%.3f")
            words = [("low", "high")[each] for each in high]
            if in_files:
                Path(f"{k}.labels.csv").write_text("\n".join(["label", *words]) + "\n")
            rows.append(f"{k}.csv,{f'{k}.labels.csv' if in_files else ' '.join(words)}")
        Path("clips.csv").write_text("\n".join(rows) + "\n")
        return "clips.csv"

    return write


def read_as_run(path, options):
    """The data of a table and the settings with nothing open."""
    settings = FramesTask().resolve_sizes(FramesSettings(hidden=8, **options), GRUCell)
    data = read_data(path, settings, lambda share: None)
    return data, FramesTask().resolve(settings, data)


@pytest.fixture
def gestures(write_gestures):
    """Calls: settings by name -> 30 rows of numbers as a run reads them, and settings."""
    return lambda **options: read_as_run(write_gestures("gestures.csv", 30), options)


@pytest.fixture
def states(write_states):
    """Calls: settings by name -> 20 clips with a label per frame, as a run reads them, and settings."""
    return lambda **options: read_as_run(
        write_states(20, False), {"video": "path", "label": "state", **options}
    )


@pytest.fixture
def untrained():
    """Calls: data, settings -> a network with its first weights."""
    return lambda data, settings: (
        FramesTask().build_network(settings, data.preprocessor, GRUCell).eval()
    )
