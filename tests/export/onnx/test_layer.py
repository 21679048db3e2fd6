"""Every cell of the zoo as a file of ONNX, beside the layer itself: outputs, states, lengths, streams."""

import json

import numpy as np
import onnx
import pytest
import torch

import unroll
from unroll import cells
from unroll.cells import cell_factory
from unroll.cells.names import CELLS
from unroll.errors import UserError
from unroll.export import to_onnx

NEEDS = {"projected_lstm": {"proj_size": 4}, "conv_lstm": {"height": 2, "width": 2}}
NATIVE = {
    **dict.fromkeys(["rnn", "rnn_relu", "irnn"], "RNN"),
    **dict.fromkeys(["lstm", "peephole_lstm", "coupled_lstm"], "LSTM"),
    **dict.fromkeys(["gru", "original_gru"], "GRU"),
}
AROUND = {
    "ZoneoutCell": [0.1],
    "RecurrentDropoutCell": [0.2],
    "UpdateDropoutCell": [0.2],
    "WeightDropCell": [0.5],
    "ResidualCell": [],
    "HighwayCell": [],
    "AttentiveCell": [5],
    "GateNormCell": [],
    "DilatedCell": [2],
}


@pytest.mark.parametrize("name", [*CELLS, *AROUND, "StackedCell"])
def test_every_cell_gives_the_numbers_of_its_layer(tmp_path, name):
    def make(I, H):
        if name in AROUND:
            return getattr(cells, name)(unroll.LSTMCell(I, H), *AROUND[name])
        if name == "StackedCell":
            return unroll.StackedCell([unroll.LSTMCell(I, H), unroll.GRUCell(H, H)])
        return cell_factory(name)(I, H, **NEEDS.get(name, {}))

    # T 1, 7 and 300, B 1 and 3, ragged lengths, three calls as one: `check_layer`
    found = to_onnx(unroll.Recurrent(make, 8, 8), tmp_path / "layer.onnx")
    assert found.nodes == (NATIVE.get(name, "Scan"),)
    assert found.difference < 1e-5 or name == "layer_norm_lstm"  # which amplifies its own rounding


@pytest.mark.parametrize(
    "layer",
    [
        lambda: unroll.LSTM(3, 4, 2, bidirectional=True, batch_first=True),
        lambda: unroll.LSTM(3, 4, proj_size=2),
        lambda: unroll.GRU(3, 4, bias=False),
        lambda: unroll.RNN(3, 4, 2, nonlinearity="relu", bidirectional=True),
        lambda: unroll.Recurrent("min_gru", 3, 4, num_layers=2, bidirectional=True),
        lambda: unroll.Recurrent("peephole_lstm", 3, 4, num_layers=2, bidirectional=True),
        lambda: unroll.Recurrent("janet", 3, 4, num_layers=2, batch_first=True, dropout=0.5),
        lambda: unroll.Recurrent("lstm", 3, 4).double(),
    ],
)
def test_layers_in_every_form(tmp_path, layer):
    assert to_onnx(layer(), tmp_path / "layer.onnx").difference < 1e-5


@pytest.mark.parametrize("cell", ["lstm", "gru", "min_gru", "qrnn"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_layer_of_streams_has_no_lengths(tmp_path, cell, bidirectional):
    layer = unroll.Recurrent(cell, 3, 4, num_layers=2, bidirectional=bidirectional)
    found = to_onnx(layer, tmp_path / "layer.onnx", lengths=False)
    graph = onnx.load(found.path).graph
    assert found.difference < 1e-5 and "lengths" not in [i.name for i in graph.input]
    assert not {"Where", "Range"} & {node.op_type for node in graph.node}


def test_the_file_says_what_its_states_are(tmp_path):
    class Counting(unroll.Cell):
        """Begins at two."""

        def forward(self, x, state):
            """x [B, I] -> the state [B, H] and one more."""
            return state, state + 1

        def initial_state(self, batch_size, **like):
            return torch.full((batch_size, self.hidden_size), 2.0)

    found = to_onnx(unroll.Recurrent(Counting, 3, 2), tmp_path / "layer.onnx")
    model = onnx.load(found.path)
    (state,) = json.loads({p.key: p.value for p in model.metadata_props}["unroll.states"])
    assert state == {
        "input": "state_h_0",
        "output": "next_state_h_0",
        "shape": [2],
        "type": "float32",
        "initial": [2.0, 2.0],
    }
    assert [i.name for i in model.graph.input] == ["input", "lengths", "state_h_0"]
    assert [o.name for o in model.graph.output] == ["output", "next_state_h_0"]
    assert model.opset_import[0].version == 22 and model.ir_version == 10


def test_a_file_that_is_there_stays_where_the_layer_cannot_be_exported(tmp_path):
    class Gamma(unroll.Cell):
        """An operation that ONNX does not have."""

        def forward(self, x, h):
            """x [B, I] -> the state [B, H]."""
            h = h + torch.special.i0e(x)
            return h, h

    (tmp_path / "layer.onnx").write_text("old")
    with pytest.raises(UserError, match=r"special_i0e at test_layer.py:\d+, which is not exported"):
        to_onnx(unroll.Recurrent(Gamma, 2, 2), tmp_path / "layer.onnx")
    assert (tmp_path / "layer.onnx").read_text() == "old"
    with pytest.raises(UserError, match="got Linear; expected a recurrent layer"):
        to_onnx(torch.nn.Linear(2, 2), tmp_path / "layer.onnx")
    with pytest.raises(UserError, match="cannot be written"):
        to_onnx(unroll.GRU(2, 2), tmp_path / "nowhere" / "layer.onnx")


def test_padding_that_is_not_a_number_reaches_nothing(tmp_path):
    import onnxruntime

    for layer in (unroll.GRU(2, 3), unroll.Recurrent("min_gru", 2, 3)):
        path = to_onnx(layer, tmp_path / "layer.onnx").path
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        x = np.ones((4, 2, 2), np.float32)
        given = {"lengths": np.array([4, 2]), "state_h_0": np.zeros((2, 3), np.float32)}
        plain, last = session.run(None, {"input": x, **given})
        x[2:, 1] = np.nan
        padded, padded_last = session.run(None, {"input": x, **given})
        assert (plain == padded).all() and (last == padded_last).all()
        assert (plain[2:, 1] == 0).all()
