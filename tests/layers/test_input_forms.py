import pytest
import torch
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

from unroll.layers.input_forms import normalise_input

T, B, I = 5, 2, 3


def test_time_first_is_kept():
    x, h = torch.randn(T, B, I), torch.randn(1, B, 4)
    inputs = normalise_input(x, h, [5, 2], False, "Recurrent")
    assert inputs.x is x and inputs.state is h and inputs.lengths == [5, 2]
    y = torch.randn(T, B, 4)
    assert inputs.restore_output(y, h) == (y, h)


def test_batch_first_turns_inputs_and_outputs_but_not_the_state():
    x, h = torch.randn(B, T, I), torch.randn(1, B, 4)
    inputs = normalise_input(x, h, None, True, "Recurrent")
    assert inputs.x.shape == (T, B, I) and inputs.state is h
    output, state = inputs.restore_output(torch.randn(T, B, 4), h)
    assert output.shape == (B, T, 4) and state is h


@pytest.mark.parametrize("batch_first", [True, False])
def test_one_sequence_gets_a_batch_of_one(batch_first):
    inputs = normalise_input(torch.randn(T, I), torch.randn(1, 4), None, batch_first, "Recurrent")
    assert inputs.x.shape == (T, 1, I) and inputs.state.shape == (1, 1, 4)
    output, state = inputs.restore_output(torch.randn(T, 1, 4), torch.randn(1, 1, 4))
    assert output.shape == (T, 4) and state.shape == (1, 4)


@pytest.mark.parametrize("order", [[4, 2, 3], [4, 3, 2]])
def test_packed_sequences_come_back_packed_in_their_order(order):
    packed = pack_sequence([torch.randn(n, I) for n in order], enforce_sorted=False)
    inputs = normalise_input(packed, None, None, False, "Recurrent")
    assert inputs.x.shape == (4, 3, I) and inputs.lengths.tolist() == order
    output, _ = inputs.restore_output(2 * inputs.x, None)
    torch.testing.assert_close(pad_packed_sequence(output)[0], 2 * inputs.x)
    torch.testing.assert_close(output.data, 2 * packed.data)


def test_lengths_beside_a_form_that_has_its_own_are_refused():
    packed = pack_sequence([torch.randn(2, I)])
    with pytest.raises(ValueError, match="Recurrent got lengths= beside a PackedSequence"):
        normalise_input(packed, None, [2], False, "Recurrent")
    with pytest.raises(ValueError, match=r"lengths= for one unbatched sequence of shape \[5, 3\]"):
        normalise_input(torch.randn(T, I), None, [5], False, "Recurrent")


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3, 4)])
def test_other_numbers_of_axes_are_refused(shape):
    with pytest.raises(ValueError, match=f"to be 2D or 3D, got {len(shape)}D"):
        normalise_input(torch.zeros(shape), None, None, False, "Recurrent")
