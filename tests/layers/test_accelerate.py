import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import unroll


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.encoder = nn.LSTM(4, 3, num_layers=2, bidirectional=True)
        self.decoder = nn.GRU(6, 5)

    def forward(self, x):
        return self.decoder(self.encoder(self.embedding(x))[0])[0]


def test_the_model_stays_the_same_object_and_gives_the_same_numbers():
    model, x = Tagger(), torch.randint(10, (7, 2))
    before, encoder, weights = model(x), model.encoder, dict(model.named_parameters())
    assert unroll.accelerate(model) is model and model.encoder is encoder
    assert (type(model.encoder), type(model.decoder)) == (unroll.LSTM, unroll.GRU)
    assert all(p is weights[name] for name, p in model.named_parameters())
    torch.testing.assert_close(model(x), before)


def test_a_second_time_changes_nothing():
    model = unroll.accelerate(Tagger())
    assert type(unroll.accelerate(model).encoder) is unroll.LSTM


def test_subclasses_and_parametrized_layers_are_left_alone():
    class OwnGRU(nn.GRU):
        pass

    model = nn.ModuleList([OwnGRU(3, 4), nn.RNN(3, 4), nn.GRU(3, 4)])
    parametrizations.weight_norm(model[2], "weight_hh_l0")
    kinds = [type(layer) for layer in model]
    unroll.accelerate(model)
    assert [type(layer) for layer in model] == [kinds[0], unroll.RNN, kinds[2]]


def test_a_model_without_recurrent_layers_is_refused():
    with pytest.raises(ValueError, match=r"Linear holds no torch\.nn\.RNN, LSTM or GRU"):
        unroll.accelerate(nn.Linear(3, 4))
