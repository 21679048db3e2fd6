"""`unroll export` from the command line."""

import json
import shutil


def test_a_run_is_exported_and_the_differences_are_printed(place, printed, tmp_path):
    done = printed("export", "runs/poems", "--to", "onnx", "--out", tmp_path / "model")
    assert "Recurrent layers: LSTM." in done.out and "Largest difference: " in done.out
    names = {"model.onnx", "model.json", "ngrams.npz", "predict.py"}
    assert {each.name for each in (tmp_path / "model").iterdir()} == names


def test_json_beside_the_run_by_default(place, printed, tmp_path):
    run = shutil.copytree("runs/poems", tmp_path / "run")
    found = json.loads(printed("export", run, "--json").out)
    assert found["path"] == f"{run}-onnx" and found["largest_difference"] < 1e-5
    said = printed("export", run, code=2).err
    assert "exists already; nothing was overwritten. Use --overwrite." in said
    printed("export", run, "--overwrite", "--json")


def test_what_is_no_run_is_refused(printed, tmp_path):
    assert "is not a run folder" in printed("export", tmp_path, code=2).err
