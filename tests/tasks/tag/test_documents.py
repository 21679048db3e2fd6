"""Documents that a file marks are held out whole."""

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.tag.documents import held_out_documents, number_documents
from unroll.tasks.tag.reader import read_data
from unroll.tasks.tag.settings import TagSettings


def write(path, mark, documents=12, sentences=4):
    text = ""
    for d in range(documents):
        text += mark.format(d)
        text += "".join(f"d{d} N\nruns V\n\n" for _ in range(sentences))
    path.write_text(text)


@pytest.mark.parametrize("mark", ["# newdoc id = {}\n", "# doc_id: {}\n", "-DOCSTART- O\n\n"])
def test_no_document_is_in_both_sets(tmp_path, mark):
    path = tmp_path / "a.conll"
    write(path, mark)
    data = read_data(str(path), TagSettings(), [].append)
    train, valid = ({s.words[0] for s in part} for part in (data.train, data.valid))
    assert not train & valid and len(valid) == 1 and len(data.valid) == 4
    assert data.validation_set.endswith("whole documents (--set split=sentence)")
    data = read_data(str(path), TagSettings(split="sentence"), [].append)
    train, valid = ({s.words[0] for s in part} for part in (data.train, data.valid))
    assert train & valid


def test_few_documents_are_not_held_out(tmp_path):
    path = tmp_path / "a.conll"
    write(path, "# newdoc\n", documents=3)
    data = read_data(str(path), TagSettings(), [].append)
    assert number_documents(str(path), [*data.train, *data.valid]) is None
    with pytest.raises(UserError, match="marks fewer than 10 documents"):
        read_data(str(path), TagSettings(split="document"), [].append)


def test_about_a_tenth_is_held_out():
    documents = np.repeat(np.arange(40), np.random.default_rng(3).integers(1, 60, 40))
    share = held_out_documents(documents).mean()
    assert 0.07 < share < 0.13
    lopsided = held_out_documents(np.array([0] * 95 + [1, 2, 3, 4, 5]))
    assert 0 < lopsided.sum() < 100
