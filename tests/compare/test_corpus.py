from pathlib import Path

import pytest
import torch

from unroll.compare.corpus import labelled_rows, texts, write_corpus
from unroll.compare.problems import PROBLEMS
from unroll.errors import UserError


def written(task):
    files = {}
    write_corpus(
        task, Path("d"), lambda path, content: files.setdefault(path.name, content.decode())
    )
    return files


def test_agreement_has_sentences_labels_and_distances():
    files = written("agreement")
    lines = files["agreement.txt"].splitlines()
    assert len(lines) == 5000 and len(set(lines)) > 2000
    for line in lines:
        words = line.split()
        assert words[0] == "the" and words[-1] == "." and words[-3] in ("was", "were")
        assert words[1].endswith("s") == (words[-3] == "were")
    assert "agreement_24.txt" in files and len(files["agreement_24.txt"].splitlines()) == 100
    assert len(files["agreement_24.txt"].splitlines()[0].split()) == 24 + 5
    assert files == written("agreement")  # of the seed alone
    labels = files["agreement_labels.tsv"]
    assert labels.count("\n\n") >= 499 and {row[-1] for row in labels.split("\n") if row} == {
        "0",
        "1",
        "-",
    }


def test_labels_hold_from_the_subject_to_before_the_verb():
    assert labelled_rows("the cats ate were full .") == [
        "the\t-",
        "cats\t1",
        "ate\t1",
        "were\t-",
        "full\t-",
        ".\t-",
        "",
    ]


def test_letters_stand_together():
    generator = torch.Generator().manual_seed(1)
    assert texts(PROBLEMS["counting"](), 3, 2, generator) == ["aaabbb."] * 2
    assert texts(PROBLEMS["hello"](), 0, 1, generator) == ["hello"]
    assert "hello.txt" in written("hello") and "counting_20.txt" in written("counting")


def test_problems_without_symbols_are_refused():
    for task in ("adding", "nothing"):
        with pytest.raises(UserError, match="expected one of hello, agreement"):
            written(task)
