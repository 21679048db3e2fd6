"""The nearest neighbour of a source."""

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.translate.baseline import NearestNeighbour, unigram_loss
from unroll.tasks.translate.batches import SequenceArray
from unroll.tasks.translate.pairs import Pair
from unroll.training.folder import RunFolder

KNOWN = [Pair("the red dog", "A"), Pair("the cat", "B"), Pair("a dog", "C")]


def test_the_most_similar_source_is_chosen():
    known = NearestNeighbour(KNOWN)
    assert [known.translate(t) for t in ("red", "the cat", "dog a", "xyz")] == ["A", "B", "C", "A"]
    assert NearestNeighbour([]).translate("red") == ""


def test_it_is_loaded_from_its_file_or_refused(tmp_path):
    folder = RunFolder.create(tmp_path / "run", NearestNeighbour(KNOWN).files(), overwrite=False)
    assert NearestNeighbour.load(folder.path).pairs == KNOWN
    (folder.path / "baseline.json").write_text("[]")
    with pytest.raises(UserError, match="damaged"):
        NearestNeighbour.load(folder.path)


def test_the_loss_of_frequencies():
    known, targets = SequenceArray([[2, 2], [3]]), SequenceArray([[2]])
    # unknown, end, 2, 3: once more than they occur
    shares = np.array([1, 3, 3, 2]) / 9
    expected = -(np.log(shares[2]) + np.log(shares[1])) / 2
    assert unigram_loss(known, targets, 4) == pytest.approx(expected)
