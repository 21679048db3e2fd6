"""The language model computes what its docstring says."""

import math

import pytest
import torch

from unroll.cells import fields
from unroll.models.language import LanguageModel

V, E, H, T, B = 7, 5, 6, 4, 3


@pytest.fixture(params=["rnn", "rnn_relu", "lstm", "gru"])
def cell(request):
    return request.param


def make(cell="lstm", **options):
    torch.manual_seed(0)
    return LanguageModel(V, E, H, 2, cell=cell, **options).double()


def ids(*shape, seed=1):
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(seed))


def test_loss_is_the_cross_entropy_worked_by_hand(cell):
    model = make(cell)
    x, y = ids(T, B), ids(T, B, seed=2)
    logits, _ = model(x)
    by_hand = 0.0
    for t in range(T):
        for b in range(B):
            row = logits[t, b].tolist()
            by_hand += math.log(sum(map(math.exp, row))) - row[y[t, b]]
    assert model.loss(x, y)[0].item() == pytest.approx(by_hand, rel=1e-12)
    weight = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]]).bool()
    parts = -logits.log_softmax(-1).gather(-1, y[..., None])[..., 0]
    assert model.loss(x, y, weight=weight)[0].item() == pytest.approx(
        parts[weight].sum().item(), rel=1e-12
    )


def test_an_untrained_model_with_zero_weights_is_uniform():
    model = make(initialisation="torch")
    torch.nn.init.zeros_(model.weight)
    assert model.loss(ids(T, B), ids(T, B))[0].item() == pytest.approx(T * B * math.log(V))


def test_tied_weights_are_one_parameter():
    model = LanguageModel(V, H, H, tie=True)
    assert model.weight is None
    assert sum(p.shape == (V, H) for p in model.parameters()) == 1
    logits, _ = model(ids(T, B))
    h, _ = model.stack[0](model.embedding(ids(T, B)))
    assert torch.allclose(logits, h @ model.embedding.weight.T + model.bias)


def test_tied_weights_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match=f"embedding_size={E} and an output of {H}"):
        LanguageModel(V, E, H, tie=True)


@pytest.mark.parametrize("categories", [0, 3])
def test_a_stepper_gives_what_forward_gives(cell, categories):
    model = make(cell, categories=categories, dropout=0.5, dropout_input=0.5).eval()
    category = torch.tensor([2, 0, 1]) if categories else None
    x = ids(T, B)
    logits, _ = model(x, category=category)
    step = model.stepper(B, category)
    for t in range(T):
        torch.testing.assert_close(step(x[t]), logits[t], rtol=1e-12, atol=1e-12)


def test_two_halves_with_carried_state_equal_one_pass(cell):
    model, x = make(cell), ids(T, B)
    whole, last = model(x)
    first, state = model(x[:2])
    second, state = model(x[2:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    for (_, a), (_, b) in zip(fields(state), fields(last), strict=True):
        torch.testing.assert_close(a, b)


def test_initial_state_is_what_no_state_means(cell):
    model, x = make(cell), ids(T, B)
    torch.testing.assert_close(model(x, model.initial_state(B))[0], model(x)[0])


def test_categories_change_the_prediction_by_their_vector():
    model, x = make(categories=2), ids(T, B)
    zero, one = (model(x, category=torch.full((B,), k))[0] for k in (0, 1))
    assert not torch.allclose(zero, one)
    mixed, _ = model(x, category=torch.tensor([0, 1, 0]))
    torch.testing.assert_close(mixed[:, 1], one[:, 1])
    torch.testing.assert_close(mixed[:, 0], zero[:, 0])
    model.category.weight.data[1] = model.category.weight.data[0]
    torch.testing.assert_close(model(x, category=torch.ones(B, dtype=torch.long))[0], zero)


def test_padding_changes_nothing(cell):
    model, x = make(cell), ids(T, B)
    lengths = torch.tensor([2, 4, 1])
    changed = x.clone()
    changed[2:, 0], changed[1:, 2] = 0, 0
    (one, state), (other, same) = (model(z, lengths=lengths) for z in (x, changed))
    for b, n in enumerate(lengths.tolist()):
        torch.testing.assert_close(one[:n, b], other[:n, b])
        alone, last = model(x[:n, b : b + 1])
        torch.testing.assert_close(one[:n, b : b + 1], alone)
        for (_, a), (_, c) in zip(fields(state), fields(last), strict=True):
            torch.testing.assert_close(a[:, b : b + 1], c)
    for (_, a), (_, c) in zip(fields(state), fields(same), strict=True):
        torch.testing.assert_close(a, c)


def test_locked_dropout_acts_in_training_alone():
    model, plain = make(dropout=0.5, dropout_input=0.3), make()
    x = ids(T, B)
    assert not torch.equal(model(x)[0], model(x)[0])
    torch.testing.assert_close(model.eval()(x)[0], plain(x)[0], rtol=0, atol=0)


def test_dropout_locks_its_mask_over_time():
    model = make(dropout_input=0.5)
    y = model.drop_input(torch.ones(T, B, E))
    assert torch.equal(y, y[:1].expand_as(y)) and set(y.unique().tolist()) == {0.0, 2.0}


def test_gradients_reach_every_parameter(cell):
    model = make(cell, categories=2)
    model.loss(ids(T, B), ids(T, B, seed=2), category=torch.tensor([0, 1, 1]))[0].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_the_model_says_how_it_was_initialised():
    assert make().initialised.startswith("orthogonal recurrent weights")
    assert make("rnn_relu").initialised.startswith("identity recurrent weights")
    with pytest.raises(ValueError, match="no initialisation 'magic'"):
        make(initialisation="magic")


@pytest.mark.parametrize("chunk", [1, 2 * V, 1 << 22])
def test_log_probabilities_are_those_of_the_logits_in_blocks_of_any_size(monkeypatch, chunk):
    monkeypatch.setattr("unroll.models.softmax.CHUNK", chunk)
    model, sequence = make(), ids(9)
    logits, _ = model(sequence[:-1, None])
    expected = logits[:, 0].log_softmax(-1)[torch.arange(8), sequence[1:]]
    torch.testing.assert_close(model.log_probabilities(sequence), expected)
