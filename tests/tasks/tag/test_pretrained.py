"""Vectors and raw text are read where they are asked for."""

import numpy as np

from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.kept_vectors import KeptVectors
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.pretrained import read_pretrained, tell_vectors
from unroll.tasks.tag.settings import TagSettings

PREPROCESSOR = TagPreprocessor.learn([Sentence(("rose", "lily"), ("N", "N"))], ["N"])


def test_nothing_is_read_unasked():
    assert read_pretrained(PREPROCESSOR, TagSettings(), [].append) == (PREPROCESSOR, None)


def test_vectors_are_a_start_and_raw_text_stays(tmp_path):
    (tmp_path / "vectors.txt").write_text("rose 1 2\n")
    (tmp_path / "big.txt").write_text("a rose is a rose\n" * 70)
    given = TagSettings(
        vectors=str(tmp_path / "vectors.txt"),
        raw=str(tmp_path / "big.txt"),
        raw_size=3,
        raw_steps=1,
    )
    said = []
    preprocessor, vectors = read_pretrained(PREPROCESSOR, given, said.append)
    assert preprocessor.raw.size == 6 and preprocessor.vectors is None
    assert vectors[preprocessor.words["rose"]].tolist() == [1, 2]
    assert "has vectors of 1 of the 2 words" in said[-1]


def test_how_many_words_have_a_vector_is_told():
    said = []
    kept = KeptVectors(["rose"], np.ones((1, 2), dtype=np.float16))
    tell_vectors("glove50", kept, PREPROCESSOR.forms, said.append)
    assert "Vectors glove50: 1 of the 2 words have one" in said[0]
