"""A file that grows, and goes on elsewhere."""

import hashlib
import io

import pytest

from unroll.growing_file import WRITE, GrowingFile


@pytest.mark.parametrize("there", [True, False])
def test_what_is_written_comes_back(tmp_path, there):
    said = []
    path = tmp_path / ("a" if there else "no/folder")
    file = GrowingFile(path, said.append)
    content = bytes(range(256)) * (WRITE // 100)
    for at in range(0, len(content), 100_000):
        file.write(content[at : at + 100_000])
    file.flush()
    assert file.array("uint8").tobytes() == content and file.size == len(content)
    assert file.sha256() == hashlib.sha256(content).hexdigest()
    file.close()
    assert (said, file.moved) == (([], False) if there else (["No such file or directory"], True))


def test_without_temporary_files_memory_is_the_place(monkeypatch):
    def refuse(**options):
        raise OSError("no room")

    monkeypatch.setattr("unroll.growing_file.tempfile.TemporaryFile", refuse)
    file = GrowingFile(None, print)
    file.write(b"ab")
    file.flush()
    assert isinstance(file.file, io.BytesIO) and file.array("uint8").tolist() == [97, 98]
    file.close()
    assert GrowingFile(None, print).array("int64").shape == (0,)
