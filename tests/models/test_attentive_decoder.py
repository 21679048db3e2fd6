"""A decoder with attention, one token at a time."""

import pytest
import torch

from unroll.models.attentive_decoder import AttentiveStepper
from unroll.tasks.translate.network import TranslateNetwork

LENGTHS = torch.tensor([6, 1, 4])


@pytest.fixture
def model():
    return TranslateNetwork(
        9, 11, 4, 6, num_layers=2, cell="gru", input_feeding=True, coverage=True
    ).eval()


def test_selected_rows_continue_as_they_were(model):
    source, lengths, inputs = torch.randint(2, 9, (6, 3)), LENGTHS, torch.randint(2, 11, (5, 3))
    rows = torch.tensor([2, 0, 0])
    stepper = model.stepper(model.encode(source, lengths))
    stepper(inputs[0])
    stepper.select(rows)
    found, _ = stepper(inputs[1][rows])
    other = model.stepper(model.encode(source[:, rows], lengths[rows]))
    other(inputs[0][rows])
    expected, _ = other(inputs[1][rows])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_repeated_inputs_stand_beside_one_another(model):
    encoded = model.encode(torch.randint(2, 9, (6, 3)), LENGTHS)
    ids = torch.tensor([3, 4, 5])
    log_p, weights = AttentiveStepper(model, encoded)(ids)
    repeated, attended = AttentiveStepper(model, encoded.repeated(2))(ids.repeat_interleave(2))
    torch.testing.assert_close(repeated, log_p.repeat_interleave(2, 0))
    torch.testing.assert_close(attended, weights.repeat_interleave(2, 0))
