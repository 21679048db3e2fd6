"""Run folders: what is read from them is compared with their manifest first."""

import pytest

from unroll.errors import UserError
from unroll.training.folder import RunFolder, read_baseline


def test_a_baseline_is_read_whole_or_refused(tmp_path):
    folder = RunFolder.create(tmp_path / "run", {"baseline.json": b"[1, 2]"}, overwrite=False)
    assert read_baseline(folder.path, "baseline.json") == b"[1, 2]"
    (folder.path / "baseline.json").write_bytes(b"[1")
    with pytest.raises(UserError, match="baseline of the run is damaged"):
        read_baseline(folder.path, "baseline.json")
