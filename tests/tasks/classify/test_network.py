"""The classifier computes what its docstring says."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from unroll.layers.pooling import POOLINGS
from unroll.tasks.classify.network import Classifier

V, K, H, E, T, B = 9, 3, 4, 5, 7, 4
LENGTHS = torch.tensor([7, 2, 5, 1])


def make(**options):
    torch.manual_seed(0)
    options = {"embedding_size": E, "cell": "gru", **options}
    return Classifier(V, K, H, options.pop("layers", 2), **options).double()


def ids():
    return torch.randint(V, (T, B))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", ["gru", "lstm", "min_gru"])
def test_a_padded_batch_is_each_sequence_alone(pooling, cell):
    network, x = make(pooling=pooling, cell=cell).eval(), ids()
    together = network(x, LENGTHS)
    for b, n in enumerate(LENGTHS.tolist()):
        alone = network(x[:n, b : b + 1], LENGTHS[b : b + 1])
        torch.testing.assert_close(together[b : b + 1], alone)


def test_packed_is_padded():
    """The same weights in torch.nn with a PackedSequence, which knows no padding."""
    network, x = make(pooling="last", layers=1).eval(), ids()
    theirs = torch.nn.GRU(E, H, bidirectional=True).double()
    with torch.no_grad():
        for suffix, cell in zip(("", "_reverse"), network.stack[0].cells, strict=True):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(theirs, f"{name}_l0{suffix}").copy_(getattr(cell, name))
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        network.embedding(x), LENGTHS, enforce_sorted=False
    )
    _, h = theirs(packed)
    expected = network.decide(torch.cat([h[0], h[1]], 1))
    torch.testing.assert_close(network(x, LENGTHS), expected)


def test_the_loss_of_one_label_and_its_weights():
    network, x, y = (
        make(weights=torch.tensor([1.0, 2.0, 4.0])).eval(),
        ids(),
        torch.tensor([0, 2, 1, 2]),
    )
    p = network.probabilities(x, LENGTHS)
    torch.testing.assert_close(p.sum(1), torch.ones(B).double())
    by_hand = -(p[range(B), y].log() * torch.tensor([1.0, 4.0, 2.0, 4.0])).sum()
    torch.testing.assert_close(network.double().loss(x, LENGTHS, y), by_hand)


def test_the_loss_of_several_labels():
    network, x = make(multi_label=True).eval(), ids()
    y = torch.randint(2, (B, K)).double()
    p = network.probabilities(x, LENGTHS)
    by_hand = -(y * p.log() + (1 - y) * (1 - p).log()).sum()
    torch.testing.assert_close(network.loss(x, LENGTHS, y), by_hand)


def test_smoothing_and_word_dropout_are_of_training_alone():
    network, x, y = make(label_smoothing=0.3, word_dropout=0.5), ids(), torch.tensor([0, 2, 1, 2])
    network.eval()
    torch.testing.assert_close(
        network.loss(x, LENGTHS, y), cross_entropy(network(x, LENGTHS), y, reduction="sum")
    )
    assert torch.equal(network.embed(x), network.embedding(x))
    network.train()
    unknown = (network.embed(x) == network.embedding.weight[0]).all(-1)
    assert 0.2 < unknown.float().mean() < 0.9


def test_numbers_are_read_as_they_are():
    network = Classifier(2, K, H, embedding_size=None, cell="gru").double().eval()
    x = torch.randn(T, B, 2).double()
    assert network.embed(x) is x
    x[3:, 1] = torch.nan
    assert bool(network(x, LENGTHS.clamp(max=3)).isfinite().all())


def test_an_attribution_is_the_gradient_times_the_input():
    """The attributions of a linear network sum to the logit, but for its bias."""
    network, x = make(pooling="mean").eval(), ids()
    network.stack = torch.nn.ModuleList()
    network.pooling.width = E
    network.decide = torch.nn.Linear(E, K).double()
    p, attributions = network.attributions(x, LENGTHS)
    torch.testing.assert_close(p, network.probabilities(x, LENGTHS))
    z, k = network(x, LENGTHS), p.argmax(1)
    bias = network.decide.bias[k]
    torch.testing.assert_close(attributions.sum(0), z[range(B), k] - bias)
    assert attributions[2:, 1].abs().max() == 0
