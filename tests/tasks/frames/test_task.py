"""The task from clips to answers, on small ones."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

import unroll
from unroll.cli.main import make_app
from unroll.errors import UserError
from unroll.tasks.frames import task
from unroll.tasks.frames.settings import FramesSettings

where = Path(__file__).parents[1] / "data" / "clip_files.py"
spec = importlib.util.spec_from_file_location("clip_files", where)
files = importlib.util.module_from_spec(spec)
spec.loader.exec_module(files)

SMALL = {"hidden": 8, "embedding": 8, "widths": "4,8", "threads": 1, "quiet": True}
WAYS = {"left": -2, "right": 2}


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def table(name, count, kind="strip", suffix=".png", seed=0):
    """A table of clips that go to the left or to the right."""
    rows = ["path,action"]
    Path(name).mkdir()
    for k in range(count):
        way = list(WAYS)[k % 2]
        path = Path(name) / f"{k}{suffix}"
        frames = files.moving(4 + k % 3, step=WAYS[way], seed=seed + k)
        getattr(files, f"write_{kind}")(path, frames)
        rows.append(f"{path},{way}")
    Path(f"{name}.csv").write_text("\n".join(rows) + "\n")
    return f"{name}.csv"


def gestures(name, count, seed=0, labelled=True):
    """A wide table of paths that go up (1) or down (0)."""
    draw = np.random.default_rng(seed)
    rows = []
    for k in range(count):
        path = np.cumsum(draw.normal((0, 0.5 if k % 2 else -0.5), 0.3, (6, 2)), 0) + 9
        rows.append(",".join([str(k % 2)] * labelled + [f"{v:.3f}" for v in path.flat]))
    Path(name).write_text("\n".join(rows) + "\n")
    return name


def test_the_way_of_a_square_is_learned():
    data = table("train", 60)
    run = unroll.train(data, video="path", steps=60, learning_rate=0.01, pooling="last", **SMALL)
    assert run.task_name == "frames"
    figures = run.evaluate(table("test", 20, seed=1000))
    assert figures["accuracy"] > 0.85 and figures["records"] == 20
    assert set(figures["baselines"]) == {"most frequent class", "nearest mean frame"}
    json.dumps(figures)
    assert "nearest mean frame" in " ".join(run.summarise(figures, "test.csv"))
    answer = run.predict("test/0.png")
    assert answer["frames"] == 4 and set(answer["probabilities"]) == {"left", "right"}
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert run.format_prediction(answer).endswith("test/0.png")
    found = list(run.predict_file("test.csv"))
    assert [each["clip"] for each in found][:2] == ["test/0.png", "test/1.png"]


@pytest.mark.parametrize(("kind", "suffix"), [("video", ".mp4"), ("folder", ""), ("gif", ".gif")])
def test_every_kind_of_clip(kind, suffix):
    data = table("clips", 12, kind, suffix)
    run = unroll.train(data, video="path", steps=2, **SMALL)
    assert run.predict("clips/0" + suffix)["frames"] == 4
    assert len(list(run.predict_file("clips/0" + suffix))) == 1
    assert len(list(run.predict_file("clips"))) == 12


def test_a_folder_for_each_class():
    for k in range(8):
        way = list(WAYS)[k % 2]
        Path("clips", way).mkdir(parents=True, exist_ok=True)
        files.write_gif(Path("clips", way, f"{k}.gif"), files.moving(4, step=WAYS[way], seed=k))
    run = unroll.train("clips", steps=2, **SMALL)
    assert run.task_name == "frames" and run.preprocessor.classes == ["left", "right"]
    assert len(list(run.predict_file("clips"))) == 8


def labels_a_frame(count, in_files):
    """Numbers near 0 are low, near 3 high; a label for each."""
    draw = np.random.default_rng(0)
    rows = ["path,state"]
    for k in range(count):
        high = np.repeat(draw.integers(2, size=3), 4)
        values = draw.normal(3 * high[:, None], 0.3, (12, 2))
        np.savetxt(f"{k}.csv", values, delimiter=",", fmt="%.3f")
        words = [("low", "high")[each] for each in high]
        if in_files:
            Path(f"{k}.labels.csv").write_text("\n".join(["label", *words]) + "\n")
        rows.append(f"{k}.csv,{f'{k}.labels.csv' if in_files else ' '.join(words)}")
    Path("clips.csv").write_text("\n".join(rows) + "\n")


@pytest.mark.parametrize("in_files", [False, True])
def test_a_label_for_each_frame(in_files):
    labels_a_frame(20, in_files)
    given = {"steps": 60, "learning_rate": 0.02, "rate": 10, "hidden": 8, "threads": 1}
    run = unroll.train("clips.csv", video="path", label="state", quiet=True, **given)
    result = run.result()
    assert run.settings.per == "frame" and result["accuracy"] > 0.95
    assert result["clips"]["records"] == 2 and result["clips"]["accuracy"] == 1
    assert "nearest frame" in result["baselines"]
    answer = run.predict("0.csv")
    first, last = answer["segments"][0], answer["segments"][-1]
    assert (first["first"], first["begin"], last["last"], last["end"]) == (1, 0.0, 12, 1.2)
    assert len(answer["labels"]) == len(answer["probabilities"]) == 12
    assert "0.00 s-" in run.format_prediction(answer)
    asked = run.predict(json.dumps([[0, 0]] * 5 + [[3, 3]] * 5))
    assert [s["label"] for s in asked["segments"]] == ["low", "high"]


def test_labels_that_are_not_as_many_as_frames():
    labels_a_frame(6, False)
    text = Path("clips.csv").read_text().replace("low", "low low", 1).replace("high", "high", 1)
    Path("clips.csv").write_text(text)
    given = {"video": "path", "label": "state", "steps": 1, **SMALL}
    with pytest.raises(UserError, match=r"clips.csv, line \d: 13 labels for 12 frames of \d.csv"):
        unroll.train("clips.csv", **given)
    run = unroll.train("clips.csv", skip_bad=True, **given)
    assert run.config["data"]["clips"] == 5


def test_a_wide_table_of_numbers():
    data = gestures("train.csv", 80)
    Path("names.txt").write_text("\ufeffdown\nup\n")
    assert FramesSettings.guess(Path(data), {}) == "rows of 12 numbers with a label in column 1"
    run = unroll.train(data, label_names="names.txt", steps=60, learning_rate=0.02, **SMALL)
    assert run.preprocessor.reading.shape == (2,) and run.preprocessor.classes == ["down", "up"]
    assert run.evaluate(gestures("test.csv", 20, 5))["accuracy"] > 0.9
    plain = list(run.predict_file(gestures("plain.csv", 6, 5, labelled=False)))
    assert plain == list(run.predict_file(gestures("test.csv", 6, 5)))
    assert plain[1]["clip"] == "row 2"
    Path("odd.csv").write_text("1,2,3\n" * 4)
    with pytest.raises(UserError, match="does not hold rows of 12 numbers"):
        list(run.predict_file("odd.csv"))
    with pytest.raises(UserError, match="no frames of 5 each"):
        unroll.train(data, features=5, steps=1, **SMALL)


def test_windows_of_one_recording_are_held_out_together():
    draw = np.random.default_rng(0)
    walks = {name: draw.normal(size=400).cumsum() for name in "ab"}
    rows = [",".join([name, *(f"{v:.4f}" for v in walk[k : k + 12])])
            for name, walk in walks.items() for k in range(200)]  # fmt: skip
    Path("windows.csv").write_text("\n".join(rows) + "\n")
    data = task.read("windows.csv", FramesSettings(features=1), print)
    held = [clip.name for clip in data.valid.clips]
    ends = (67, 134, 200, 267, 334, 400)  # of the thirds of each label
    assert held == [f"row {k}" for end in ends for k in range(end - 5, end + 1)]
    assert "neighbouring rows are alike" in data.validation_set


def test_nobody_is_held_out_in_part():
    data = table("clips", 24)
    rows = Path(data).read_text().splitlines()
    Path(data).write_text("\n".join([rows[0] + ",who", *(f"{row},{k // 4}" for k, row in
                          enumerate(rows[1:]))]) + "\n")  # fmt: skip
    read = task.read(data, FramesSettings(video="path", by="who"), print)
    groups = [{clip.group for clip in part.clips} for part in (read.train, read.valid)]
    assert len(groups[1]) == 1 and not groups[0] & groups[1] and len(read.valid) == 4


def test_held_out_clips_of_another_table():
    train, valid = table("train", 8), table("valid", 4, seed=50)
    run = unroll.train(train, video="path", valid=valid, steps=1, **SMALL)
    assert run.result()["records"] == 4 and run.result()["validation_set"] == "valid.csv"


def test_what_is_not_installed_is_named(monkeypatch):
    data = table("clips", 4, "video", ".mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"needs the package av.*pip install 'unroll-rnn\[video\]'"):
        unroll.train(data, video="path", steps=1, **SMALL)


def test_strips_and_folders_of_frames_are_told_apart():
    """Where a folder of images is asked about, and where it is a clip in a table."""
    folders = Path(table("still", 8, "folder", ""))
    assert FramesSettings.guess(folders, {}) == "a table that names clips, in column 1"
    run = unroll.train(folders, out="run", steps=1, **SMALL)
    assert run.settings.video == "path" and run.config["data"]["clips"] == 8
    table("strips", 4)
    assert len(list(run.predict_file("strips"))) == 4
    assert len(list(run.predict_file("still"))) == 8 and len(list(run.predict_file("still/1"))) == 1
    Path("nothing").mkdir()
    with pytest.raises(UserError, match="The folder nothing holds no clip"):
        list(run.predict_file("nothing"))
    with pytest.raises(UserError, match=r"There is no file nowhere.png"):
        list(run.predict_file("nowhere.png"))
    with pytest.raises(UserError, match="holds clips of numbers in rows; expected pictures"):
        list(run.predict_file(gestures("wide.csv", 6)))
    for way in WAYS:
        Path("classes", way).mkdir(parents=True)
        for k in range(2):
            frames = files.moving(4, step=WAYS[way], seed=k)
            files.write_strip(Path("classes", way, f"{k}.png"), frames)
    Path("classes/left/readme.txt").write_text("what this is")
    checked = task.check("classes", FramesSettings(), print)
    assert checked["labels"] == {"right": 2, "left": 2}
    assert "left/readme.txt" in " ".join(checked["guessed"])


def test_bad_rows_hide_nothing_and_are_told_in_their_place():
    data = Path(gestures("train.csv", 30))
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
        run.format_prediction(found[1]).startswith("# left out: few.csv, line 2")
        and len(found) == 3
    )
    values = ",".join(good.splitlines()[0].split(",")[1:])
    assert run.predict(f"[{values}]")["label"] in "01"
    run.adjust(skip_bad=False)
    Path("train.mp4").write_text("")
    for path, said in (
        ("train.mp4", "no table of numbers"),
        (".", "is a folder; expected a table"),
    ):
        with pytest.raises(UserError, match=said):
            list(run.predict_file(path))
    with pytest.raises(UserError, match="does not hold rows of 12 numbers"):
        run.evaluate(table("clips", 4))
    with pytest.raises(UserError, match="is no table of clips"):
        task.check("train.mp4", FramesSettings(), print)


def test_a_clip_of_numbers_is_read_as_one():
    labels_a_frame(8, False)
    run = unroll.train("clips.csv", video="path", label="state", steps=1, quiet=True, hidden=4)
    Path("word.csv").write_text("1,2\n3,abc\n")
    with pytest.raises(UserError, match=r"word.csv, line 2: 'abc' is no finite number"):
        list(run.predict_file("word.csv"))
    Path("folder").mkdir()
    for name in ("0.csv", "1.csv"):
        Path(name).rename(Path("folder", name))
    assert len(list(run.predict_file("folder"))) == 2


def test_labels_of_two_columns():
    data = table("clips", 8)
    rows = Path(data).read_text().splitlines()
    Path(data).write_text("\n".join([rows[0] + ",speed", *(f"{row},{('slow', 'fast')[k // 2 % 2]}"
                          for k, row in enumerate(rows[1:]))]) + "\n")  # fmt: skip
    run = unroll.train(data, video="path", label="action,speed", steps=1, **SMALL)
    assert run.preprocessor.classes == ["left fast", "left slow", "right fast", "right slow"]
    assert run.evaluate(data)["records"] == 8


def test_clips_that_memory_does_not_hold_are_read_again():
    data = table("clips", 12)
    given = {**SMALL, "video": "path", "steps": 6, "schedule": "constant"}
    weights = [
        load_file(unroll.train(data, out, cache=cache, **given).path / "model.safetensors")
        for out, cache in (("kept", 100), ("read", 0))
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_resumed_run_is_the_unbroken_one():
    data = table("clips", 20)
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


def test_the_commands():
    data = table("clips", 20)
    options = ["--steps", 2, "--hidden", 8, "--threads", 1, "--set", "widths=4,8"]
    said = command("train", data, "--video", "path", "--label", "action", "--out", "run",
                   *options).output  # fmt: skip
    assert "18 clips to learn from" in said and "2 classes: " in said
    assert "Frames of 16 x 16 pixels in colour" in said and "nearest mean frame" in said
    figures = json.loads(command("eval", "run", data, "--json").stdout)
    assert figures["records"] == 20 and figures["in_training"] == 18
    assert "macro F1" in command("eval", "run", data, "--video", "path").output
    assert "clips/0.png" in command("predict", "run", "--input", "clips/0.png").output
    command("predict", "run", data, "--out", "answers.jsonl")
    assert len(Path("answers.jsonl").read_text().splitlines()) == 20
    assert "rows: 20" in command("data", "check", data, "--video", "path").output


def test_bad_clips_are_told_with_their_line():
    data = table("clips", 20)
    Path("clips/3.png").write_bytes(b"nothing")
    Path("clips/5.png").unlink()
    with Path(data).open("a") as file:
        file.write("clips/1.png,\n")
    words = ["train", data, "--video", "path", "--steps", "1", "--hidden", "4"]
    said = str(CliRunner().invoke(make_app(), words).exception)
    assert "clips.csv, line 7: there is no file clips/5.png" in said
    checked = command("data", "check", data, "--video", "path", "--json", code=1)
    found = json.loads(checked.stdout)
    assert found["bad"] == 3 and found["rows"] == 21
    assert any("line 5: clips/3.png is neither" in each for each in found["problems"])
    told = command(*words, "--skip-bad", "--out", "run", "--threads", 1).output
    assert "3 bad records are skipped" in told
    left_out = command("predict", "run", "clips/3.png", "--skip-bad").output
    assert "# left out: clips/3.png is neither" in left_out


def test_other_mistakes(tmp_path):
    data = table("clips", 6)
    with pytest.raises(UserError, match=r"--video got 'clip'; clips.csv has the columns"):
        unroll.train(data, video="clip", **SMALL)
    with pytest.raises(UserError, match="each halves the sides"):
        unroll.train(data, video="path", **{**SMALL, "widths": "4,4,4,4,4"})
    Path("one.csv").write_text("path,action\nclips/0.png,left\nclips/1.png,left\n")
    with pytest.raises(UserError, match="2 clips with 1 different label;"):
        unroll.train("one.csv", video="path", **SMALL)
    run = unroll.train(data, video="path", steps=1, **SMALL)
    with pytest.raises(UserError, match="expected the path of a clip that is there"):
        run.predict("nowhere.mp4")
    Path("0.csv").write_text("1,2\n")
    numbers = "numbers.csv"
    Path(numbers).write_text("path,action\n0.csv,left\n0.csv,right\n")
    with pytest.raises(UserError, match="holds clips of numbers; expected pictures"):
        run.evaluate(numbers)
    Path("strange.csv").write_text("path,action\nclips/0.png,up\nclips/1.png,left\n")
    with pytest.raises(UserError, match=r"strange.csv, line 2: the label 'up' was never seen"):
        run.evaluate("strange.csv")


def test_which_files_are_guessed(tmp_path):
    Path("clips.csv").write_text("file,what\na.mp4,walk\nb.mp4,run\n")
    assert FramesSettings.guess(Path("clips.csv"), {}) == "a table that names clips, in column 1"
    Path("reviews.csv").write_text("review,stars\nlovely,5\ndull,1\n")
    Path("iris.csv").write_text("a,b,c,d,kind\n" + "1.5,2.5,3.5,4.5,x\n" * 9)
    assert (
        FramesSettings.guess(Path("reviews.csv"), {}) is None
        and FramesSettings.guess(Path("iris.csv"), {}) is None
    )
