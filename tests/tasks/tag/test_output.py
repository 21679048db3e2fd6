"""Tags are chosen from scores: together by a CRF, or each alone."""

from types import SimpleNamespace

import pytest
import torch

from unroll.layers.crf import CRF
from unroll.tasks.tag.output import TagOutput


def test_without_pairs_a_crf_is_a_softmax():
    torch.manual_seed(0)
    scores, crf = torch.randn(3, 2, 4), CRF(4, None)
    for parameter in crf.parameters():
        torch.nn.init.zeros_(parameter)
    given = SimpleNamespace(
        words=torch.zeros(3, 2), labels=torch.randint(0, 4, (3, 2)), lengths=torch.tensor([3, 3])
    )
    alone, together = TagOutput(None), TagOutput(crf)
    torch.testing.assert_close(alone.loss(scores, given), together.loss(scores, given))
    assert torch.equal(
        alone.most_likely_labels(scores, given), together.most_likely_labels(scores, given)
    )
    torch.testing.assert_close(
        alone.probabilities(scores, given), together.probabilities(scores, given)
    )
    given.labels = None
    with pytest.raises(ValueError, match="no labels"):
        alone.loss(scores, given)
