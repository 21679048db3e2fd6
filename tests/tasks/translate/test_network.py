"""The translator: fast form = a step at a time = the loop; padded = alone; mixed inputs."""

import pytest
import torch
from torch.nn.functional import cross_entropy

import unroll
from unroll.tasks.translate.network import TranslateNetwork

S, T, B, V, W = 6, 5, 3, 9, 11
LENGTHS = torch.tensor([6, 1, 4])


def translator(**settings):
    sizes = {"embedding_size": 4, "hidden_size": 6, "num_layers": 2, "cell": "gru", **settings}
    return TranslateNetwork(V, W, **sizes).eval()


def batch():
    return torch.randint(2, V, (S, B)), LENGTHS, torch.randint(2, W, (T, B))


KINDS = [
    {},
    {"cell": "lstm", "attention": "additive", "tie": False},
    {"cell": "slstm", "coverage": True},
    {"cell": "min_gru", "decoder_cell": "lstm", "attention": "dot"},
    {"input_feeding": True},
    {"input_feeding": True, "cell": "lstm", "coverage": True, "tie": False},
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_step_at_a_time_is_the_teacher_forced_decoder(kind):
    model = translator(**kind)
    if model.attention.coverage is not None:
        torch.nn.init.constant_(model.attention.coverage, -1.5)
    source, lengths, inputs = batch()
    logits, weights = model(source, lengths, inputs)
    stepper = model.stepper(model.encode(source, lengths))
    for t, ids in enumerate(inputs):
        log_p, attended = stepper(ids)
        torch.testing.assert_close(log_p, logits[t].log_softmax(1), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(attended, weights[t], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_fast_form_equals_the_loop_in_values_and_gradients(kind):
    model = translator(**kind)
    source, lengths, inputs = batch()
    weight = torch.arange(T)[:, None] < torch.tensor([5, 2, 3])
    found = []
    for backend in ("auto", "loop"):
        model.zero_grad()
        with unroll.backend(backend):
            loss = model.loss(source, lengths, inputs, inputs, weight, smoothing=0.1)
            loss.backward()
        gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        found.append([loss.detach(), *gradients])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("feeding", [False, True])
def test_padded_equals_alone(feeding):
    model = translator(input_feeding=feeding)
    source, lengths, inputs = batch()
    logits, weights = model(source, lengths, inputs)
    for b, n in enumerate(LENGTHS.tolist()):
        alone, attended = model(source[:n, b : b + 1], LENGTHS[b : b + 1], inputs[:, b : b + 1])
        torch.testing.assert_close(alone[:, 0], logits[:, b], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(attended[:, 0], weights[:, b, :n], atol=1e-5, rtol=1e-4)
        assert (weights[:, b, n:] == 0).all()


def test_the_loss_is_that_of_the_logits():
    model = translator()
    source, lengths, inputs = batch()
    targets = torch.randint(W, (T, B))
    weight = torch.arange(T)[:, None] < torch.tensor([2, 5, 1])
    logits, _ = model(source, lengths, inputs)
    expected = cross_entropy(logits[weight], targets[weight], reduction="sum", label_smoothing=0.2)
    found = model.loss(source, lengths, inputs, targets, weight, smoothing=0.2)
    torch.testing.assert_close(found, expected)


def test_inputs_of_its_own_are_mixed_in():
    model = translator()
    source, lengths, inputs = batch()
    encoded = model.encode(source, lengths)
    predicted = model(source, lengths, inputs)[0].argmax(-1)
    mixed = model.mix_inputs(encoded, inputs, 0.0)
    assert torch.equal(mixed[0], inputs[0]) and torch.equal(mixed[1:], predicted[:-1])
    assert torch.equal(model.mix_inputs(encoded, inputs, 1.0), inputs)


def test_one_embedding_for_both_sides():
    model = TranslateNetwork(V, V, 4, 6, joint=True)
    assert model.source is model.target is not None
    assert model.softmax_weight is model.source.weight
    with pytest.raises(ValueError, match="source_size=9 and target_size=11"):
        TranslateNetwork(V, W, 4, 6, joint=True)


def test_dropout_is_for_training_alone():
    model = translator(dropout=0.5, dropout_input=0.5)
    source, lengths, inputs = batch()
    assert torch.equal(model(source, lengths, inputs)[0], model(source, lengths, inputs)[0])
    model.train()
    assert not torch.equal(model(source, lengths, inputs)[0], model(source, lengths, inputs)[0])
