"""States as bytes: the same numbers again, and everything else refused in a sentence."""

import pytest
import torch
from safetensors.torch import save

import unroll
from unroll.cells import LSTMState
from unroll.errors import UserError
from unroll.layers.kept_state import state_from_bytes, state_to_bytes, weights_hash

STATE = LSTMState(torch.arange(6.0).reshape(1, 2, 3), torch.ones(1, 2, 3, dtype=torch.float64))


def test_a_state_comes_back_to_the_bit_with_its_facts():
    content = state_to_bytes(STATE, "abc", {"tokens": "7"})
    state, facts = state_from_bytes(content, STATE, "abc")
    assert type(state) is LSTMState and facts == {"tokens": "7"}
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(state, STATE, strict=True))


def test_complex_numbers_and_nested_states_come_back():
    state = (torch.tensor([[1 + 2j]]), (torch.tensor([[3]]), torch.tensor([[True]])))
    again, _ = state_from_bytes(state_to_bytes(state, "w"), state, "w")
    assert torch.equal(again[0], state[0]) and torch.equal(again[1][1], state[1][1])


def test_every_changed_byte_is_noticed():
    content = state_to_bytes(STATE, "abc")
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1
        try:
            state, _ = state_from_bytes(bytes(damaged), STATE, "abc")
        except UserError as error:
            assert len(str(error)) < 300
        else:  # the padding of the header holds nothing
            assert all(torch.equal(a, b) for a, b in zip(state, STATE, strict=True))
            assert content[place : place + 1] == b" "


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "are no state"),
        (b"\x00" * 40, "are no state"),
        (state_to_bytes(STATE, "abc")[:-1], "are no state, or a damaged one"),
        (save({"h": torch.zeros(2)}), "a file of tensors, and no state"),
        ("text", "got 'text'; expected the bytes"),
        (state_to_bytes(STATE, "def"), "belongs to other weights"),
        (state_to_bytes(STATE.h, "abc"), "has the fields h .*; expected c"),
    ],
)
def test_what_is_no_state_of_these_weights_is_refused(content, message):
    with pytest.raises(UserError, match=message):
        state_from_bytes(content, STATE, "abc")


def test_the_hash_is_of_names_types_shapes_and_numbers():
    one = torch.arange(4.0)
    hashes = [
        weights_hash(tensors)
        for tensors in (
            [("a", one)], [("b", one)], [("a", one.double())], [("a", one.reshape(2, 2))], [("a", -one)]
        )
    ]  # fmt: skip
    assert len(set(hashes)) == len(hashes)
    assert weights_hash([("a", one), ("b", one)]) == weights_hash([("b", one), ("a", one)])


@pytest.mark.parametrize("cell", ["lstm", "gru", "clockwork", "lru", "slstm"])
def test_a_stepper_goes_on_from_bytes_to_the_bit(cell):
    layer = unroll.Recurrent(cell, 3, 4, num_layers=2)
    x = torch.randn(6, 2, 3)
    whole = layer.stepper(2)
    outputs = [whole(step) for step in x]
    first = layer.stepper(2)
    for step in x[:3]:
        first(step)
    second = layer.stepper(2)
    second.state = second.state_from_bytes(first.state_to_bytes())
    assert all(torch.equal(second(step), y) for step, y in zip(x[3:], outputs[3:], strict=True))
    with pytest.raises(UserError, match="belongs to other weights"):
        unroll.Recurrent(cell, 3, 4, num_layers=2).stepper(2).state_from_bytes(
            first.state_to_bytes()
        )
