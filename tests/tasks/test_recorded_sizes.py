"""A config that asks for far more weights than the run has is refused before memory is taken."""

import json
import shutil
import time
from pathlib import Path

import pytest

import unroll
from unroll.errors import UserError
from unroll.training.folder import RunFolder

RUN = Path(__file__).parents[1] / "fixtures" / "runs" / "language-char" / "run"


@pytest.mark.parametrize(
    "change", [{"hidden": 400_000}, {"hidden": 1 << 62}, {"embedding": 1 << 40}, {"layers": 10**9}]
)
def test_sizes_beyond_the_weights_are_refused_at_once(tmp_path, change):
    shutil.copytree(RUN, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    settings = json.loads((folder.path / "config.json").read_bytes())["settings"]
    folder.update_config(settings={**settings, **change})
    start = time.process_time()
    with pytest.raises(UserError, match=r"config\.json"):
        unroll.load(folder.path)
    assert time.process_time() - start < 20
