"""The arrays of baselines come back from the run folder, or it says that they are damaged."""

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.baseline import FILE, load_baseline, pack_baseline
from unroll.training.files import write_folder


def test_arrays_come_back(tmp_path):
    arrays = {"share": np.array([0.25, 0.75]), "rows": np.arange(6).reshape(2, 3).T}
    write_folder(tmp_path / "run", pack_baseline(arrays))
    loaded = load_baseline(tmp_path / "run")
    assert set(loaded) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
    (tmp_path / "run" / FILE).write_bytes(b"cut")
    with pytest.raises(UserError, match="The baseline of the run is damaged"):
        load_baseline(tmp_path / "run")
