"""In segments everything is as without: outputs, states and gradients, on every backend."""

import pytest
import torch

import unroll
from unroll.cells import fields
from unroll.engine.memory.bounded import bytes_of
from unroll.engine.noise import draw_by_parts, draw_noise

T, B, I, H = 23, 4, 3, 4
LENGTHS = [23, 20, 7, 0]


def everything(layer, x, **keywords):
    """Outputs, fields of the state, gradients of x and the parameters, and the next random number."""
    torch.manual_seed(5)
    output, state = layer(x, **keywords)
    last = [f for _, f in fields(state) if f.is_floating_point()]
    weight = torch.linspace(-1, 1, output.numel(), dtype=x.dtype).reshape(output.shape)
    loss = (output * weight).sum() + sum(f.square().sum() for f in last)
    wanted = [x, *layer.parameters()]
    gradients = torch.autograd.grad(loss, wanted, allow_unused=True)
    return [t for t in (output, *last, *gradients) if t is not None] + [torch.rand(1)]


def inputs():
    return torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)


def layer_of(cell="lstm", **keywords):
    return unroll.Recurrent(cell, I, H, **keywords).double()


def same(one, other):
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


def zoneout(i, h):
    return unroll.ZoneoutCell(unroll.LSTMCell(i, h), 0.3)


@pytest.mark.parametrize("backend", ["loop", "cpu", "torch"])
@pytest.mark.parametrize("keywords", [{"segment_length": 5}, {"segment_length": "auto"},
                                      {"memory": "60kB"}, {"memory": 600_000}])  # fmt: skip
def test_as_without_segments(backend, keywords):
    layer, x = layer_of(num_layers=2, bidirectional=True), inputs()
    if backend != "cpu" and keywords == {"memory": "60kB"}:
        keywords = {"memory": "200kB"}  # their steps are larger
    call = {"backend": backend, "lengths": LENGTHS}
    if backend != "torch":
        call["resets"] = torch.rand(T, B) < 0.1
    same(everything(layer, x, **call), everything(layer, x, **call, **keywords))


@pytest.mark.parametrize(
    ("cell", "backend"),
    [("slstm", "loop"), ("clockwork", "loop"), ("lru", "parallel"), (zoneout, "loop"),
     (zoneout, "cpu")],
)  # fmt: skip
def test_any_cell_with_its_own_state_and_noise(cell, backend):
    layer, x = layer_of(cell, bidirectional=True), inputs()
    whole = everything(layer, x, lengths=LENGTHS, backend=backend)
    same(whole, everything(layer, x, lengths=LENGTHS, backend=backend, segment_length=4))


def test_bit_for_bit_where_no_sum_has_another_order():
    layer, x = layer_of(bidirectional=True), inputs()
    whole = everything(layer, x, lengths=LENGTHS, backend="loop")
    parts = everything(layer, x, lengths=LENGTHS, backend="loop", segment_length=5)
    for a, b in zip(whole[:4], parts[:4], strict=True):  # outputs, h, c, gradient of x
        assert torch.equal(a, b)


def test_few_kept_states_compute_more_and_give_the_same():
    layer, x = layer_of(), inputs()
    counts = []
    step = unroll.LSTMCell.step

    def counted(cell, *arguments):
        counts[-1] += 1
        return step(cell, *arguments)

    unroll.LSTMCell.step, results = counted, []
    try:
        for keywords in ({}, {"memory": "700kB"}, {"memory": "100kB"}, {"memory": "55kB"}):
            counts.append(0)
            results.append(everything(layer, x, backend="loop", **keywords))
    finally:
        unroll.LSTMCell.step = step
    for other in results[1:]:
        same(results[0], other)
    assert counts[0] == T
    assert counts[0] < counts[1] <= 2 * T < min(counts[2:])


def test_the_start_has_a_gradient_and_a_cut_off_one_has_none():
    layer, x = layer_of("gru"), inputs()
    start = torch.randn(1, B, H, dtype=torch.float64, requires_grad=True)
    whole, parts = (
        torch.autograd.grad(layer(x, start, backend="loop", **k)[0].sum(), [start, x])
        for k in ({}, {"segment_length": 6})
    )
    same(whole, parts)
    output, _ = layer(x.detach(), start.detach(), backend="loop", segment_length=6)
    output.sum().backward()
    assert x.grad is None
    assert all(p.grad is not None for p in layer.parameters())


def test_one_weight_used_twice():
    layer, x = layer_of("rnn"), inputs()
    layer.cells[0].weight_ih = layer.cells[0].weight_hh = torch.nn.Parameter(
        torch.randn(H, H, dtype=torch.float64) / 4
    )
    layer.cells[0].input_size = H
    x = torch.randn(T, B, H, dtype=torch.float64, requires_grad=True)
    same(everything(layer, x, backend="loop"),
         everything(layer, x, backend="loop", segment_length=4))  # fmt: skip


def test_backward_twice_and_the_gradient_of_a_gradient():
    layer, x = layer_of("gru"), inputs()
    output, _ = layer(x, backend="loop", segment_length=7)
    loss = output.square().sum()
    first = torch.autograd.grad(loss, x, retain_graph=True)
    assert torch.equal(first[0], torch.autograd.grad(loss, x, retain_graph=True)[0])

    def twice(**keywords):
        output, _ = layer(x, backend="loop", **keywords)
        (gradient,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
        return torch.autograd.grad(gradient.square().sum(), [x, *layer.parameters()])

    same(twice(), twice(segment_length=7))


def test_the_drop_ins_and_the_block():
    x = inputs()
    for kind in (unroll.RNN, unroll.LSTM, unroll.GRU):
        layer = kind(I, H, num_layers=2, bidirectional=True).double()
        with unroll.backend("torch"):
            whole = everything(layer, x)
            same(whole, everything(layer, x, segment_length=5))
            with unroll.bounded(segment_length=5):
                same(whole, everything(layer, x))
            with torch.no_grad():
                torch.testing.assert_close(layer(x, segment_length=5)[0], whole[0])


def test_the_graph_keeps_less():
    layer, x = unroll.GRU(I, H), torch.randn(2000, B, I)
    totals = []
    for keywords in ({}, {"segment_length": 40}):
        saved = [0]

        def pack(tensor, saved=saved):
            saved[0] += 1
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            layer(x, backend="loop", **keywords)
        totals.append(saved[0])
    assert totals[1] < totals[0] / 40


@pytest.mark.parametrize("each", ["step", "call", "once"])
@pytest.mark.parametrize("kind", ["bernoulli", "uniform"])
def test_the_noise_of_parts_is_that_of_the_whole(each, kind):
    class Noisy(unroll.Cell):
        def noise(self):
            one = unroll.Noise((3,), kind, each, 0.5)
            return {"a": one, "b": unroll.Noise((5,), "bernoulli", "step", 0.5)}

    cell, x = Noisy(2, 3), torch.zeros(10, 4, 2)
    torch.manual_seed(1)
    whole = draw_noise(cell, x)
    after = torch.rand(1)
    torch.manual_seed(1)
    of = draw_by_parts(cell, x, [4, 4, 2])
    assert torch.equal(torch.rand(1), after)
    for name, (how, values) in whole.items():
        for _ in range(2):
            parts = [of(k)[name][1] for k in range(3)]
            assert torch.equal(torch.cat(parts) if how == "step" else parts[0], values)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"segment_length": 0}, "at least 1"),
        ({"segment_length": "root"}, "auto"),
        ({"segment_length": 2, "memory": "1GB"}, "one of them"),
        ({"memory": "plenty"}, "4GB"),
        ({"memory": 1}, "too little"),
    ],
)
def test_what_cannot_be_is_said(keywords, words):
    with pytest.raises(ValueError, match=words):
        unroll.unroll(unroll.GRUCell(I, H), torch.zeros(5, 1, I), **keywords)


def test_a_recording_is_not_cut():
    cell, x = unroll.GRUCell(I, H), torch.zeros(5, 1, I)
    with pytest.raises(ValueError, match="Leave one of them out"):
        unroll.unroll(cell, x, record=unroll.Recording(), segment_length=2)
    with unroll.bounded(segment_length=2):
        record = unroll.Recording()
        unroll.unroll(cell, x, record=record)
    assert len(record.states["h"]) == 5


def test_sizes_in_words():
    assert [bytes_of(w) for w in ("4GB", "1.5 MiB", "20kb", 7)] == [4 * 10**9, 3 * 2**19, 20_000, 7]


def test_explain_says_it():
    with unroll.bounded(segment_length=100):
        assert "in segments of 100 steps" in unroll.explain(unroll.GRU(I, H), backend="loop")
    assert "segments" not in unroll.explain(unroll.GRU(I, H), backend="loop")


def test_a_gradient_that_would_be_lost_is_refused():
    elsewhere = torch.randn(H, dtype=torch.float64, requires_grad=True)

    class Reads(unroll.Cell):
        def forward(self, x, h):
            h = torch.tanh(x.sum(1, keepdim=True) * elsewhere + h)
            return h, h

    x = inputs()
    with pytest.raises(unroll.UserError, match="neither its parameter nor its buffer"):
        output, _ = unroll.unroll(Reads(I, H).double(), x, backend="loop", segment_length=5)
        output.sum().backward()
