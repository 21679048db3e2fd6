"""A classifier from `unroll train` to `unroll predict`, and resumed to the bit."""

import json

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

import unroll
import unroll.errors
from unroll.cli.main import make_app

SMALL = {"hidden": 8, "embedding": 8, "cell": "gru", "threads": 1, "quiet": True}


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def reviews(tmp_path):
    def write(name, count):
        rows = [f"the {word} film {k % 7},{stars}" for k in range(count)
                for word, stars in (("lovely", 5), ("dull", 1))]  # fmt: skip
        (tmp_path / name).write_text("\n".join(["review,stars", *rows, ""]))
        return str(tmp_path / name)

    return write


def test_train_eval_predict_in_python(reviews):
    run = unroll.train(reviews("train.csv", 30), steps=20, **SMALL)
    assert run.task_name == "classify" and run.path.name == "train"
    assert run.result()["records"] == 6 and "linear model" in run.result()["baselines"]
    again = unroll.load(run.path)
    metrics = again.evaluate(reviews("test.csv", 5))
    assert metrics["records"] == 10
    prediction = again.predict("the lovely film")
    assert set(prediction["probabilities"]) == {"1", "5"}
    assert again.predict(["a", "b"])[1]["text"] == "b"


def test_a_resumed_run_is_the_unbroken_one(reviews):
    data = reviews("train.csv", 40)
    options = {**SMALL, "schedule": "constant", "word_dropout": 0.2, "dropout": 0.3}
    whole = unroll.train(data, "whole", steps=20, **options)
    unroll.train(data, "parts", steps=10, **options)
    parts = unroll.train(data, "parts", steps=20, resume=True, quiet=True)
    found = [
        load_file(run.path / "checkpoints" / "step-000000020" / "model.safetensors")
        for run in (whole, parts)
    ]
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_metrics_of_each_group(reviews, tmp_path):
    run = unroll.train(reviews("train.csv", 30), steps=5, **SMALL)
    lines = (tmp_path / "train.csv").read_text().splitlines()
    grouped = [
        f"{line},{'site' if k == 0 else 'ann ben'.split()[k % 2]}" for k, line in enumerate(lines)
    ]
    (tmp_path / "test.csv").write_text("\n".join([*grouped[:21], ""]))
    found = run.evaluate("test.csv", by="site")
    assert list(found["groups"]) == ["ann", "ben"] and "groups" not in run.evaluate("test.csv")
    assert [each["records"] for each in found["groups"].values()] == [10, 10]
    # a group is measured as a file with its records alone is
    (tmp_path / "ben.csv").write_text("\n".join([lines[0], *lines[1:21:2], ""]))
    alone = run.evaluate("ben.csv")
    assert found["groups"]["ben"] == {k: v for k, v in alone.items() if k != "skipped"}
    output = command("eval", run.path, "test.csv", "--by", "site").output
    assert "By group:\n  ann  accuracy" in output and "10 records" in output
    rows = {name: [row.split(",")[k] for row in grouped[1:21]]
            for k, name in enumerate(("review", "stars", "site"))}  # fmt: skip
    assert run.evaluate(rows, by="site")["groups"].keys() == found["groups"].keys()
    with pytest.raises(unroll.errors.UserError, match="--by"):
        run.evaluate("test.csv", by="author")
    for name in ("good", "bad"):
        (tmp_path / "folder" / name).mkdir(parents=True)
    with pytest.raises(unroll.errors.UserError, match="folder has no columns"):
        run.evaluate("folder", by="site")


def command(*words):
    result = CliRunner().invoke(make_app(), [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result


def test_the_commands(reviews, tmp_path):
    data = reviews("train.csv", 30)
    output = command(
        "train", data, "--out", "run", "--steps", 20, "--cell", "gru", "--hidden", 8, "--threads", 1
    ).output
    assert "text: column review (change by --text)" in output
    assert "label: column stars (change by --label)" in output
    assert "Training set: 54 texts." in output and "2 classes: " in output
    assert "The network with the linear model: " in output and "accuracy" in output
    metrics = json.loads(command("eval", "run", reviews("test.csv", 5), "--json").stdout)
    assert metrics["records"] == 10
    assert "macro F1" in command("eval", "run", reviews("test.csv", 5)).output
    assert "the lovely film" in command("predict", "run", "--input", "the lovely film").output
    command("predict", "run", "test.csv", "--out", "predictions.jsonl")
    predictions = (tmp_path / "predictions.jsonl").read_text().splitlines()
    assert len(predictions) == 10 and json.loads(predictions[0])["text"] == "the lovely film 0"
    assert "rows: 60" in command("data", "check", data).output


def test_bad_data_is_reported_with_its_line(reviews, tmp_path):
    data = reviews("train.csv", 5)
    with (tmp_path / "train.csv").open("a") as file:
        file.write("lonely\n")
    result = CliRunner().invoke(make_app(), ["train", data, "--steps", "1"])
    output = str(result.exception) + result.output
    assert "line 12: 1 column where 2 are expected (review, stars)" in output
    checked = CliRunner().invoke(make_app(), ["data", "check", data, "--json"])
    assert checked.exit_code == 1 and json.loads(checked.stdout)["bad"] == 1


def test_a_reservoir_with_a_read_out_in_closed_form(reviews):
    data = reviews("train.csv", 30)
    words = ["train", data, "--out", "run", "--cell", "echo_state", "--hidden", 40]
    output = command(*words, "--readout", "ridge", "--threads", 1).output
    assert "the read-out alone, in closed form" in output and "Solved, at step 1" in output
    assert unroll.load("run").result()["accuracy"] == 1
    refused = CliRunner().invoke(make_app(), ["train", data, "--out", "run", "--resume"])
    assert "there is nothing to resume" in str(refused.exception)


def test_a_damaged_baseline_is_named_and_everything_else_still_works(reviews):
    run = unroll.train(reviews("train.csv", 30), steps=2, **SMALL)
    (run.path / "baseline.safetensors").write_bytes(b"cut")
    again = unroll.load(run.path)
    assert again.predict("the lovely film")["label"] in ("1", "5")
    with pytest.raises(unroll.errors.UserError, match="The baseline of the run is damaged"):
        again.evaluate(reviews("test.csv", 5))
