"""The network of a recogniser: lengths, streams, loss."""

import pytest
import torch

from unroll.tasks.transcribe.network import Transcriber


def network(**given):
    return Transcriber(
        1, 20, 5, 6, 2, embedding_size=7, cell="gru", **{"subsample": 4, **given}
    ).eval()


@pytest.mark.parametrize("subsample", [1, 2, 4, 8])
@pytest.mark.parametrize("causal", [False, True])
def test_padded_is_alone(subsample, causal):
    net = network(subsample=subsample, causal=causal, bidirectional=not causal)
    x, lengths = torch.randn(41, 3, 20), torch.tensor([41, 17, 3])
    together, steps = net(x, lengths)
    assert steps.tolist() == [n // subsample for n in lengths.tolist()]
    for b, (n, s) in enumerate(zip(lengths.tolist(), steps.tolist(), strict=True)):
        alone, own = net(x[:n, b : b + 1], lengths[b : b + 1])  # of the last not even a step
        assert own.tolist() == [s]
        assert torch.allclose(alone[:s, 0], together[:s, b], atol=1e-5)
    assert torch.allclose(together.exp().sum(-1), torch.ones(together.shape[:2]), atol=1e-5)


@pytest.mark.parametrize("subsample", [1, 2, 4])
@pytest.mark.parametrize("chunk", [1, 3, 8, 50])
def test_a_stream_is_the_whole(subsample, chunk):
    net = network(subsample=subsample, causal=True, bidirectional=False)
    x = torch.randn(50, 20)
    stream = net.stream()
    streamed = torch.cat([stream(part) for part in x.split(chunk)])
    with torch.no_grad():
        whole, _ = net(x[:, None], torch.tensor([50]))
    assert torch.allclose(streamed, whole[:, 0], atol=1e-5)


def test_what_looks_ahead_has_no_stream():
    with pytest.raises(ValueError, match="bidirectional network"):
        network().stream()
    with pytest.raises(ValueError, match="see later columns"):
        network(bidirectional=False).stream()
    with pytest.raises(ValueError, match="subsample=3"):
        network(subsample=3)


def test_loss_is_the_sum_over_paths_and_leaves_out_what_cannot_be():
    net = network(subsample=1)
    x = torch.randn(2, 2, 20)
    log_p, steps = net(x, torch.tensor([2, 2]))
    p = log_p.exp()
    # the text [1] in two steps: 1 1, 1 -, - 1; the text [1, 1] needs three
    first = -(p[0, 0, 1] * p[1, 0, 1] + p[0, 0, 1] * p[1, 0, 0] + p[0, 0, 0] * p[1, 0, 1]).log()
    losses = net.losses(log_p, steps, torch.tensor([1, 1, 1]), torch.tensor([1, 2]))
    assert torch.allclose(losses, torch.stack([first, torch.tensor(0.0)]), atol=1e-5)
    loss = net.loss(x, torch.tensor([2, 2]), torch.tensor([1, 1, 1]), torch.tensor([1, 2]))
    assert loss.item() == pytest.approx(losses.sum().item(), abs=1e-5)
