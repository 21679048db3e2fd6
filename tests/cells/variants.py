"""What every variant of "a search space odyssey" is held to; each has a test file of its own.

The numbers are what onnxruntime 1.31 gives for one LSTM node (opset 14) whose W, R, B, P, initial_h
and initial_c are the waves below, the rows put in ONNX's order i, o, f, g and P in i, o, f: output
and memory after three steps. A gate is taken away by a bias of 10,000 and zero weights, a tanh by
activations=[Sigmoid, Affine, Tanh] or [Sigmoid, Tanh, Affine] with alpha 1 and beta 0, and
input_forget=1 couples.
"""

import torch
from torch import nn

import unroll
from unroll.cells.cell import collecting_taps

PEEPHOLES = {"i": "peephole_input", "f": "peephole_forget", "o": "peephole_output"}
TAPS = {"i": "input_gate", "f": "forget_gate", "g": "candidate", "o": "output_gate"}


def waves(phase, *shape):
    """Numbers that another library can be given too: sin(phase), sin(phase + 1), ..."""
    return torch.sin(phase + torch.arange(torch.Size(shape).numel())).view(shape)


COMPLETE = {
    "weight_ih": waves(0, 8, 3),
    "weight_hh": waves(1, 8, 2),
    "bias": waves(2, 8),
    "peephole_input": waves(3, 2),
    "peephole_forget": waves(5, 2),
    "peephole_output": waves(7, 2),
}


def with_weights_of(cell, complete, blocks):
    """The cell with those rows of an LSTM's weights that it has; blocks: such as "ifo"."""

    def rows(matrix):
        return torch.cat([matrix.chunk(4)["ifgo".index(k)] for k in blocks])

    weights = {name: rows(complete[name]) for name in ("weight_ih", "weight_hh", "bias")}
    missing = cell.load_state_dict(
        weights | {name: complete[name] for name in cell.state_dict() if name not in weights}
    )
    assert not missing.missing_keys
    return cell


def check_onnx(cell, blocks, h, c):
    """Output and memory after three steps are onnxruntime's, in the loop and compiled."""
    cell = with_weights_of(cell, COMPLETE, blocks)
    start = unroll.LSTMState(waves(5, 2, 2), waves(6, 2, 2))
    for backend in ("loop", "cpu"):
        output, last = unroll.unroll(cell, waves(4, 3, 2, 3), start, backend=backend)
        expected = torch.tensor(h), torch.tensor(c)
        torch.testing.assert_close((output[-1], last.c), expected, atol=1e-6, rtol=0)


def check_zero_peepholes(variant, blocks):
    """Peepholes of zero are as none, and only the gates of these blocks have one."""
    cell, without = variant(3, 4), variant(3, 4, peepholes=False)
    names = {name for name, _ in cell.named_parameters() if name.startswith("peephole_")}
    assert names == {PEEPHOLES[k] for k in blocks if k != "g"}
    for name in names:
        nn.init.zeros_(getattr(cell, name))
    without.load_state_dict({k: v for k, v in cell.state_dict().items() if k not in names})
    x = torch.randn(3, 2, 3)
    with unroll.backend("loop"):
        torch.testing.assert_close(unroll.unroll(without, x), unroll.unroll(cell, x))


def check_taps(variant, blocks):
    """A recording is given these gates, in this order."""
    cell, names = variant(3, 4), []
    with collecting_taps(lambda name, value: names.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert names == [TAPS[k] for k in blocks]


def check_in_a_layer(variant):
    """Two layers in two directions, with lengths."""
    layer = unroll.Recurrent(variant, 3, 4, num_layers=2, bidirectional=True)
    with unroll.backend("loop"):
        output, last = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, last.c.shape) == ((5, 2, 8), (4, 2, 4))
