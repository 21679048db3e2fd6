"""What torch's exporters write of a layer runs elsewhere, for any number of steps, or is refused."""

import io
import logging
import warnings

import pytest
import torch
from torch import nn

import unroll
from unroll.cells import fields
from unroll.layers.exporting import exportable

I, H = 3, 4
CELLS = [
    *("rnn", "lstm", "gru", "min_gru", "min_lstm", "qrnn", "lru", "rg_lru", "janet"),
    *("layer_norm_lstm", "clockwork", "echo_state"),
]


def runtime(model, example, axes):
    """onnxruntime's session of a legacy export whose named axes have any length."""
    pytest.importorskip("onnx", reason="onnx is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter is deprecated
        torch.onnx.export(
            model.eval(), example, file, dynamo=False, input_names=list(axes), dynamic_axes=axes
        )
    return onnxruntime.InferenceSession(file.getvalue())


def check(session, model, *inputs):
    """Every output of the session is that of the layer."""
    given = {x.name: t.numpy() for x, t in zip(session.get_inputs(), inputs, strict=True)}
    with torch.no_grad(), unroll.backend("loop"):
        output, state = model(*inputs)
    expected = [output, *(field for _, field in fields(state))]
    got = [torch.from_numpy(y) for y in session.run(None, given)]
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_runs_in_onnxruntime_for_any_number_of_steps(cell):
    layer = unroll.Recurrent(cell, I, H, num_layers=2, bidirectional=True)
    session = runtime(layer, (torch.randn(10, 2, I),), {"x": {0: "T", 1: "B"}})
    for T, B in ((10, 2), (25, 3), (4, 1), (1, 2)):
        check(session, layer, torch.randn(T, B, I))


def test_a_projection_which_onnx_lacks_is_a_loop():
    layer = unroll.LSTM(I, H, proj_size=2)
    session = runtime(layer, (torch.randn(10, 2, I),), {"x": {0: "T", 1: "B"}})
    check(session, layer, torch.randn(25, 3, I))


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_drop_in_layer_is_exported_as_torchs_own(name):
    layer, own = getattr(unroll, name)(I, H), getattr(nn, name)(I, H)
    own.load_state_dict(layer.state_dict())
    axes = {"x": {0: "T", 1: "B"}}
    example = (torch.randn(10, 2, I),)
    session = runtime(layer, example, axes)
    for T, B in ((10, 2), (25, 3), (4, 1)):
        x = torch.randn(T, B, I)
        check(session, layer, x)
        given = {"x": x.numpy()}
        twin = runtime(own, example, axes).run(None, given)
        for got, expected in zip(session.run(None, given), twin, strict=True):
            assert (got == expected).all()


@pytest.mark.parametrize("layer", ["min_gru", "janet", "lstm", "GRU"])
def test_lengths_are_an_input_of_the_exported_file(layer):
    class WithLengths(nn.Module):
        def __init__(self):
            super().__init__()
            make = (
                unroll.GRU if layer == "GRU" else lambda *a, **k: unroll.Recurrent(layer, *a, **k)
            )
            self.layer = make(I, H, bidirectional=True)

        def forward(self, x, lengths):
            return self.layer(x, lengths=lengths)

    model = WithLengths()
    axes = {"x": {0: "T", 1: "B"}, "lengths": {0: "B"}}
    session = runtime(model, (torch.randn(10, 2, I), torch.tensor([10, 4])), axes)
    for T, lengths in ((10, [10, 4]), (25, [3, 25, 0]), (4, [4])):
        check(session, model, torch.randn(T, len(lengths), I), torch.tensor(lengths))


def test_a_state_is_an_input_of_the_exported_file():
    layer = unroll.Recurrent("peephole_lstm", I, H)
    start = layer.initial_state(2)
    axes = {"x": {0: "T"}, "h": {}, "c": {}}
    session = runtime(layer, (torch.randn(10, 2, I), start), axes)
    x, h, c = torch.randn(25, 2, I), torch.randn(1, 2, H), torch.randn(1, 2, H)
    given = {"x": x.numpy(), "h": h.numpy(), "c": c.numpy()}
    expected, _ = layer(x, type(start)(h, c))
    got = torch.from_numpy(session.run(None, given)[0])
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("cell", ["min_gru", "lru"])
def test_what_torch_export_makes_of_a_parallel_form_has_derivatives(cell):
    layer = unroll.Recurrent(cell, I, H)
    exported = torch.export.export(layer, (torch.randn(12, 2, I),)).module()
    x = torch.randn(12, 2, I, requires_grad=True)
    got, expected = exported(x)[0], layer(x, backend="loop")[0]
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        torch.autograd.grad(got.sum(), x), torch.autograd.grad(expected.sum(), x)
    )


def test_torch_export_refuses_to_keep_a_number_of_steps_that_is_to_vary():
    axes = ({0: torch.export.Dim("T")},)
    logging.getLogger("unroll").setLevel(logging.ERROR)
    try:
        with pytest.raises(Exception, match="Constraints violated"):
            torch.export.export(
                unroll.Recurrent("min_gru", I, H), (torch.randn(12, 2, I),), dynamic_shapes=axes
            )
    finally:
        logging.getLogger("unroll").setLevel(logging.NOTSET)


def test_only_defaults_by_position_are_passed_over_and_only_in_a_trace():
    class Layer(nn.Module):
        @exportable
        def forward(self, x, state=None, *, scale=None):
            return x * (1 if scale is None else scale)

    layer, x = Layer(), torch.ones(1)
    assert layer(x, scale=2).item() == 2
    with pytest.raises(TypeError, match="positional"):
        layer(x, None, None)
    with pytest.raises(TypeError, match="positional"):
        unroll.LSTM(I, H)(torch.randn(2, 1, I), None, [2])
