import numpy as np
import pytest

from unroll.errors import UserError
from unroll.in_memory.array_file import is_array_file, read_arrays, write_arrays


def test_what_is_written_is_read(tmp_path):
    values = [np.arange(6.0).reshape(3, 2), np.ones((1, 2))]
    write_arrays(tmp_path / "a.npz", values, [1.0, "walk"])
    found = read_arrays(tmp_path / "a.npz")
    assert found.labels == ["1", "walk"] and not found.per_step
    assert all(np.array_equal(a, b) for a, b in zip(found.values, values, strict=True))


def test_labels_of_steps(tmp_path):
    write_arrays(tmp_path / "a.npz", [np.ones((2, 1)), np.ones((1, 1))], [["a", "b"], ["b"]])
    found = read_arrays(tmp_path / "a.npz")
    assert found.per_step and found.labels == [["a", "b"], ["b"]]
    with pytest.raises(UserError, match="Sequence 0 has 2 steps and 1 labels"):
        write_arrays(tmp_path / "b.npz", [np.ones((2, 1))], [["a"]])


def test_files_as_people_write_them(tmp_path):
    np.savez(
        tmp_path / "a.npz", X=np.ones((3, 4, 2), dtype=np.float32), y=np.array([0.0, 1.0, 1.0])
    )
    found = read_arrays(tmp_path / "a.npz")
    assert len(found.values) == 3 and found.labels == ["0", "1", "1"]
    np.savez(
        tmp_path / "b.npz", x_train=np.ones((3, 4)), y_train=np.ones((3, 1)), x_test=np.ones(2)
    )
    found = read_arrays(tmp_path / "b.npz")
    assert found.values[0].shape == (4, 1) and "not read: x_test" in found.guesses
    np.save(tmp_path / "c.npy", np.ones((3, 4, 2)))
    assert read_arrays(tmp_path / "c.npy").labels is None
    assert is_array_file("A.NPZ") and not is_array_file("a.csv")


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"spam": np.ones(3)}, "holds the arrays spam"),
        ({"X": np.ones(3)}, r"shape \[3\]"),
        ({"X": np.array(["a"])}, "expected real numbers"),
        ({"X": np.ones((3, 2)), "y": np.ones(5)}, "3 sequences of 6 steps"),
        ({"X": np.ones((3, 2)), "lengths": np.array([2, 2])}, "lengths sum up to 4"),
        ({"X": np.array([None, 1], dtype=object)}, "holds objects of Python"),
    ],
)
def test_other_arrays_are_refused(tmp_path, arrays, told):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=told):
        read_arrays(tmp_path / "a.npz")


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK nothing")
    with pytest.raises(UserError, match="is damaged"):
        read_arrays(tmp_path / "a.npz")
