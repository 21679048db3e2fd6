"""A layer's weights in one ONNX node, run by onnxruntime. Imported only where both are installed."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

KINDS = {"LSTM": "LSTM", "GRU": "GRU", "Elman": "RNN"}
# where ONNX's gates are in torch's order: i, o, f, c of i, f, g, o, and z, r, h of r, z, n
ORDER = {"LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2], "Elman": [0]}


def session(name, layer, x, threads):
    """A call without arguments: outputs and last states, in torch's shapes."""
    order, H = ORDER[name], layer.hidden_size

    def rows(parameter):
        gates = np.split(parameter.detach().numpy(), len(order))
        return np.concatenate([gates[k] for k in order])

    weights = {
        "W": rows(layer.weight_ih_l0)[None],
        "R": rows(layer.weight_hh_l0)[None],
        "B": np.concatenate([rows(layer.bias_ih_l0), rows(layer.bias_hh_l0)])[None],
    }
    outputs = ["Y", "Y_h", "Y_c"][: 3 if name == "LSTM" else 2]
    options = {"linear_before_reset": 1} if name == "GRU" else {}
    node = helper.make_node(KINDS[name], ["X", *weights], outputs, hidden_size=H, **options)
    graph = helper.make_graph(
        [node],
        "layer",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, list(x.shape))],
        [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs],
        [numpy_helper.from_array(np.ascontiguousarray(w), n) for n, w in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    made = onnxruntime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    given = {"X": x.numpy()}

    def run():
        y, *last = made.run(outputs, given)
        return [y[:, 0], *last]

    return run
