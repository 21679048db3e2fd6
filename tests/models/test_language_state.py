"""The state of a language model: pieces as the whole, with and without n-grams and conditions."""

import numpy as np
import pytest
import torch

from unroll.models.kneser_ney import KneserNey
from unroll.models.language import LanguageModel
from unroll.models.language_state import (
    from_bytes,
    log_probabilities,
    next_probabilities,
    read,
    resumed,
)
from unroll.models.mixture import MixedLanguageModel

IDS = [2, 3, 4, 2, 3, 5, 2, 3, 4, 4]


def mixed():
    network = LanguageModel(6, 4, 5, 2, gated=True).eval()
    network.gate.bias.fill_(0.3)
    network.gate.weight.copy_(torch.tensor([0.5, -0.2, 0.1]))
    return MixedLanguageModel(network, KneserNey.fit(np.array(IDS * 3), 6, order=4))


def alone():
    return LanguageModel(6, 4, 5, 2, cell="gru").eval()


@pytest.mark.parametrize("make", [mixed, alone])
def test_pieces_give_the_same_bits_as_the_whole_and_the_same_answers_as_the_text(make):
    model = make()
    whole = read(model, IDS, None, None, "w")
    pieces = None
    for part in (IDS[:1], IDS[1:4], [], IDS[4:]):
        pieces = read(model, part, None, pieces, "w") if part or pieces else pieces
    assert pieces.recent == whole.recent and pieces.tokens == whole.tokens == len(IDS)
    for a, b in zip(whole.layers, pieces.layers, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(a, b, strict=True))
    after = model.next_probabilities(torch.tensor(IDS))
    torch.testing.assert_close(next_probabilities(model, whole, None), after, rtol=1e-5, atol=1e-7)
    ids = torch.tensor([*IDS, 3, 4, 5, 1])
    expected = model.log_probabilities(ids)[len(IDS) - 1 :].float()
    found = log_probabilities(model, whole, ids[len(IDS) :], None).float()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [mixed, alone])
def test_a_resumed_stepper_says_what_the_first_one_says(make):
    model = make()
    stepper = model.stepper(1)
    for id in IDS:
        expected = stepper(torch.tensor([id]))
    state = read(model, IDS, None, None, "w")
    assert torch.equal(resumed(model, state, None)(torch.tensor([IDS[-1]])), expected)


def test_a_state_comes_back_from_bytes_and_is_not_changed_by_its_copy():
    model = mixed()
    state = read(model, IDS, None, None, "w")
    again = from_bytes(model, state.to_bytes(), "w", 0, 6)
    assert again.recent == state.recent == tuple(IDS[-3:])
    assert torch.equal(
        next_probabilities(model, again, None), next_probabilities(model, state, None)
    )
    copied = state.copy()
    copied.layers[0].h.zero_()
    assert state.layers[0].h.abs().sum() > 0
    assert state.size == 2 * 2 * 5 * 4 and "after 10 tokens, 80 bytes" in repr(state)
