from functools import partial
from math import exp, tanh

import pytest
import torch
from torch import nn

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.conv_lstm import ConvLSTMCell
from unroll.testing import check_cell


def filled(cell, **values):
    with torch.no_grad():
        for name, value in values.items():
            getattr(cell, name).copy_(torch.tensor(value).double())


def sigmoid(v):
    return 1 / (1 + exp(-v))


def test_step_gives_the_numbers_of_the_equations():
    """An image of one row and two pixels, one channel, one map, worked with mpmath to 30 digits.

    Of a 3 x 3 kernel only the middle row meets pixels: left, middle, right. For the left pixel

        x = 1, -2;  h = 0.5, 0.25;  c = -1, 0.5
        i = sigmoid(0.5 * 1 - 0.3 * -2    - 0.2 * 0.5 + 0.1 * 0.25  + 0.3 * -1 + 0.1)

    and so on with the weights below (the first pixel has nothing on its left, the second nothing
    on its right); the rows above and below are 9.0, which must not matter.
    """
    cell = ConvLSTMCell(2, 2, height=1, width=2).double()

    def kernels(*middles):
        return [[[[9.0] * 3, middle, [9.0] * 3]] for middle in middles]

    filled(
        cell,
        weight_ih=kernels([0.1, 0.5, -0.3], [0.2, -0.4, 0.6], [-0.7, 0.8, 0.9], [0.3, 0.2, -0.1]),
        weight_hh=kernels([0.4, -0.2, 0.1], [-0.5, 0.3, 0.2], [0.6, 0.1, -0.8], [-0.3, 0.7, 0.5]),
        bias=[0.1, 0.2, -0.1, 0.3],
        peephole_input=[[[0.3, -0.4]]],
        peephole_forget=[[[-0.2, 0.5]]],
        peephole_output=[[[0.6, 0.1]]],
    )
    state = unroll.LSTMState(*torch.tensor([[[0.5, 0.25]], [[-1.0, 0.5]]]).double())
    output, new = cell(torch.tensor([[1.0, -2.0]]).double(), state)
    expected_c = [-0.85875021089448317, 0.10066012454591838]
    expected_h = [-0.45855113509718480, 0.05602930626742578]
    assert new.c[0].tolist() == pytest.approx(expected_c, abs=1e-7)
    assert output[0].tolist() == pytest.approx(expected_h, abs=1e-7)
    assert output is new.h


def pixel_by_pixel(cell, x, h, c):
    """The paper's equations for one sequence, over lists: x[channel][row][column]."""
    k, height, width = cell.kernel_size, cell.height, cell.width

    def conv(weights, maps, row, column):
        return sum(
            weights[m][a][b] * maps[m][row + a - k // 2][column + b - k // 2]
            for m in range(len(maps))
            for a in range(k)
            for b in range(k)
            if 0 <= row + a - k // 2 < height and 0 <= column + b - k // 2 < width
        )

    W, R, bias = cell.weight_ih.tolist(), cell.weight_hh.tolist(), cell.bias.tolist()
    ci, cf, co = (
        getattr(cell, f"peephole_{gate}").tolist() for gate in ("input", "forget", "output")
    )
    K = len(c)
    new_h, new_c = ([[[0.0] * width for _ in range(height)] for _ in range(K)] for _ in "hc")
    for m in range(K):
        for row in range(height):
            for column in range(width):
                i, f, g, o = (
                    conv(W[gate * K + m], x, row, column)
                    + conv(R[gate * K + m], h, row, column)
                    + bias[gate * K + m]
                    for gate in range(4)
                )
                old = c[m][row][column]
                i = sigmoid(i + ci[m][row][column] * old)
                f = sigmoid(f + cf[m][row][column] * old)
                new = f * old + i * tanh(g)
                o = sigmoid(o + co[m][row][column] * new)
                new_c[m][row][column] = new
                new_h[m][row][column] = o * tanh(new)
    return new_h, new_c


def test_it_is_the_paper_pixel_by_pixel():
    C, K, height, width = 2, 3, 4, 5
    area = height * width
    cell = ConvLSTMCell(C * area, K * area, height=height, width=width, kernel_size=5).double()
    frames = torch.randn(3, 1, C, height, width).double()
    output, state = unroll.unroll(cell, frames.flatten(2), backend="loop")
    h = c = torch.zeros(K, height, width).tolist()
    for t in range(3):
        h, c = pixel_by_pixel(cell, frames[t, 0].tolist(), h, c)
        maps = output[t, 0].unflatten(0, (K, height, width))
        torch.testing.assert_close(maps, torch.tensor(h).double())
    torch.testing.assert_close(
        state.c[0].unflatten(0, (K, height, width)), torch.tensor(c).double()
    )


def test_with_kernels_of_one_pixel_every_pixel_is_torchs_lstm():
    C, K, height, width = 2, 3, 2, 2
    cell = ConvLSTMCell(C * 4, K * 4, height=2, width=2, kernel_size=1, peephole=False)
    torchs = nn.LSTM(C, K)
    with torch.no_grad():
        torchs.weight_ih_l0.copy_(cell.weight_ih[..., 0, 0])
        torchs.weight_hh_l0.copy_(cell.weight_hh[..., 0, 0])
        torchs.bias_ih_l0.copy_(cell.bias)
        torchs.bias_hh_l0.zero_()
    frames = torch.randn(5, 3, C, height, width)
    output, _ = unroll.unroll(cell, frames.flatten(2), backend="loop")
    maps = output.unflatten(2, (K, height, width))
    for row in range(height):
        for column in range(width):
            expected, _ = torchs(frames[..., row, column])
            torch.testing.assert_close(maps[..., row, column], expected)


def test_what_happens_reaches_as_far_as_the_kernel_a_step():
    cell = ConvLSTMCell(81, 81, height=9, width=9, kernel_size=3)
    frames = torch.zeros(3, 2, 1, 9, 9)
    frames[0, 1, 0, 4, 4] = 1.0
    output, _ = unroll.unroll(cell, frames.flatten(2), backend="loop")
    maps = output.unflatten(2, (9, 9))
    for t in range(3):
        rows, columns = (maps[t, 0] != maps[t, 1]).nonzero().unbind(1)
        assert (rows.min(), rows.max()) == (columns.min(), columns.max()) == (3 - t, 5 + t)


def test_gates_are_named_for_a_recording():
    cell, named = ConvLSTMCell(4, 4, height=2, width=2), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 4), cell.initial_state(2))
    assert named == ["input_gate", "forget_gate", "candidate", "output_gate"]


@pytest.mark.parametrize(
    ("sizes", "options", "message"),
    [
        ((7, 12), {}, "input_size=7 for images of 2 by 3; expected a multiple of 6"),
        ((12, 8), {}, "hidden_size=8 for images of 2 by 3; expected a multiple of 6"),
        ((0, 6), {}, "input_size=0"),
        ((6, 6), {"height": 0}, "height=0 and width=3; expected at least 1 of each"),
        ((6, 6), {"kernel_size": 4}, "kernel_size=4; expected an odd number"),
        ((6, 6), {"kernel_size": -1}, "kernel_size=-1; expected an odd number"),
    ],
)
def test_sizes_that_make_no_images_are_refused(sizes, options, message):
    with pytest.raises(ValueError, match=message):
        ConvLSTMCell(*sizes, **{"height": 2, "width": 3, **options})


def test_layer_runs_with_lengths_and_reads_both_directions_as_channels():
    make = partial(ConvLSTMCell, height=2, width=3)
    layer = unroll.Recurrent(make, 1 * 6, 2 * 6, num_layers=2, bidirectional=True)
    assert layer.cells[2].input_channels == 4  # the two maps of either direction
    with unroll.backend("loop"):
        output, state = layer(torch.randn(5, 2, 6), lengths=[5, 2])
    assert (tuple(output.shape), tuple(state.c.shape)) == ((5, 2, 24), (4, 2, 12))
    assert not output[2:, 1].any()


def test_the_compiler_says_that_it_knows_no_convolution():
    cell = ConvLSTMCell(4, 4, height=2, width=2)
    with pytest.raises(RuntimeError, match=r"convolution is not an operation .* at conv_"):
        unroll.unroll(cell, torch.randn(3, 2, 4), backend="cpu")


@pytest.mark.parametrize("peephole", [True, False])
def test_promises_of_a_cell(peephole):
    make = partial(ConvLSTMCell, height=2, width=2, peephole=peephole)
    check_cell(make, input_size=4, hidden_size=8)
