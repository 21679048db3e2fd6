"""The optimizers by name; only matrices decay."""

import pytest
import torch
from torch import nn

from unroll.settings import TrainingSettings
from unroll.training.optimizer import make_optimizer


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_only_matrices_decay(name, kind):
    model = nn.Linear(3, 2)
    before = [p.detach().clone() for p in model.parameters()]
    settings = TrainingSettings(optimizer=name, weight_decay=0.5)
    optimizer = make_optimizer(model, settings, 0.1)
    assert isinstance(optimizer, kind)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    torch.testing.assert_close(model.weight.detach(), before[0] * (1 - 0.1 * 0.5))
    assert torch.equal(model.bias, before[1])


def test_momentum_is_the_setting():
    optimizer = make_optimizer(
        nn.Linear(1, 1), TrainingSettings(optimizer="sgd", momentum=0.7), 0.1
    )
    assert all(group["momentum"] == 0.7 for group in optimizer.param_groups)


def test_frozen_and_shared_parameters_are_taken_once_or_not():
    model = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    model["b"].weight = model["a"].weight
    model["a"].bias.requires_grad_(False)
    optimizer = make_optimizer(model, TrainingSettings(), 0.1)
    found = [p for group in optimizer.param_groups for p in group["params"]]
    assert len(found) == 2 and found[0] is model["a"].weight and found[1] is model["b"].bias
