"""The task from file to prediction: sounds made of sines, lines of bars, strokes."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import unroll
from unroll.errors import UserError

soundfile = pytest.importorskip("soundfile")

RATE = 8000
SMALL = {"hidden": 16, "embedding": 16, "cell": "gru", "threads": 1, "quiet": True, "batch_size": 8}


@pytest.fixture(scope="module")
def speech(tmp_path_factory, write_speech):
    """A table, and a run that streams: 60 recordings, some seconds."""
    folder = tmp_path_factory.mktemp("speech")
    path = write_speech(folder, 60)
    run = unroll.train(
        path, folder / "run", steps=150, streaming=True, subsample=2, learning_rate=0.01,
        **{**SMALL, "hidden": 32, "embedding": 32}, speed=0,
        noise=0, masks=0, vocal_tract=0, units="word",
    )  # fmt: skip
    return folder, path, run


def test_sounds_end_to_end(speech, write_speech):
    folder, path, run = speech
    assert run.task_name == "transcribe" and run.preprocessor.units == "word"
    result = run.result()
    assert result["word_error"] < 0.3 < min(r["word_error"] for r in result["baselines"].values())
    other = write_speech(folder, 20, seed=1, name="other.csv")
    metrics = run.evaluate(other)
    assert metrics["word_error"] < 0.4 and metrics["records"] == 20
    json.dumps(metrics)
    sentences = " ".join(run.summarise(metrics, "other.csv"))
    assert "most frequent text" in sentences and "word error" in sentences
    assert run.evaluate(other, audio="path", text="words") == metrics
    with pytest.raises(UserError, match=r"--image is given, but .* was trained on --audio"):
        run.evaluate(other, image="path")
    assert run.evaluate(path)["in_training"] > 50
    assert run.usage()


def test_predictions_have_the_times_of_words(speech, write_sound):
    folder, _, run = speech
    prediction = run.predict(write_sound(folder / "three.wav", ["low", "top", "high"]))
    assert prediction["text"] == "low top high" and prediction["unit"] == "seconds"
    begin = [word["start"] for word in prediction["words"]]
    assert begin == sorted(begin) and begin[-1] < 0.55
    assert all(word["start"] < word["end"] for word in prediction["words"])
    assert "low top high" in run.format_prediction(prediction)
    json.dumps(prediction)
    assert [a["path"] for a in run.predict_file(folder / "three.wav")] == [
        str(folder / "three.wav")
    ]
    assert len(list(run.predict_file(folder / "speech.csv"))) == 60
    run.adjust(beam=4)
    assert run.predict(str(folder / "three.wav"))["text"] == prediction["text"]
    run.adjust(beam=1)
    with pytest.raises(UserError, match="There is no file"):
        run.predict("none.wav")
    soundfile.write(folder / "zero.wav", np.zeros(0), RATE)
    (folder / "new.csv").write_text("path\nthree.wav\nzero.wav\n0_3.wav\n")
    with pytest.raises(UserError, match="zero length"):
        list(run.predict_file(folder / "new.csv"))
    run.adjust(skip_bad=True)
    predictions = list(run.predict_file(folder / "new.csv"))
    run.adjust(skip_bad=False)
    assert ["error" in one for one in predictions] == [False, True, False]
    assert run.format_prediction(predictions[1]).startswith("# skipped: ")


def test_a_file_in_chunks_gives_what_the_whole_file_gives(speech):
    folder, path, run = speech
    whole = list(run.predict_file(path))
    run.adjust(chunk=0.03)
    try:
        for one, other in zip(run.predict_file(path), whole, strict=True):
            assert one["text"] == other["text"] and one["words"] == other["words"]
        live = run.live()
        live.read(soundfile.read(folder / "0_3.wav", dtype="float32")[0])
        assert live.finish()["text"] == run.predict(str(folder / "0_3.wav"))["text"]
    finally:
        run.adjust(chunk=0)


def test_a_sound_shorter_than_a_step_has_no_text(speech):
    folder, _, run = speech
    soundfile.write(folder / "tiny.wav", np.full(3, 0.1), RATE)
    (folder / "tiny.csv").write_text("path,words\ntiny.wav,low\n0_3.wav,low\n")
    assert run.predict(str(folder / "tiny.wav"))["text"] == ""
    metrics = run.evaluate(folder / "tiny.csv")
    assert metrics["too_short"] == 1 and metrics["deletions"] >= 1
    assert "1 recording is too short" in " ".join(run.summarise(metrics, "tiny.csv"))


def test_bad_files_of_a_table_are_reported_with_file_and_line(speech, caplog, monkeypatch):
    folder, _, run = speech
    (folder / "no.wav").write_text("no sound")
    (folder / "some.csv").write_text("path\n0_3.wav\nno.wav\nnone.wav\n")
    with pytest.raises(
        UserError, match=r"some\.csv, line 3: .*no\.wav is not a readable sound.*--skip-bad"
    ):
        list(run.predict_file(folder / "some.csv"))
    run.adjust(skip_bad=True)
    try:
        found = list(run.predict_file(folder / "some.csv"))
        assert ["error" in one for one in found] == [False, True, True]
        assert "line 4: there is no file none.wav" in found[2]["error"]
        assert "2 files could not be read" in caplog.text
        monkeypatch.setitem(sys.modules, "soundfile", None)  # no file is to blame
        with pytest.raises(UserError, match=r"pip install 'unroll-rnn\[audio\]'"):
            list(run.predict_file(folder / "some.csv"))
    finally:
        run.adjust(skip_bad=False)
    with pytest.raises(UserError, match="is one audio file; expected a table"):
        run.evaluate(folder / "0_3.wav")


def test_a_language_model_helps_the_beam(speech, tmp_path):
    folder, _, run = speech
    text = tmp_path / "text.txt"
    text.write_text("low top high\nhigh low low\n" * 200)
    language = {"steps": 5, "hidden": 8, "embedding": 8, "threads": 1, "quiet": True}
    words = unroll.train(text, tmp_path / "words", level="word", task="language", **language)
    letters = unroll.train(text, tmp_path / "letters", level="char", task="language", **language)
    file = str(folder / "0_3.wav")
    plain = run.predict(file)
    try:
        run.adjust(language_model=str(words.path), beam=8, weight=0.0)
        assert run.predict(file)["text"] == plain["text"]
        run.adjust(weight=1.0, beam=1)
        with pytest.raises(UserError, match="beam=16"):
            run.predict(file)
        run.adjust(language_model=str(letters.path), beam=8)
        with pytest.raises(UserError, match="--level word"):
            run.predict(file)
        run.adjust(language_model=str(run.path))
        with pytest.raises(UserError, match="expected a run of the task language"):
            run.predict(file)
    finally:
        run.adjust(language_model=None, beam=1, weight=0.3)


@pytest.fixture(scope="module")
def commands(tmp_path_factory, write_speech):
    """A table of single words, and a run of one step."""
    folder = tmp_path_factory.mktemp("commands")
    path = write_speech(folder, 60, most=1)
    return path, unroll.train(path, folder / "run", steps=1, **SMALL)


def test_one_step_is_as_good_as_the_simple_model(commands, write_speech, tmp_path):
    _, run = commands
    result = run.result()
    assert result["word_error"] == result["baselines"]["simple model"]["word_error"] == 0
    assert result["network_alone"]["word_error"] > 0.5
    other = write_speech(tmp_path, 15, seed=1, most=1)
    metrics = run.evaluate(other)
    assert metrics["word_error"] == 0 < metrics["network_alone"]["word_error"]
    assert "The network with the simple model" in " ".join(run.summarise(metrics, "x"))
    loaded = unroll.load(run.path)
    predicted = list(loaded.predict_file(other))
    with Path(other).open() as file:
        words = [row["words"] for row in csv.DictReader(file)]
    assert [one["text"] for one in predicted] == words
    assert all(one["words"][0]["word"] == one["text"] for one in predicted)
    # the simple model that is kept has learned from the validation set too
    assert run.config["settings"]["floor"] == "auto" and len(loaded.preprocessor.floor.landmarks)


def test_the_network_alone_has_no_simple_model(commands, tmp_path):
    path, _ = commands
    run = unroll.train(path, tmp_path / "run", steps=1, floor="none", **SMALL)
    assert run.preprocessor.floor is None and "simple model" not in run.result()["baselines"]
    assert not (run.path / "floor.json").exists() and run.result()["word_error"] > 0.5


def test_whole_speakers_are_held_out(tmp_path, write_speech):
    path = write_speech(tmp_path, 24, most=1)
    run = unroll.train(path, tmp_path / "run", steps=1, by="who", **SMALL)
    assert run.result()["records"] == 12
    assert "those of 1 of 2 in column who of speech.csv" in run.result()["validation_set"]
    with pytest.raises(UserError, match=r"--by nobody: .* has the columns path, words, who"):
        unroll.train(path, tmp_path / "other", steps=1, by="nobody", **SMALL)


def test_a_table_is_scaled_by_its_speakers(tmp_path, caplog, write_speech):
    path = write_speech(tmp_path, 12)
    run = unroll.train(path, tmp_path / "run", steps=2, speaker="who", **SMALL)
    list(run.predict_file(path))
    assert not caplog.text
    Path(tmp_path / "nobody.csv").write_text("path\n0_0.wav\n0_1.wav\n")
    assert len(list(run.predict_file(tmp_path / "nobody.csv"))) == 2
    assert "2 files were scaled without" in caplog.text


def test_a_run_that_cannot_stream(tmp_path, write_speech):
    path = write_speech(tmp_path, 12)
    run = unroll.train(path, tmp_path / "run", steps=2, speaker="who", deltas=1, **SMALL)
    assert run.preprocessor.normalise == "speaker" and run.preprocessor.shape == (2, 40)
    with pytest.raises(UserError, match="streaming=true"):
        run.live()
    run.adjust(chunk=0.1)
    with pytest.raises(UserError, match="for a run that streams"):
        run.predict(str(tmp_path / "0_1.wav"))
    run.adjust(chunk=0)
    assert run.predict(str(tmp_path / "0_1.wav"))["unit"] == "seconds"


def test_a_killed_run_resumes_to_the_bit(tmp_path, write_speech):
    path, steps = write_speech(tmp_path, 24), 30
    small = {**SMALL, "checkpoint_every": 10, "evaluate_every": 20, "steps": steps}
    whole = unroll.train(path, tmp_path / "whole", **small).path
    half = tmp_path / "half"
    code = f"import unroll; unroll.train({path!r}, {str(half)!r}, **{small!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not (half / "checkpoints" / "step-000000010").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run was over before it was killed"
    assert not (half / "result.json").exists()
    unroll.train(path, half, resume=True, quiet=True)
    last = f"checkpoints/step-{steps:09d}/model.safetensors"
    for name in (last, "model.safetensors"):
        assert (half / name).read_bytes() == (whole / name).read_bytes()


def drawn(digits, draw):
    """A line where digit n is n + 1 bars."""
    columns = [np.full((20, 3), 255)]
    for digit in digits:
        bars = [np.full((20, 6), 255), *[np.zeros((20, 2)), np.full((20, 2), 255)] * (digit + 1)]
        columns += bars
    columns.append(np.full((20, int(draw.integers(1, 8))), 255))
    return np.concatenate(columns, 1).astype(np.uint8)


def test_lines_of_writing(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    draw = np.random.default_rng(0)
    rows = [["path", "text"]]
    for k in range(40):
        digits = draw.integers(0, 3, draw.integers(1, 5)).tolist()
        pillow.fromarray(drawn(digits, draw)).save(tmp_path / f"{k}.png")
        rows.append([f"{k}.png", "".join(map(str, digits))])
    with (tmp_path / "lines.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    run = unroll.train(
        tmp_path / "lines.csv", tmp_path / "run", task="transcribe", image="path", steps=4, **SMALL
    )
    assert run.preprocessor.units == "char" and run.preprocessor.tokens == ["0", "1", "2"]
    prediction = run.predict(str(tmp_path / "3.png"))
    assert set(prediction["text"]) <= {"0", "1", "2"} and prediction["unit"] == "frames"
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"bad\.png"):
        run.predict(str(tmp_path / "bad.png"))


def test_strokes(tmp_path):
    rows = ["path,text"]
    for k in range(24):
        ups = [1, *[0] * (2 + k % 3)]
        body = "\n".join(f"{n},{n % 2 * 5 * (1 + k % 3)},{up}" for n, up in enumerate(ups))
        (tmp_path / f"{k}.csv").write_text("x,y,pen\n" + body + "\n")
        rows.append(f"{k}.csv,{'abc'[k % 3]}")
    path = tmp_path / "strokes.csv"
    path.write_text("\n".join(rows) + "\n")
    run = unroll.train(path, tmp_path / "run", strokes="path", text="text", steps=4, **SMALL)
    assert run.task_name == "transcribe" and run.preprocessor.shape == (3, 1)
    assert run.predict(str(tmp_path / "2.csv"))["unit"] == "frames"
    assert len(list(run.predict_file(path))) == 24
    assert len(list(run.predict_file(tmp_path / "2.csv"))) == 1


def test_metrics_of_each_speaker(speech, write_speech):
    folder, _, run = speech
    other = write_speech(folder, 8, seed=2, name="speakers.csv")
    found = run.evaluate(other, by="who")
    assert {name: own["records"] for name, own in found["groups"].items()} == {"a": 4, "b": 4}
    assert sum(own["words"] for own in found["groups"].values()) == found["words"]
    lines = run.summarise(found, other)
    assert lines[-3] == "By group:" and lines[-1].startswith("  b  word error")
    with pytest.raises(UserError, match=r"--by writer: .* has the columns path, words, who"):
        run.evaluate(other, by="writer")
