"""Language runs as models: vocabularies, conditions, shortlists, n-grams; what is not exported yet."""

import json

import numpy as np
import onnxruntime
import pytest
import torch

from unroll.errors import UserError
from unroll.export.onnx.graph import OnnxGraph
from unroll.export.onnx.language import add_network, check_network, run_model


@pytest.mark.parametrize("name", ["characters", "alone", "words", "sentences", "names"])
def test_the_model_is_the_network_and_its_program_the_run(exported, name):
    found = exported["language", name]
    assert found.difference < 1e-5 and found.difference_of_answers < 1e-5
    assert ("ngrams.npz" in found.files) == (name != "alone")
    assert found.nodes == {"alone": ("Scan", "Scan"), "names": ("GRU",)}.get(name, ("LSTM",))


def test_states_go_in_and_come_out(exported, language_runs):
    folder, model = exported["language", "alone"].path, language_runs["alone"].model
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    names = [each.name for each in session.get_inputs()]
    assert names == ["ids", "lengths", "state_h_0", "state_h_1"]
    states = {f"state_h_{k}": np.zeros((1, 8), np.float32) for k in (0, 1)}
    ids = np.array([[3], [4], [2]])
    for part in (ids[:2], ids[2:]):
        given = {"ids": part, "lengths": np.array([len(part)]), **states}
        log_p, *new = session.run(None, given)
        states = dict(zip(states, new, strict=True))
    logits, _ = model(torch.from_numpy(ids))
    torch.testing.assert_close(
        torch.from_numpy(log_p[-1, 0]), logits[-1, 0].log_softmax(-1).detach(), atol=1e-5, rtol=0
    )


def test_the_file_itself_holds_the_vocabulary(exported):
    folder = exported["language", "words"].path
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    known = session.get_modelmeta().custom_metadata_map
    about = json.loads(known["unroll.about"])
    assert known["unroll.task"] == "language" and "rose" in about["tokens"]
    assert about["states"][0]["input"] == "state_h_0" and about["states"][0]["initial"] == 0


def test_other_weights_are_noticed_and_byte_pairs_are_not_exported(language_runs):
    run = language_runs["alone"]
    made = run_model(run)
    bias = run.model.bias
    try:
        with torch.no_grad():
            bias[2] += 0.01
        _, fields = add_network(OnnxGraph(), run.model)
        with pytest.raises(UserError, match="differs from the network by"):
            check_network(made.content, run.model, fields, 0)
    finally:
        with torch.no_grad():
            bias[2] -= 0.01
    with pytest.raises(UserError, match=r"byte pairs \(--level bpe\), which is not exported yet"):
        run_model(language_runs["pieces"])
