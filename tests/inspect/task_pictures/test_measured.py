import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.inspect.task_pictures.measured import measured_run
from unroll.inspect.task_pictures.results import own_data
from unroll.training.refit import CHOSEN


def test_the_model_is_that_of_the_metrics(classifier):
    assert (classifier.path / CHOSEN).exists()  # it learned from the validation set at the end
    measured = measured_run(classifier, own_data(classifier), print)
    result = classifier.result()
    metrics = classifier.task.validate(measured.trained, measured.data, lambda share: None)
    assert metrics["confusion"] == result["confusion"]
    assert metrics["loss"] == pytest.approx(result["loss"], abs=1e-5)
    before, after = measured.trained.model.state_dict(), classifier.model.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert "before it learned" in measured.conditions["shows"]


def test_other_data_is_read_with_the_run_as_it_is(classifier, tmp_path):
    rows = [f"{('good', 'bad')[n % 2]} thing {n},{('pos', 'neg')[n % 2]}" for n in range(30)]
    (tmp_path / "other.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    measured = measured_run(classifier, tmp_path / "other.csv", print)
    assert measured.trained.model is classifier.model and measured.conditions["shows"] == "the run"


def test_damaged_weights_are_told(runs, tmp_path):
    import shutil

    shutil.copytree(runs["classify"], tmp_path / "run")
    run = unroll.load(tmp_path / "run")
    (tmp_path / "run" / CHOSEN).write_bytes(b"x" * 100)
    with pytest.raises(UserError, match="is damaged"):
        measured_run(run, own_data(unroll.load(runs["classify"])), print)
