import itertools
import pickle
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import unroll

T, B, I, H = 5, 4, 3, 6
RAGGED = [5, 1, 3, 4]
PAIRS = {
    "rnn": (unroll.RNN, nn.RNN),
    "relu": (partial(unroll.RNN, nonlinearity="relu"), partial(nn.RNN, nonlinearity="relu")),
    "lstm": (unroll.LSTM, nn.LSTM),
    "gru": (unroll.GRU, nn.GRU),
    "projected": (partial(unroll.LSTM, proj_size=2), partial(nn.LSTM, proj_size=2)),
}
SHAPES = [
    {"num_layers": layers, "bidirectional": two, "batch_first": first, "bias": bias}
    for layers, two, first, bias in itertools.product((1, 2), *[(False, True)] * 3)
]
every_layer = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
both_backends = pytest.mark.parametrize("backend", ["auto", "loop"])


def pair_of(pair, **arguments):
    """Our layer and torch's with the same weights, in float64."""
    ours, torchs = (make(I, H, **arguments).double() for make in pair)
    ours.load_state_dict(torchs.state_dict())
    return ours, torchs


def inputs(batch_first=False, batch=B):
    x = torch.randn(T, batch, I).double()
    return x.transpose(0, 1).contiguous() if batch_first else x


def start_for(layer, batch=B):
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    h = torch.randn(rows, batch, layer.proj_size or H).double()
    return (h, torch.randn(rows, batch, H).double()) if isinstance(layer, nn.LSTM) else h


def flat(output, state):
    output = output.data if isinstance(output, PackedSequence) else output
    return [output, *(state if isinstance(state, tuple) else (state,))]


def check_equal(got, expected, layers):
    """The same outputs and states, and the same gradients in every weight."""
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)
    gradients = []
    for tensors, layer in zip((got, expected), layers, strict=True):
        loss = sum((t * torch.arange(t.numel()).view(t.shape).cos()).sum() for t in tensors)
        gradients.append(torch.autograd.grad(loss, list(layer.parameters())))
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


@both_backends
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "-".join(map(str, s.values())))
@every_layer
def test_values_and_gradients_are_torchs(pair, shape, backend):
    ours, torchs = pair_of(pair, **shape)
    x, start = inputs(shape["batch_first"]), start_for(torchs)
    for arguments in ((x,), (x, start)):
        got, expected = flat(*ours(*arguments, backend=backend)), flat(*torchs(*arguments))
        check_equal(got, expected, (ours, torchs))


@both_backends
@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@every_layer
def test_packed_sequences_are_torchs(pair, batch_first, sort, backend):
    ours, torchs = pair_of(pair, num_layers=2, bidirectional=True, batch_first=batch_first)
    lengths = sorted(RAGGED, reverse=True) if sort else RAGGED
    packed = pack_padded_sequence(
        inputs(batch_first), torch.tensor(lengths), batch_first, enforce_sorted=sort
    )
    for arguments in ((packed,), (packed, start_for(torchs))):
        (got, state), (expected, last) = ours(*arguments, backend=backend), torchs(*arguments)
        check_equal(flat(got, state), flat(expected, last), (ours, torchs))
        for field in ("batch_sizes", "sorted_indices", "unsorted_indices"):
            a, b = getattr(got, field), getattr(expected, field)
            assert (a is None and b is None) or torch.equal(a, b)


@both_backends
@pytest.mark.parametrize("batch_first", [True, False])
@every_layer
def test_one_unbatched_sequence_is_torchs(pair, batch_first, backend):
    ours, torchs = pair_of(pair, num_layers=2, bidirectional=True, batch_first=batch_first)
    start = start_for(torchs, batch=1)
    start = tuple(s[:, 0] for s in start) if isinstance(start, tuple) else start[:, 0]
    x = inputs()[:, 0]
    for arguments in ((x,), (x, start)):
        got, expected = flat(*ours(*arguments, backend=backend)), flat(*torchs(*arguments))
        check_equal(got, expected, (ours, torchs))


@both_backends
@pytest.mark.parametrize("batch_first", [True, False])
@every_layer
def test_lengths_are_a_packed_sequence_and_zero_is_allowed(pair, batch_first, backend):
    ours, torchs = pair_of(pair, num_layers=2, bidirectional=True, batch_first=batch_first)
    x, start = inputs(batch_first, batch=B + 1), start_for(torchs, batch=B + 1)
    time_first = x.transpose(0, 1) if batch_first else x
    for b, length in enumerate([*RAGGED, 0]):
        time_first[length:, b] = torch.nan  # a view: x has it too
    output, state = ours(x, start, lengths=[*RAGGED, 0], backend=backend)

    rest = x[:B] if batch_first else x[:, :B]
    packed = pack_padded_sequence(rest, torch.tensor(RAGGED), batch_first, enforce_sorted=False)
    hx = tuple(s[:, :B] for s in start) if isinstance(start, tuple) else start[:, :B]
    expected, last = torchs(packed, hx)
    expected, _ = pad_packed_sequence(expected, batch_first, total_length=T)

    states, starts = flat(output, state)[1:], flat(output, start)[1:]
    outputs = output[:B] if batch_first else output[:, :B]
    check_equal([outputs, *(s[:, :B] for s in states)], flat(expected, last), (ours, torchs))
    assert not (output[B] if batch_first else output[:, B]).any()
    torch.testing.assert_close([s[:, B] for s in states], [s[:, B] for s in starts])


@pytest.mark.parametrize("backend", ["auto", "loop", "torch"])
@every_layer
def test_an_empty_batch_is_torchs(pair, backend):
    ours, torchs = pair_of(pair, num_layers=2)
    with_lengths = ours(inputs(batch=0), lengths=[], backend=backend)
    try:
        expected = flat(*torchs(inputs(batch=0)))
    except RuntimeError as error:
        pytest.skip(f"torch itself refuses an empty batch: {error}")
    for got in (ours(inputs(batch=0), backend=backend), with_lengths):
        torch.testing.assert_close(flat(*got), expected)


@both_backends
@every_layer
def test_resets_start_anew(pair, backend):
    ours, torchs = pair_of(pair, num_layers=2)
    x, resets = inputs(), torch.zeros(T, B, dtype=torch.bool)
    resets[2] = True
    output, state = ours(x, start_for(torchs), resets=resets, backend=backend)
    expected, last = torchs(x[2:])
    torch.testing.assert_close(flat(output[2:], state), flat(expected, last))


@both_backends
@every_layer
def test_dropout_is_between_layers_and_only_in_training(pair, backend):
    ours, torchs = pair_of(pair, num_layers=2, dropout=0.5)
    x = inputs()
    first, again = (ours(x, backend=backend)[0] for _ in range(2))
    assert not torch.equal(first, again)
    got, expected = ours.eval()(x, backend=backend), torchs.eval()(x)
    torch.testing.assert_close(flat(*got), flat(*expected))


@both_backends
def test_one_layer_has_no_place_for_dropout(backend):
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last"):
        layer = unroll.GRU(I, H, dropout=0.5)
    x, before = torch.randn(T, B, I), torch.get_rng_state()
    torch.testing.assert_close(layer(x, backend=backend)[0], layer.eval()(x)[0])
    assert torch.equal(before, torch.get_rng_state())


@every_layer
def test_a_call_draws_no_random_numbers(pair):
    ours, _ = pair_of(pair, num_layers=2)
    before = torch.get_rng_state()
    ours(torch.zeros(T, B, I).double(), lengths=RAGGED)
    ours.stepper(2)
    assert torch.equal(before, torch.get_rng_state())


@every_layer
def test_state_dict_goes_both_ways_and_the_parameters_are_torchs(pair):
    ours, torchs = pair_of(pair, num_layers=2, bidirectional=True)
    torchs.load_state_dict(ours.state_dict())
    described = [[(n, p.shape) for n, p in layer.named_parameters()] for layer in (ours, torchs)]
    assert described[0] == described[1]
    assert repr(ours).startswith(repr(torchs).split("(")[0])


@every_layer
def test_the_same_seed_makes_the_same_weights(pair):
    weights = []
    for make in pair:
        torch.manual_seed(3)
        weights.append(dict(make(I, H, num_layers=2).named_parameters()))
    torch.testing.assert_close(*weights, rtol=0, atol=0)


@pytest.mark.parametrize("wrong", ["input", "dimensions", "batch", "hidden", "rows", "unbatched"])
@both_backends
@every_layer
def test_errors_are_torchs(pair, backend, wrong, monkeypatch):
    monkeypatch.delenv("UNROLL_BACKEND", raising=False)  # torch's own words are on torch's path
    ours, torchs = pair_of(pair, num_layers=2)
    x, start = inputs(), start_for(torchs)
    change = {
        "batch": lambda s: s[:, 1:],
        "hidden": lambda s: s[..., 1:],
        "rows": lambda s: s[1:],
        "unbatched": lambda s: s,
    }.get(wrong)
    if wrong == "input":
        x = x[..., 1:]
    if wrong == "dimensions":
        x = x[None]
    if wrong == "unbatched":
        x = x[:, 0]  # with a batched state
    if change:
        start = tuple(map(change, start)) if isinstance(start, tuple) else change(start)
    arguments = (x, start) if change else (x,)
    with pytest.raises((RuntimeError, ValueError)) as expected:
        torchs(*arguments)
    with pytest.raises(type(expected.value)) as got:
        ours(*arguments, backend=backend)
    if backend == "auto":
        assert str(got.value) == str(expected.value)


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [((0, 4), {}), ((3, 0), {}), ((3, 4, 0), {}), ((3, 4), {"dropout": 2}), ((3, 4.5), {})],
)
@pytest.mark.parametrize("pair", [p for n, p in PAIRS.items() if n != "projected"])
def test_constructor_errors_are_torchs(pair, arguments, keywords):
    errors = []
    for make in pair:
        with pytest.raises((ValueError, TypeError)) as error:
            make(*arguments, **keywords)
        errors.append((type(error.value), str(error.value)))
    assert errors[0] == errors[1]


@pytest.mark.parametrize(
    ("x", "lengths", "message"),
    [
        (torch.zeros(T, I), [T], "got lengths= for one unbatched sequence"),
        (pack_padded_sequence(torch.zeros(T, 1, I), [T]), [T], "lengths= beside a PackedSequence"),
        (torch.zeros(T, B, I), [T], r"lengths got shape \[1\]"),
        (torch.zeros(T, B, I), [T + 1] * B, f"expected numbers from 0 to T={T}"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(x, lengths, message):
    with pytest.raises(ValueError, match=message):
        unroll.GRU(I, H)(x, lengths=lengths)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_records_that_do_not_fit_are_refused(count):
    records = [unroll.Recording() for _ in range(count)]
    with pytest.raises(ValueError, match=rf"got {count} records; expected L\*D=2"):
        unroll.GRU(I, H, 2)(torch.zeros(T, B, I), records=records)


@every_layer
def test_pickle_keeps_class_weights_and_numbers(pair):
    ours, _ = pair_of(pair, num_layers=2)
    again = pickle.loads(pickle.dumps(ours))
    assert type(again) is type(ours)
    x = inputs()
    torch.testing.assert_close(flat(*again(x, lengths=RAGGED)), flat(*ours(x, lengths=RAGGED)))


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@every_layer
def test_torchscript_compiles_a_model_with_the_layer_in_it(pair):
    ours, torchs = pair_of(pair, num_layers=2)  # alone, torch's overloaded forward has no call
    x = inputs()
    torch.testing.assert_close(flat(*torch.jit.script(nn.Sequential(ours))(x)), flat(*torchs(x)))


def test_assigned_and_parametrized_weights_are_used_on_every_path():
    layer, x = unroll.GRU(I, H).double(), inputs()
    nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    layer.weight_ih_l0 = nn.Parameter(layer.weight_ih_l0.detach() * 2)
    fast, loop = layer(x)[0], layer(x, backend="loop")[0]
    torch.testing.assert_close(fast, loop)
    loop.sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
