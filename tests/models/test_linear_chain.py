"""Sums over label sequences are those of the CRF layer, and their gradients too."""

import numpy as np
import pytest
import torch

from unroll.layers.crf import CRF
from unroll.models.linear_chain import (
    ChainOrder,
    ChainWeights,
    chain_sums,
    label_sums,
    most_likely_chain,
)

LENGTHS, LABELS = [1, 5, 3, 3, 2], 4


def end_to_end(padded):
    """The steps of chains [T, B, ...] one chain after the other."""
    values = padded.detach().double().numpy()
    return np.concatenate([values[:n, b] for b, n in enumerate(LENGTHS)])


@pytest.mark.parametrize("restricted", [False, True])
def test_sums_gradients_and_best_labels_are_those_of_the_layer(restricted):
    torch.manual_seed(0)
    allowed = None
    if restricted:
        pairs = torch.ones(LABELS, LABELS, dtype=torch.bool)
        pairs[1, 2] = False
        allowed = (torch.tensor([True, True, False, True]), pairs, torch.ones(LABELS).bool())
    crf = CRF(LABELS, allowed)
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    scores = torch.randn(max(LENGTHS), len(LENGTHS), LABELS, requires_grad=True)
    lengths = torch.tensor(LENGTHS)
    tags = crf.best(torch.randn_like(scores), lengths)  # never what is forbidden
    loss = -crf.log_likelihood(scores, tags, lengths).sum()
    loss.backward()
    order = ChainOrder(LENGTHS)
    weights = ChainWeights(*(part.detach().double().numpy() for part in crf.weights()))
    labels = end_to_end(tags).astype(np.int64)[order.order]
    sums = chain_sums(end_to_end(scores)[order.order], labels, order, weights)
    assert sums.loss == pytest.approx(loss.item(), rel=1e-5)
    np.testing.assert_allclose(sums.scores, end_to_end(scores.grad)[order.order], atol=1e-5)
    for own, parameter in ((sums.begin, crf.begin), (sums.pairs, crf.pairs), (sums.end, crf.end)):
        np.testing.assert_allclose(own, parameter.grad.numpy(), atol=1e-5)
    best = most_likely_chain(end_to_end(scores)[order.order], order, weights)
    expected = end_to_end(crf.best(scores.detach(), lengths)).astype(np.int64)
    assert best.tolist() == expected[order.order].tolist()


def test_labels_alone_are_a_softmax():
    torch.manual_seed(0)
    scores = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 2, 1, 1, 0, 2])
    loss = torch.nn.functional.cross_entropy(scores, labels, reduction="sum")
    loss.backward()
    total, slope = label_sums(scores.detach().numpy(), labels.numpy())
    assert total == pytest.approx(loss.item())
    np.testing.assert_allclose(slope, scores.grad.numpy(), atol=1e-12)


def test_very_different_scores_do_not_overflow():
    order = ChainOrder([2])
    zeros = ChainWeights(np.zeros(2), np.zeros((2, 2)), np.zeros(2))
    sums = chain_sums(np.array([[900.0, 0.0], [0.0, 900.0]]), np.array([1, 1]), order, zeros)
    assert sums.loss == pytest.approx(900.0)
    assert ChainOrder([]).times == 0
