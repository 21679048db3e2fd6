"""A network mixed with n-grams: one model, whether it reads a text at once, in batches or by steps."""

import numpy as np
import pytest
import torch

from unroll.data.encoded import Encoded
from unroll.data.stream import evaluation_blocks
from unroll.models.kneser_ney import KneserNey
from unroll.models.language import LanguageModel
from unroll.models.mixture import MixedLanguageModel, NgramReader

V = 7


def ids_of(size, seed):
    return np.random.default_rng(seed).integers(V - 1, size=size).cumsum() % V


@pytest.fixture
def mixed():
    torch.manual_seed(0)
    network = LanguageModel(V, 4, 6, gated=True).eval()
    network.gate.weight.copy_(torch.tensor([-1.0, 0.3, 0.2]))
    network.gate.bias.fill_(0.4)
    return MixedLanguageModel(network, KneserNey.fit(ids_of(300, 0), V, 4))


def test_a_distribution_is_the_weighted_mean_of_both(mixed):
    ids = torch.from_numpy(ids_of(12, 1))
    p = mixed.network.next_probabilities(ids).detach().double()
    ngram = mixed.ngrams.probabilities(mixed.ngrams.rows_after(ids.tolist()))
    found = mixed.next_probabilities(ids).double()
    assert found.sum().item() == pytest.approx(1, abs=1e-6)
    share = (found - torch.from_numpy(ngram)) / (p - torch.from_numpy(ngram))
    assert share.std() < 1e-3 and 0 < share.mean() < 1


def test_after_each_token_of_a_text_in_two_parts(mixed):
    ids = ids_of(10, 4)
    logits, _ = mixed.network(torch.from_numpy(ids)[:, None])
    first, rows = mixed.mix_steps(logits[:6, 0].detach(), ids[:6], None)
    second, _ = mixed.mix_steps(logits[6:, 0].detach(), ids[6:], rows)
    for k, log_p in enumerate([*first, *second], 1):
        expected = mixed.next_probabilities(torch.from_numpy(ids[:k]))
        torch.testing.assert_close(log_p.exp(), expected, atol=1e-5, rtol=0)


def test_steps_and_whole_texts_say_the_same(mixed):
    ids = torch.from_numpy(ids_of(20, 2))
    whole = mixed.log_probabilities(ids)
    step = mixed.stepper(1)
    one_by_one = [step(ids[k : k + 1])[0, ids[k + 1]] for k in range(len(ids) - 1)]
    torch.testing.assert_close(torch.stack(one_by_one).double(), whole, atol=1e-5, rtol=0)
    following = mixed.next_probabilities(ids[:10])[ids[10]].log()
    assert float(following) == pytest.approx(float(whole[9]), abs=1e-5)


def test_steps_go_on_from_a_state_that_was_kept(mixed):
    first, other = (torch.from_numpy(ids_of(6, seed)) for seed in (3, 4))
    step = mixed.stepper(1)
    for token in first[:, None]:
        step(token)
    kept = step.states
    expected = step(torch.tensor([2]))
    for token in other[:, None]:
        step(token)
    step.states = kept
    torch.testing.assert_close(step(torch.tensor([2])), expected)


@pytest.mark.parametrize("size", [30, 9000])
def test_batches_of_a_stream_have_the_histories_of_the_stream(mixed, size):
    ids = ids_of(size, 5)
    p, seen = mixed.ngrams.score(ids)
    reader, found = NgramReader(mixed.ngrams), np.zeros((2, size - 1))
    places = Encoded(np.arange(size), 0, 0)
    blocks = evaluation_blocks(Encoded(ids, 0, 0))
    for batch, place in zip(blocks, evaluation_blocks(places), strict=True):
        said = reader.read(batch.x, batch.y, fresh=batch.fresh, lengths=batch.lengths)
        counts = batch.weight.numpy()
        found[:, place.x.numpy()[counts]] = [each[counts] for each in said]
    np.testing.assert_allclose(found, [p, seen / 3], rtol=1e-12)


def test_a_network_without_a_gate_is_refused(mixed):
    with pytest.raises(ValueError, match="without a gate"):
        MixedLanguageModel(LanguageModel(V, 4, 6), mixed.ngrams)
