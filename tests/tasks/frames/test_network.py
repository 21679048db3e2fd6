"""The network of frames: shapes, padding, gradients."""

import pytest
import torch

from unroll.tasks.frames.network import Framewise, blocks

LENGTHS = [5, 2, 7]


def clips(shape=(3, 12, 8)):
    return torch.randint(256, (sum(LENGTHS), *shape), dtype=torch.uint8)


@pytest.mark.parametrize("cell", ["gru", "lstm", "sru"])
@pytest.mark.parametrize("pooling", ["mean", "last", None])
def test_a_clip_alone_is_as_in_a_batch(cell, pooling):
    network = Framewise((3, 12, 8), 4, 6, feature_size=5, cell=cell, pooling=pooling).eval()
    x, lengths = clips(), torch.tensor(LENGTHS)
    with torch.no_grad():
        together = network(x, lengths)
        each = [network(part, torch.tensor([len(part)])) for part in x.split(LENGTHS)]
    torch.testing.assert_close(together, torch.cat(each), rtol=1e-4, atol=1e-5)
    assert together.shape == (3 if pooling else 14, 4)


def test_numbers_and_one_way_and_layers():
    network = Framewise((2,), 3, 4, num_layers=2, bidirectional=False, pooling="last").eval()
    x = torch.randn(sum(LENGTHS), 2)
    out = network(x, torch.tensor(LENGTHS))
    changed = x.clone()
    changed[:3] += 1  # the first clip alone
    again = network(changed, torch.tensor(LENGTHS))
    assert not torch.equal(out[0], again[0])
    torch.testing.assert_close(out[1:], again[1:])


def test_every_parameter_learns():
    network = Framewise((1, 8, 8), 3, 4, feature_size=5, pooling="attention", label_smoothing=0.1)
    x = clips((1, 8, 8))
    network.loss(x, torch.tensor(LENGTHS), torch.tensor([0, 1, 2])).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_loss_is_that_of_the_probabilities():
    network = Framewise((2,), 3, 4, pooling=None, label_smoothing=0.2).eval()
    x, lengths = torch.randn(14, 2), torch.tensor(LENGTHS)
    y = torch.randint(3, (14,))
    p = network.probabilities(x, lengths)
    expected = -p[torch.arange(14), y].log().sum()
    torch.testing.assert_close(network.loss(x, lengths, y), expected)


def test_blocks_end_where_the_grid_is_small():
    assert (
        blocks(64, 64) == [16, 32, 64, 64] and blocks(16, 64) == [16, 32] and blocks(4, 4) == [16]
    )
    with pytest.raises(ValueError, match="each halves the sides"):
        Framewise((3, 4, 4), 2, 3, widths=[4, 4, 4])
