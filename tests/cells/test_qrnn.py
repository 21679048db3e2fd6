import math
from functools import partial

import pytest
import torch

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.qrnn import QRNNCell, QRNNState
from unroll.engine.cpu import build
from unroll.testing import check_cell

needs_a_compiler = pytest.mark.skipif(
    build.unavailable() is not None, reason="nothing can be compiled here"
)
KINDS = [
    {"window": window, "pooling": pooling} for window in (1, 2) for pooling in ("f", "fo", "ifo")
]
kinds = pytest.mark.parametrize("options", KINDS, ids=lambda o: f"{o['pooling']}{o['window']}")


def ramp(*shape, low=-1.0, high=1.0):
    return torch.linspace(low, high, math.prod(shape), dtype=torch.float64).reshape(shape)


# salesforce/pytorch-qrnn at 1634991, QRNNLayer without CUDA in float64: the same ramps, three
# steps; the rows of its forget gate negated, because its F lets the new in and ours keeps the old
THEIRS = [
    (
        {"window": 1},
        [-0.060640612929, 0.124726997920, -0.330547882297, 0.228147051151, -0.765986469705,
         -0.075993869225],
        [-0.834223179568, -0.077411283795],
    ),
    (
        {"window": 2},
        [-0.050325746512, 0.040121966433, -0.721167457902, 0.418810186703, -0.852830619103,
         0.028199946477],
        [-0.923474526293, 0.028689028349],
    ),
    (
        {"pooling": "f"},
        [0.199942973544, 0.666727746745, -0.154583906141, 0.448726087221, -0.326702984753,
         0.422637013539],
        [-0.326702984753, 0.422637013539],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("options", "h", "c"), THEIRS)
def test_three_steps_give_the_numbers_of_the_authors_code(options, h, c):
    cell = QRNNCell(2, 2, **options).double()
    with torch.no_grad():
        for name, p in cell.named_parameters():
            p.copy_(ramp(*p.shape).flip(0) if name == "weight_previous" else ramp(*p.shape))
    state = ramp(1, 2)
    if cell.window == 2:
        state = QRNNState(state, ramp(1, 2, low=0.5, high=1))
    output, last = unroll.unroll(cell, ramp(3, 1, 2, low=-2, high=2), state, backend="loop")
    assert output.flatten().tolist() == pytest.approx(h, abs=1e-11)
    if cell.window == 2:
        assert last.previous.tolist() == [[1.2, 2.0]]
        last = last.c
    assert last.flatten().tolist() == pytest.approx(c, abs=1e-11)


def test_ifo_pooling_gives_the_numbers_of_the_equations():
    # z = tanh(1), f = sigmoid(0) = 1/2, o = sigmoid(log 3) = 3/4, i = sigmoid(-log 3) = 1/4
    cell = QRNNCell(1, 1, pooling="ifo").double()
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor([[1.0], [0.0], [0.0], [0.0]]))
        cell.bias.copy_(torch.tensor([0.0, 0.0, math.log(3), -math.log(3)]))
    h, c = cell(torch.ones(1, 1).double(), torch.full((1, 1), 2.0).double())
    assert c.item() == pytest.approx(0.5 * 2 + 0.25 * math.tanh(1))
    assert h.item() == pytest.approx(0.75 * c.item())


def test_a_window_of_two_is_a_masked_convolution():
    cell, x = QRNNCell(3, 4, window=2, pooling="f").double(), torch.randn(6, 2, 3).double()
    kernel = torch.stack([cell.weight_previous, cell.weight_ih], 2)  # the last tap is now
    padded = torch.nn.functional.pad(x.permute(1, 2, 0), (1, 0))
    z, f = torch.nn.functional.conv1d(padded, kernel, cell.bias).permute(2, 0, 1).chunk(2, -1)
    c = torch.zeros(2, 4).double()
    for t in range(6):
        c = f[t].sigmoid() * c + (1 - f[t].sigmoid()) * z[t].tanh()
    output, state = unroll.unroll(cell, x, backend="loop")
    torch.testing.assert_close(output[-1], c)
    torch.testing.assert_close(state.previous, x[-1])


def test_gates_are_named_for_a_recording():
    for options, names in (
        ({"pooling": "f"}, ["candidate", "forget_gate"]),
        ({}, ["candidate", "forget_gate", "output_gate"]),
        ({"pooling": "ifo"}, ["candidate", "forget_gate", "output_gate", "input_gate"]),
    ):
        cell, named = QRNNCell(3, 4, **options), []
        with collecting_taps(lambda name, value, named=named: named.append(name)):
            cell(torch.zeros(2, 3), cell.initial_state(2))
        assert named == names


@pytest.mark.parametrize("window", [0, 3])
def test_other_windows_are_refused(window):
    with pytest.raises(ValueError, match=f"QRNNCell got window={window}; expected 1 or 2"):
        QRNNCell(3, 4, window=window)


def test_other_poolings_are_refused():
    with pytest.raises(ValueError, match="pooling='max'; expected one of f, fo, ifo"):
        QRNNCell(3, 4, pooling="max")


@kinds
def test_promises_of_a_cell(options):
    check_cell(partial(QRNNCell, **options))


@kinds
def test_in_a_layer(options):
    layer = unroll.Recurrent(partial(QRNNCell, **options), 3, 4, num_layers=1, bidirectional=True)
    output, _ = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert output.shape == (5, 2, 8)
    assert not output[2:, 1].any()
    if options["window"] == 1:
        deep = unroll.Recurrent(partial(QRNNCell, **options), 3, 4, 2, bidirectional=True)
        assert deep(torch.randn(5, 2, 3), lengths=[5, 2])[1].shape == (4, 2, 4)


@needs_a_compiler
@kinds
def test_products_of_the_compiled_loop(options):
    page = unroll.explain(QRNNCell(4, 4, **options), backend="cpu")
    rows = {"f": 8, "fo": 12, "ifo": 16}[options["pooling"]]
    inside = 4 * rows if options["window"] == 2 else 0
    assert f"Parameters multiplied: {inside} numbers in the loop, {4 * rows} before it" in page
