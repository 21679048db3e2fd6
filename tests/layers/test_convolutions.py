"""An image alone and in a batch give the same; what stands behind its end counts in no mean."""

import math

import pytest
import torch
from torch import nn

from unroll.layers.convolutions import Convolutions, MaskedNorm

WIDTHS = torch.tensor([17, 9, 4, 1, 0])


def images(lengths=WIDTHS, channels=2, height=9, padding=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(lengths), channels, height, int(lengths.max()), generator=generator)
    for image, n in zip(x, lengths.tolist(), strict=True):
        image[..., n:] = padding
    return x


def network(seed=0):
    torch.manual_seed(seed)
    look = Convolutions(2, [4, 6, 5], [(2, 2), (3, 1), (1, 2)])
    for norm in look.norms:
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
        nn.init.normal_(norm.bias)
    return look


@pytest.mark.parametrize("padding", [0.0, 7.0, math.nan])
def test_alone_is_as_in_a_batch(padding):
    look = network().eval()
    together, lengths = look(images(padding=padding), WIDTHS)
    assert lengths.tolist() == [4, 2, 1, 0, 0]
    assert together.shape[2:] == look.reduced(9, 17)
    for k, n in enumerate(WIDTHS.tolist()):
        own = together[k, :, :, : lengths[k]]
        assert not together[k, :, :, lengths[k] :].any()
        if lengths[k]:
            alone, none = look(images()[k : k + 1, :, :, :n])
            assert none is None
            torch.testing.assert_close(alone[0, :, :, : lengths[k]], own)


@pytest.mark.parametrize("padding", [0.0, math.nan])
def test_training_does_not_see_what_is_behind_the_end(padding):
    outputs, gradients, statistics = [], [], []
    for wider in (0, 6):
        look = network().double().train()  # float32 rounds otherwise where an image is wider
        x = nn.functional.pad(images(padding=padding).double(), (0, wider), value=padding)
        y, _ = look(x, WIDTHS)
        y.square().sum().backward()
        outputs.append(y[..., :4])
        gradients.append([p.grad for p in look.parameters()])
        statistics.append([norm.running_mean for norm in look.norms])
    for pair in (outputs, gradients, statistics):
        torch.testing.assert_close(pair[0], pair[1], rtol=1e-10, atol=1e-10)
        assert all(bool(torch.isfinite(t).all()) for t in pair[0])


def test_statistics_are_those_of_all_columns_together():
    """Images of several widths beside one image that holds all their columns."""
    lengths = torch.tensor([5, 3, 4])
    x = images(lengths, channels=3, height=4, padding=7.0)
    inside = (torch.arange(5) < lengths[:, None])[:, None, None, :]
    ours, theirs = MaskedNorm(3).double().train(), nn.BatchNorm2d(3).double().train()
    nn.init.normal_(ours.weight)
    theirs.weight = ours.weight
    joined = torch.cat([image[..., :n] for image, n in zip(x, lengths, strict=True)], -1)
    y = ours(x.double(), inside)
    expected = theirs(joined[None].double())[0]
    found = torch.cat([image[..., :n] for image, n in zip(y, lengths, strict=True)], -1)
    torch.testing.assert_close(found, expected)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name))


def test_without_lengths_it_is_torchs_own():
    x = images(torch.tensor([6, 6]))
    ours, theirs = MaskedNorm(2), nn.BatchNorm2d(2)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=0)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)
    look = network().train()
    whole, _ = look(x)
    same, lengths = network().train()(x, torch.tensor([6, 6]))
    assert lengths.tolist() == [1, 1]
    torch.testing.assert_close(whole, same)


def test_gradients():
    torch.manual_seed(0)
    norm, inside = MaskedNorm(2).double().train(), torch.tensor([[1, 1, 1], [1, 0, 0]]).bool()
    x = torch.randn(2, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: norm(x, inside[:, None, None, :]), x)


def test_pools_and_widths_have_to_match():
    with pytest.raises(ValueError, match="2 widths and 1 pools"):
        Convolutions(1, [4, 4], [(2, 2)])
