import json
import shutil

import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.inspect import over_training_of_run
from unroll.inspect.over_training import OverTraining


@pytest.fixture(scope="module")
def found(language):
    return over_training_of_run(language)


def test_curves_are_those_of_the_file(found, language):
    lines = [json.loads(x) for x in (language.path / "snapshots.jsonl").read_text().splitlines()]
    assert found.steps == [0, 10, 20] == [line["step"] for line in lines]
    name = next(iter(lines[0]["norms"]))
    assert found.series("norms")[name] == {line["step"]: line["norms"][name] for line in lines}
    assert {f"layer {k} forget_gate" for k in (1, 2)} <= set(found.series("gates", 0))
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_paths_keep_their_axes(found):
    tokens, points = found.paths("embedding")
    assert points.shape == (3, len(tokens), 2) and "a" in tokens and "<unk>" not in tokens
    last = torch.tensor(found.snapshots[-1]["embeddings"]["embedding"]).double()
    axes = torch.linalg.svd(last - last.mean(0), full_matrices=False).Vh[:2]
    first = torch.tensor(found.snapshots[0]["embeddings"]["embedding"]).double()
    row = found.tokens["embedding"].index("a")
    expected = (first[row] - last.mean(0)) @ axes.T
    torch.testing.assert_close(points[0, tokens.index("a")], expected)


def test_text_pictures_and_page(found):
    text = found.text()
    assert "moved furthest" in text and "entropy of the output's bias" in text
    assert list(found.pictures()) == [
        "moved", "norms", "gates", "gates open", "bias", "path embedding",
    ]  # fmt: skip
    for picture in found.pictures().values():
        assert picture.draw().svg().startswith("<svg") and picture.csv().count("\n") > 2
    assert found.html().count("<figcaption>") == 6


def test_every_task_of_the_fixtures_has_them(classifier, tagger, translator):
    for run in (classifier, tagger, translator):
        assert len(over_training_of_run(run).steps) >= 2


def test_a_network_whose_start_was_not_kept():
    line = {"step": 0, "norms": {"w": 1.0}, "moved": {}, "embeddings": {}, "gates": None}
    found = OverTraining("it", {}, [line, line | {"step": 5}], {})
    assert "was not kept" in found.text() and list(found.pictures()) == ["norms"]


def test_an_old_run_says_so(language, tmp_path):
    shutil.copytree(language.path, tmp_path / "run")
    (tmp_path / "run" / "snapshots.jsonl").unlink()
    with pytest.raises(UserError, match="earlier version"):
        over_training_of_run(unroll.load(tmp_path / "run"))
