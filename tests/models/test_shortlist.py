"""A network with a shortlist is a distribution over the whole vocabulary."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from unroll.models.kneser_ney import KneserNey
from unroll.models.language import LanguageModel
from unroll.models.mixture import MixedLanguageModel
from unroll.models.shortlist import rare_shares

V, K, H, T, B = 9, 5, 6, 4, 3
COUNTS = np.array([3, 9, 8, 5, 4, 3, 1, 0, 0])


def make(tie=True):
    torch.manual_seed(0)
    rare = rare_shares(COUNTS, K)
    return LanguageModel(V, H, H, tie=tie, rare=rare, gated=True).double().eval()


def ids(seed):
    return torch.randint(V, (T, B), generator=torch.Generator().manual_seed(seed))


def test_rare_words_share_one_place_as_often_as_they_come():
    shares = rare_shares(COUNTS, K).exp()
    torch.testing.assert_close(shares, torch.tensor([4.0, 2.0, 1.0, 1.0]) / 8)
    with pytest.raises(ValueError, match="shortlist=9 of 9"):
        rare_shares(COUNTS, V)


@pytest.mark.parametrize("tie", [True, False])
def test_logits_are_those_of_the_rare_place_and_its_shares(tie):
    model, x = make(tie), ids(1)
    assert model.embedding.weight.shape == (K + 1, H) and len(model.bias) == K + 1
    p = model(x)[0].softmax(-1)
    h, _ = model.stack[0](model.embedding(x))
    matrix = model.embedding.weight if tie else model.weight
    short = (h @ matrix.T + model.bias).softmax(-1)
    torch.testing.assert_close(p.sum(-1), torch.ones(T, B).double())
    torch.testing.assert_close(p[..., :K], short[..., :K])
    torch.testing.assert_close(p[..., K:], short[..., K:] * model.rare.exp())
    swapped = torch.where(x == V - 1, K, x)
    torch.testing.assert_close(model(swapped)[0], model(x)[0])  # the network reads them alike


def test_loss_gradient_and_predictions_are_those_of_the_whole_distribution():
    model, x, y = make(), ids(1), ids(2)
    assert (y >= K).any() and (y < K).any()
    logits, _ = model(x)
    expected = cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum")
    loss, _ = model.loss(x, y)
    torch.testing.assert_close(loss, expected)
    weights = list(model.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss, weights), torch.autograd.grad(expected, weights)
    )
    log_p = logits.log_softmax(-1)
    entropy = -(log_p.exp() * log_p).sum(-1)
    said = torch.stack([log_p.gather(-1, y[..., None])[..., 0], entropy, log_p.amax(-1)])
    torch.testing.assert_close(model.predictions(x, y)[0], said)


def test_one_token_at_a_time_and_mixed_with_ngrams():
    model, x = make(), ids(3)
    stepper = model.stepper(B)
    for t in range(T):
        logits = stepper(x[t])
    torch.testing.assert_close(logits, model(x)[0][-1])
    ngrams = KneserNey.fit(np.array([0, 1, 2, 8, 1, 2, 7]), V, order=2)
    model.gate.bias.fill_(0.5)
    mixed, sequence = MixedLanguageModel(model, ngrams), x[:, 0]
    assert float(mixed.next_probabilities(sequence[:-1]).sum()) == pytest.approx(1)
    after = mixed.next_probabilities(sequence[:-1])[sequence[-1]].log()
    assert float(mixed.log_probabilities(sequence)[-1]) == pytest.approx(float(after), abs=1e-5)
