import numpy as np
import pytest

import unroll
from unroll.tasks.language.pictures import OWN, predicted_text, text_windows


def made(path, **settings):
    small = {
        "hidden": 6,
        "steps": 3,
        "threads": 1,
        "backend": "loop",
        "quiet": True,
        "refit": False,
    }
    run = unroll.train(path, "run", task="language", **small, **settings)
    data = run.task.read(str(path), run.recorded, print, run.preprocessor)
    (found,) = predicted_text(run.trained, data, lambda share: None)
    return run, data, found


@pytest.mark.parametrize("floor", ["auto", "none"])
def test_surprise_is_that_of_score_for_lines(tmp_path, monkeypatch, floor):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "names.txt").write_text("".join(f"name {n % 7}\n" for n in range(60)))
    run, data, found = made(tmp_path / "names.txt", per_line=True, floor=floor)
    line = "".join(found.tokens[:-1])
    scored = run.score(line)["tokens"]
    assert [one["log_probability"] for one in scored] == pytest.approx(
        [-nats for nats in found.nats], abs=1e-4
    )
    windows, _ = text_windows(data.valid)
    counts = [sum(len(each) > k + 1 for each in windows) for k in range(len(found.loss[OWN]))]
    mean = np.dot(found.loss[OWN], counts) / sum(counts)
    assert mean == pytest.approx(run.result()["nats_per_token"], abs=1e-4)
    assert [one.temperature for one in found.samples] == [0.5, 1.0]
    assert found.samples[0].text == run.generate(length=240, temperature=0.5, seed=1)


def test_a_text_is_read_in_parts_and_conditions_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "text.txt").write_text("a rose is a rose.\n" * 300)
    _, data, found = made(tmp_path / "text.txt")
    windows, categories = text_windows(data.valid)
    assert found.windows == len(windows) > 1 and categories is None
    assert "".join(found.tokens) in "a rose is a rose.\n" * 300
    (tmp_path / "names.tsv").write_text("".join(f"{'ab'[n % 2]}\tname {n}\n" for n in range(60)))
    monkeypatch.chdir(tmp_path / "cache")
    _, data, found = made(tmp_path / "names.tsv", per_line=True, condition="1")
    assert found.samples[0].prompt == "(condition a)" and len(text_windows(data.valid)[1]) == 6
