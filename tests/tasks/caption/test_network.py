"""The captioner: its loss, its stepper, its grid."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from unroll.tasks.caption.network import Captioner, shift_images


def make_captioner(cell="lstm", **more):
    return Captioner(11, (3, 16, 24), [4, 6], 5, 7, cell=cell, **more)


def batch():
    images = torch.randint(256, (3, 3, 16, 24), dtype=torch.uint8)
    target = torch.randint(11, (5, 3))
    weight = torch.arange(5)[:, None] < torch.tensor([5, 3, 1])
    inputs = torch.cat([torch.ones(1, 3, dtype=torch.long), target[:-1]])
    return images, inputs, target, weight


@pytest.mark.parametrize("cell", ["lstm", "gru", "min_gru", "peephole_lstm"])
def test_the_loss_is_the_cross_entropy_and_reaches_every_weight(cell):
    model = make_captioner(cell, attention="additive", tie=False)
    images, inputs, target, weight = batch()
    logits, attended = model(images, inputs)
    loss = model.loss(images, inputs, target, weight, smoothing=0.1)
    wanted = cross_entropy(logits[weight], target[weight], reduction="sum", label_smoothing=0.1)
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()), rel=1e-4)
    assert torch.allclose(attended.sum(-1), torch.ones(5, 3))
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.abs().sum() > 0), name


@pytest.mark.parametrize("cell", ["lstm", "gru", "indrnn"])
def test_step_by_step_equals_all_at_once(cell):
    model = make_captioner(cell).eval()
    images, inputs, _, _ = batch()
    with torch.no_grad():
        logits, attended = model(images, inputs)
        step = model.stepper(model.encode(images))
        for t, ids in enumerate(inputs):
            log_p, weights = step(ids)
            assert torch.allclose(log_p, logits[t].log_softmax(-1), atol=1e-5)
            assert torch.allclose(weights, attended[t], atol=1e-5)


def test_an_image_alone_and_in_a_batch_give_the_same():
    model = make_captioner().eval()
    images, inputs, _, _ = batch()
    together, _ = model(images, inputs)
    alone, _ = model(images[1:2], inputs[:, 1:2])
    assert torch.allclose(together[:, 1], alone[:, 0], atol=1e-5)


def test_the_place_of_a_thing_matters():
    """Without positions, mean and maximum of the features would be the same."""
    model = make_captioner().eval()
    images = torch.zeros(2, 3, 16, 24, dtype=torch.uint8)
    images[0, :, 4:8, 4:8] = images[1, :, 4:8, 12:16] = 255
    logits, _ = model(images, torch.ones(1, 2, dtype=torch.long))
    assert not torch.allclose(logits[:, 0], logits[:, 1], atol=1e-6)


def test_dropout_and_shift_are_for_training():
    model = make_captioner(dropout=0.5, dropout_input=0.5, word_dropout=0.5, shift=3)
    images, inputs, target, weight = batch()
    losses = [float(model.loss(images, inputs, target, weight).detach()) for _ in range(2)]
    assert losses[0] != losses[1]
    model.eval()
    losses = [float(model.loss(images, inputs, target, weight).detach()) for _ in range(2)]
    assert losses[0] == losses[1]


def test_a_shift_moves_and_repeats_the_edge():
    image = torch.arange(12, dtype=torch.uint8).view(1, 1, 3, 4).repeat(40, 1, 1, 1)
    seen = {tuple(one.flatten().tolist()) for one in shift_images(image, 1)}
    down_right = torch.tensor([[0, 0, 1, 2], [0, 0, 1, 2], [4, 4, 5, 6]])
    assert 5 < len(seen) <= 9 and tuple(down_right.flatten().tolist()) in seen
    assert torch.equal(shift_images(image, 0), image)


def test_an_image_too_small_is_refused():
    with pytest.raises(ValueError, match="at least 16 rows and columns"):
        Captioner(11, (3, 8, 24), [2] * 4, 5, 7)


def test_a_decoder_that_learns_alone_leaves_the_convolutions_as_they_are():
    model = make_captioner(dropout=0.1).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    images, inputs, target, weight = batch()
    model.loss(images, inputs, target, weight, sees=False).backward()
    assert model.training and model.look.training
    seen = ("look", "norm_grid", "norm_summary")
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == name.startswith(seen), name
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
