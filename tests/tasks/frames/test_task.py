"""The task from clips to predictions, on small clips."""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

import unroll
from unroll.cli.main import make_app
from unroll.errors import UserError
from unroll.tasks.frames.settings import FramesSettings
from unroll.tasks.frames.task import FramesTask

SMALL = {"hidden": 8, "embedding": 8, "widths": "4,8", "threads": 1, "quiet": True}


def test_the_way_of_a_square_is_learned(write_clips):
    data = write_clips("train", 60)
    run = unroll.train(data, video="path", steps=60, learning_rate=0.01, pooling="last", **SMALL)
    assert run.task_name == "frames"
    metrics = run.evaluate(write_clips("test", 20, seed=1000))
    assert metrics["accuracy"] > 0.85 and metrics["records"] == 20
    assert set(metrics["baselines"]) == {
        "most frequent class",
        "nearest mean frame",
        "simple model",
        "network",
    }
    json.dumps(metrics)
    assert "nearest mean frame" in " ".join(run.summarise(metrics, "test.csv"))
    prediction = run.predict("test/0.png")
    assert prediction["frames"] == 4 and set(prediction["probabilities"]) == {"left", "right"}
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert run.format_prediction(prediction).endswith("test/0.png")
    with pytest.raises(UserError, match="--text got 'a', a column that"):
        run.evaluate("test.csv", text="a")
    found = list(run.predict_file("test.csv"))
    assert [each["clip"] for each in found][:2] == ["test/0.png", "test/1.png"]


@pytest.mark.parametrize(("kind", "suffix"), [("video", ".mp4"), ("folder", ""), ("gif", ".gif")])
def test_every_kind_of_clip(kind, suffix, write_clips):
    data = write_clips("clips", 12, kind, suffix)
    run = unroll.train(data, video="path", steps=2, **SMALL)
    assert run.predict("clips/0" + suffix)["frames"] == 4
    assert len(list(run.predict_file("clips/0" + suffix))) == 1
    assert len(list(run.predict_file("clips"))) == 12


def test_a_folder_for_each_class(files):
    for k in range(8):
        way = ("left", "right")[k % 2]
        Path("clips", way).mkdir(parents=True, exist_ok=True)
        files.write_gif(Path("clips", way, f"{k}.gif"), files.moving(4, seed=k))
    run = unroll.train("clips", steps=2, **SMALL)
    assert run.task_name == "frames" and run.preprocessor.classes == ["left", "right"]
    assert len(list(run.predict_file("clips"))) == 8


@pytest.mark.parametrize("in_files", [False, True])
def test_a_label_for_each_frame(in_files, write_states):
    write_states(20, in_files)
    given = {"steps": 60, "learning_rate": 0.02, "rate": 10, "hidden": 8, "threads": 1}
    run = unroll.train("clips.csv", video="path", label="state", quiet=True, **given)
    result = run.result()
    assert run.settings.per == "frame" and result["accuracy"] > 0.95
    assert result["clips"]["records"] == 2 and result["clips"]["accuracy"] == 1
    assert "nearest frame" in result["baselines"]
    prediction = run.predict("0.csv")
    first, last = prediction["segments"][0], prediction["segments"][-1]
    assert (first["first"], first["begin"], last["last"], last["end"]) == (1, 0.0, 12, 1.2)
    assert len(prediction["labels"]) == len(prediction["probabilities"]) == 12
    assert "0.00 s-" in run.format_prediction(prediction)
    numbers = run.predict(json.dumps([[0, 0]] * 5 + [[3, 3]] * 5))
    assert [segment["label"] for segment in numbers["segments"]] == ["low", "high"]


def test_labels_that_are_not_as_many_as_frames(write_states):
    write_states(6, False)
    text = Path("clips.csv").read_text().replace("low", "low low", 1).replace("high", "high", 1)
    Path("clips.csv").write_text(text)
    given = {"video": "path", "label": "state", "steps": 1, **SMALL}
    with pytest.raises(UserError, match=r"clips.csv, line \d: 13 labels for 12 frames of \d.csv"):
        unroll.train("clips.csv", **given)
    run = unroll.train("clips.csv", skip_bad=True, **given)
    assert run.config["data"]["clips"] == 5


def test_a_wide_table_of_numbers(write_gestures):
    data = write_gestures("train.csv", 80)
    Path("names.txt").write_text("\ufeffdown\nup\n")
    assert FramesSettings.guess(Path(data), {}) == "rows of 12 numbers with a label in column 1"
    run = unroll.train(data, label_names="names.txt", steps=60, learning_rate=0.02, **SMALL)
    assert run.preprocessor.reading.shape == (2,) and run.preprocessor.classes == ["down", "up"]
    assert run.evaluate(write_gestures("test.csv", 20, 5))["accuracy"] > 0.9
    plain = list(run.predict_file(write_gestures("plain.csv", 6, 5, labelled=False)))
    assert plain == list(run.predict_file(write_gestures("test.csv", 6, 5)))
    assert plain[1]["clip"] == "row 2"
    Path("odd.csv").write_text("1,2,3\n" * 4)
    with pytest.raises(UserError, match="does not have rows of 12 numbers"):
        list(run.predict_file("odd.csv"))
    with pytest.raises(UserError, match="do not make whole frames of 5"):
        unroll.train(data, features=5, steps=1, **SMALL)


def test_a_validation_set_in_another_table(write_clips):
    train, valid = write_clips("train", 8), write_clips("valid", 4, seed=50)
    run = unroll.train(train, video="path", valid=valid, steps=1, **SMALL)
    assert run.result()["records"] == 4 and run.result()["validation_set"] == "valid.csv"


def test_a_missing_package_is_named(monkeypatch, write_clips):
    data = write_clips("clips", 4, "video", ".mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"needs the package av.*pip install 'unroll-rnn\[video\]'"):
        unroll.train(data, video="path", steps=1, **SMALL)


def test_strips_and_folders_of_frames_are_distinguished(files, write_clips, write_gestures):
    """A folder of images as input, and as a clip in a table."""
    folders = Path(write_clips("still", 8, "folder", ""))
    assert FramesSettings.guess(folders, {}) == "a table that names clips, in column 1"
    run = unroll.train(folders, out="run", steps=1, **SMALL)
    assert run.settings.video == "path" and run.config["data"]["clips"] == 8
    write_clips("strips", 4)
    assert len(list(run.predict_file("strips"))) == 4
    assert len(list(run.predict_file("still"))) == 8 and len(list(run.predict_file("still/1"))) == 1
    Path("nothing").mkdir()
    with pytest.raises(UserError, match="The folder nothing has no clip"):
        list(run.predict_file("nothing"))
    with pytest.raises(UserError, match=r"There is no file nowhere.png"):
        list(run.predict_file("nowhere.png"))
    with pytest.raises(UserError, match="has clips of numbers in rows; expected pictures"):
        list(run.predict_file(write_gestures("wide.csv", 6)))
    for way, step in (("left", -2), ("right", 2)):
        Path("classes", way).mkdir(parents=True)
        for k in range(2):
            frames = files.moving(4, step=step, seed=k)
            files.write_strip(Path("classes", way, f"{k}.png"), frames)
    Path("classes/left/readme.txt").write_text("what this is")
    checked = FramesTask().check("classes", FramesSettings(), print)
    assert checked["labels"] == {"right": 2, "left": 2}
    assert "left/readme.txt" in " ".join(checked["guessed"])


def test_bad_rows_hide_nothing_and_are_reported_in_their_place(write_clips, write_gestures):
    data = Path(write_gestures("train.csv", 30))
    good = data.read_text()
    data.write_text(good + "1,2,3\n1," + ",".join("x" * 12) + "\n")
    assert FramesSettings.guess(data, {}) == "rows of 12 numbers with a label in column 1"
    run = unroll.train(data, skip_bad=True, steps=1, **SMALL)
    assert run.config["data"]["clips"] == 30
    run.adjust(skip_bad=True)
    Path("few.csv").write_text("\n".join([*good.splitlines()[:1], "1,2", *good.splitlines()[1:2]]))
    found = list(run.predict_file("few.csv"))
    assert found[1] == {"error": "few.csv, line 2: 2 columns where 13 are expected."}
    assert (
        run.format_prediction(found[1]).startswith("# skipped: few.csv, line 2") and len(found) == 3
    )
    values = ",".join(good.splitlines()[0].split(",")[1:])
    assert run.predict(f"[{values}]")["label"] in "01"
    run.adjust(skip_bad=False)
    Path("train.mp4").write_text("")
    for path, sentence in (
        ("train.mp4", "not a table of numbers"),
        (".", "is a folder; expected a table"),
    ):
        with pytest.raises(UserError, match=sentence):
            list(run.predict_file(path))
    with pytest.raises(UserError, match="does not have rows of 12 numbers"):
        run.evaluate(write_clips("clips", 4))
    with pytest.raises(UserError, match="is not a table of clips"):
        FramesTask().check("train.mp4", FramesSettings(), print)


def test_a_clip_of_numbers_is_read_as_one_clip(write_states):
    write_states(8, False)
    run = unroll.train("clips.csv", video="path", label="state", steps=1, quiet=True, hidden=4)
    Path("word.csv").write_text("1,2\n3,abc\n")
    with pytest.raises(UserError, match=r"word.csv, line 2: 'abc' is not a finite number"):
        list(run.predict_file("word.csv"))
    Path("folder").mkdir()
    for name in ("0.csv", "1.csv"):
        Path(name).rename(Path("folder", name))
    assert len(list(run.predict_file("folder"))) == 2


def test_labels_of_two_columns(write_clips):
    data = write_clips("clips", 8)
    rows = Path(data).read_text().splitlines()
    Path(data).write_text("\n".join([rows[0] + ",speed", *(f"{row},{('slow', 'fast')[k // 2 % 2]}"
                          for k, row in enumerate(rows[1:]))]) + "\n")  # fmt: skip
    run = unroll.train(data, video="path", label="action,speed", steps=1, **SMALL)
    assert run.preprocessor.classes == ["left fast", "left slow", "right fast", "right slow"]
    assert run.evaluate(data)["records"] == 8


def test_clips_that_memory_does_not_hold_are_read_again(write_clips):
    data = write_clips("clips", 12)
    given = {**SMALL, "video": "path", "steps": 6, "schedule": "constant"}
    weights = [
        load_file(unroll.train(data, out, cache=cache, **given).path / "model.safetensors")
        for out, cache in (("kept", 100), ("read", 0))
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_resumed_run_is_the_uninterrupted_run(write_clips):
    data = write_clips("clips", 20)
    given = {**SMALL, "schedule": "constant", "dropout": 0.3, "video": "path"}
    whole = unroll.train(data, "whole", steps=10, **given)
    unroll.train(data, "parts", steps=5, **given)
    parts = unroll.train(data, "parts", steps=10, resume=True, quiet=True)
    found = [
        load_file(run.path / "checkpoints" / "step-000000010" / "model.safetensors")
        for run in (whole, parts)
    ]
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def command(*words, code=0):
    result = CliRunner().invoke(make_app(), [str(word) for word in words])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_the_commands(write_clips):
    data = write_clips("clips", 20)
    options = ["--steps", 2, "--hidden", 8, "--threads", 1, "--set", "widths=4,8"]
    output = command("train", data, "--video", "path", "--label", "action", "--out", "run",
                   *options).output  # fmt: skip
    assert "Training set: 18 clips." in output and "2 classes: " in output
    assert "Frames: 16 x 16 pixels in colour" in output and "nearest mean frame" in output
    metrics = json.loads(command("eval", "run", data, "--json").stdout)
    assert metrics["records"] == 20 and metrics["in_training"] == 18
    assert "macro F1" in command("eval", "run", data, "--video", "path").output
    assert "clips/0.png" in command("predict", "run", "--input", "clips/0.png").output
    command("predict", "run", data, "--out", "predictions.jsonl")
    assert len(Path("predictions.jsonl").read_text().splitlines()) == 20
    assert "rows: 20" in command("data", "check", data, "--video", "path").output


def test_bad_clips_are_reported_with_their_line(write_clips):
    data = write_clips("clips", 20)
    Path("clips/3.png").write_bytes(b"nothing")
    Path("clips/5.png").unlink()
    with Path(data).open("a") as file:
        file.write("clips/1.png,\n")
    words = ["train", data, "--video", "path", "--steps", "1", "--hidden", "4"]
    error = str(CliRunner().invoke(make_app(), words).exception)
    assert "clips.csv, line 7: there is no file clips/5.png" in error
    checked = command("data", "check", data, "--video", "path", "--json", code=1)
    found = json.loads(checked.stdout)
    assert found["bad"] == 3 and found["rows"] == 21
    assert any("line 5: clips/3.png is no image" in each for each in found["problems"])
    output = command(*words, "--skip-bad", "--out", "run", "--threads", 1).output
    assert "3 bad records are skipped" in output
    skipped = command("predict", "run", "clips/3.png", "--skip-bad").output
    assert "# skipped: clips/3.png is no image" in skipped


def test_other_mistakes(write_clips):
    data = write_clips("clips", 6)
    with pytest.raises(UserError, match=r"--video got 'clip'; clips.csv has the columns"):
        unroll.train(data, video="clip", **SMALL)
    with pytest.raises(UserError, match="each halves the sides"):
        unroll.train(data, video="path", **{**SMALL, "widths": "4,4,4,4,4"})
    Path("one.csv").write_text("path,action\nclips/0.png,left\nclips/1.png,left\n")
    with pytest.raises(UserError, match="2 clips with 1 different label;"):
        unroll.train("one.csv", video="path", **SMALL)
    run = unroll.train(data, video="path", steps=1, **SMALL)
    with pytest.raises(UserError, match="expected the path of an existing clip"):
        run.predict("nowhere.mp4")
    Path("0.csv").write_text("1,2\n")
    numbers = "numbers.csv"
    Path(numbers).write_text("path,action\n0.csv,left\n0.csv,right\n")
    with pytest.raises(UserError, match="has clips of numbers; expected pictures"):
        run.evaluate(numbers)
    Path("strange.csv").write_text("path,action\nclips/0.png,up\nclips/1.png,left\n")
    with pytest.raises(
        UserError, match=r"strange.csv, line 2: the label 'up' is not in the training set"
    ):
        run.evaluate("strange.csv")


def test_metrics_of_each_group(write_clips):
    run = unroll.train(write_clips("clips", 8), video="path", steps=1, **SMALL)
    name, *rows = Path("clips.csv").read_text().splitlines()
    more = [f"{row},{('ann', 'ben')[k < 2]}" for k, row in enumerate(rows)]
    Path("groups.csv").write_text("\n".join([f"{name},who", *more, ""]))
    found = run.evaluate("groups.csv", by="who")
    assert {who: own["records"] for who, own in found["groups"].items()} == {"ann": 6, "ben": 2}
    right = sum(own["accuracy"] * own["records"] for own in found["groups"].values())
    assert right == pytest.approx(found["accuracy"] * 8)
    assert "By group:" in run.summarise(found, "groups.csv")


def test_groups_of_labels_of_frames(write_states):
    run = unroll.train(write_states(12, False), video="path", label="state", steps=1, **SMALL)
    name, *rows = Path("clips.csv").read_text().splitlines()
    more = [f"{row},{('ann', 'ben')[k < 2]}" for k, row in enumerate(rows)]
    Path("groups.csv").write_text("\n".join([f"{name},who", *more, ""]))
    groups = run.evaluate("groups.csv", by="who")["groups"]
    assert {who: own["records"] for who, own in groups.items()} == {"ann": 120, "ben": 24}
