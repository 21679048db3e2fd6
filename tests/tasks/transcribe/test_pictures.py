import math

import numpy as np
import pytest
import torch

import unroll
from unroll.tasks.transcribe.pictures import pen_path, recognised_records, token_peaks


@pytest.mark.parametrize("most", [1, 3])  # closed texts, which have a simple model, and open ones
def test_records_have_the_text_of_predict(tmp_path, monkeypatch, write_speech, most):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = write_speech(tmp_path, 30, most=most)
    run = unroll.train(
        path, "run", task="transcribe", hidden=8, embedding=8, steps=4, threads=1, backend="loop",
        quiet=True, refit=False,
    )  # fmt: skip
    data = run.task.read(path, run.recorded, print, run.preprocessor)
    (found,) = recognised_records(run.trained, data, lambda share: None)
    assert found.of == len(data.valid) and found.kind == "audio"
    for one in found.records[:2]:
        said = run.predict(str(tmp_path / one.name))
        assert said["text"] == one.output
        assert [(w["word"], w["start"], w["end"]) for w in said["words"]] == list(one.words)
    right = sum(one.output == one.reference for one in found.records) / found.of
    assert right == pytest.approx(run.result()["exact_match"])


def test_a_peak_is_the_most_likely_step_of_its_run():
    p = torch.tensor(
        [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.1, 0.9, 0.0], [1.0, 0.0, 0.0], [0.3, 0.1, 0.6]]
    )
    peaks = token_peaks(p.log(), ["a", "b"], 0.1)
    assert [(round(at, 2), token, round(q, 1)) for at, token, q in peaks] == [
        (0.25, "a", 0.9), (0.45, "b", 0.6),
    ]  # fmt: skip


def test_the_pen_is_lifted():
    path = pen_path(np.array([[1, 0, 0], [1, 1, 1], [0, 1, 0]]))
    assert path[1].tolist() == [1, 0] and math.isnan(path[2][0]) and path[-1].tolist() == [2, 2]
