"""Classifiers as models: texts, characters, several labels, numbers; what is not exported yet."""

import pytest
import torch

from unroll.errors import UserError
from unroll.export.onnx.classify import check_network, run_model


@pytest.mark.parametrize("name", ["words", "characters", "several", "numbers"])
def test_the_model_is_the_network_and_its_program_the_run(exported, name):
    found = exported["classify", name]
    assert found.difference < 1e-5 and found.difference_of_answers < 1e-5
    assert ("simple.npz" in found.files) == (name != "characters")


def test_scores_by_counting_and_other_weights_are_refused(classify_runs):
    with pytest.raises(UserError, match=r"scores by counting .* not exported yet"):
        run_model(classify_runs["counts"])
    run = classify_runs["characters"]
    made = run_model(run)
    with torch.no_grad():
        run.model.decide.bias[0] += 0.01
    with pytest.raises(UserError, match="differs from the network by"):
        check_network(made.content, run.model, run.preprocessor.inputs)
    with torch.no_grad():
        run.model.decide.bias[0] -= 0.01
