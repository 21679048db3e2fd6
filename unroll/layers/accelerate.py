"""Replace the recurrent layers of an existing model by unroll's, in place."""

from __future__ import annotations

from torch import nn

from unroll.layers.drop_in import GRU, LSTM, RNN

OURS: dict[type[nn.Module], type[nn.Module]] = {nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU}


def accelerate(model: nn.Module) -> nn.Module:
    """Make every torch.nn.RNN, LSTM and GRU inside a model run through unroll.

    When to use it: for a model that somebody else wrote; its code does not change. The modules stay
    the same objects with the same parameters, hooks and state_dict; only their class changes.
    Subclasses, parametrized and scripted modules are left as they are.

    Args:
        model: any module; changed in place.

    Returns:
        The model itself.

    Raises:
        ValueError: the model holds no torch.nn.RNN, LSTM or GRU.

    Examples:
        >>> import torch, unroll
        >>> model = torch.nn.Sequential(torch.nn.Embedding(10, 4), torch.nn.GRU(4, 8))
        >>> model = unroll.accelerate(model)
        >>> type(model[1]).__module__, tuple(model(torch.zeros(5, 2, dtype=torch.long))[0].shape)
        ('unroll.layers.drop_in', (5, 2, 8))
    """
    found = 0
    for module in model.modules():
        if type(module) in OURS:
            module.__class__ = OURS[type(module)]
        found += type(module) in OURS.values()
    if not found:
        raise ValueError(
            f"{type(model).__name__} holds no torch.nn.RNN, LSTM or GRU, so there is nothing to "
            "accelerate. Cells in a loop of the model's own can be run by unroll.unroll."
        )
    return model
