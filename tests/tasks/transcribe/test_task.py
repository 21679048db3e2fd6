"""The task from file to answer: sounds made of sines, lines of bars, strokes."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.tasks import guess_task
from unroll.tasks.transcribe import task as transcribe
from unroll.tasks.transcribe.batches import Recordings, TranscribeBatches
from unroll.tasks.transcribe.settings import TranscribeSettings

soundfile = pytest.importorskip("soundfile")

PITCHES = {"low": 400.0, "high": 1500.0, "top": 3000.0}
RATE = 8000
SMALL = {"hidden": 16, "embedding": 16, "cell": "gru", "threads": 1, "quiet": True, "batch_size": 8}


def spoken(words, draw):
    parts = []
    for word in words:
        t = np.arange(int(RATE * draw.uniform(0.1, 0.14))) / RATE
        parts += [0.3 * np.sin(2 * np.pi * PITCHES[word] * t), np.zeros(int(RATE * 0.05))]
    samples = np.concatenate(parts)
    return samples + 0.001 * draw.standard_normal(len(samples))


def table(folder, count, seed=0, name="speech.csv"):
    draw = np.random.default_rng(seed)
    rows = [["path", "words", "who"]]
    for k in range(count):
        words = draw.choice(list(PITCHES), draw.integers(1, 4)).tolist()
        soundfile.write(folder / f"{seed}_{k}.wav", spoken(words, draw), RATE)
        rows.append([f"{seed}_{k}.wav", " ".join(words), "ab"[k % 2]])
    with (folder / name).open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(folder / name)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A table, and a run that streams: 60 recordings, some seconds."""
    folder = tmp_path_factory.mktemp("speech")
    path = table(folder, 60)
    run = unroll.train(
        path, folder / "run", steps=150, streaming=True, subsample=2, learning_rate=0.01,
        **{**SMALL, "hidden": 32, "embedding": 32}, speed=0,
        noise=0, masks=0, vocal_tract=0, units="word",
    )  # fmt: skip
    return folder, path, run


def test_sounds_end_to_end(speech):
    folder, path, run = speech
    assert run.task_name == "transcribe" and run.preprocessor.units == "word"
    result = run.result()
    assert result["word_error"] < 0.3 < min(r["word_error"] for r in result["baselines"].values())
    other = table(folder, 20, seed=1, name="other.csv")
    figures = run.evaluate(other)
    assert figures["word_error"] < 0.4 and figures["records"] == 20
    json.dumps(figures)
    said = " ".join(run.summarise(figures, "other.csv"))
    assert "most frequent text" in said and "word error" in said
    assert run.evaluate(path)["in_training"] > 50
    assert run.usage()


def test_answers_have_the_times_of_words(speech):
    folder, _, run = speech
    draw = np.random.default_rng(7)
    soundfile.write(folder / "three.wav", spoken(["low", "top", "high"], draw), RATE)
    answer = run.predict(str(folder / "three.wav"))
    assert answer["text"] == "low top high" and answer["unit"] == "seconds"
    begin = [word["start"] for word in answer["words"]]
    assert begin == sorted(begin) and begin[-1] < 0.55
    assert all(word["start"] < word["end"] for word in answer["words"])
    assert "low top high" in run.format_prediction(answer)
    json.dumps(answer)
    assert [a["path"] for a in run.predict_file(folder / "three.wav")] == [
        str(folder / "three.wav")
    ]
    assert len(list(run.predict_file(folder / "speech.csv"))) == 60
    run.adjust(beam=4)
    assert run.predict(str(folder / "three.wav"))["text"] == answer["text"]
    run.adjust(beam=1)
    with pytest.raises(UserError, match="There is no file"):
        run.predict("none.wav")
    soundfile.write(folder / "zero.wav", np.zeros(0), RATE)
    (folder / "new.csv").write_text("path\nthree.wav\nzero.wav\n0_3.wav\n")
    with pytest.raises(UserError, match="zero length"):
        list(run.predict_file(folder / "new.csv"))
    run.adjust(skip_bad=True)
    answers = list(run.predict_file(folder / "new.csv"))
    run.adjust(skip_bad=False)
    assert ["error" in one for one in answers] == [False, True, False]
    assert run.format_prediction(answers[1]).startswith("# left out: ")


@pytest.mark.parametrize("chunk", [1, 100, 1000, 10**6])
def test_a_stream_says_what_the_whole_file_says(speech, chunk):
    folder, _, run = speech
    samples = soundfile.read(folder / "0_3.wav", dtype="float32")[0]
    samples = samples[:2500] if chunk == 1 else samples
    live = run.live()
    for at in range(0, len(samples), chunk):
        partial = live(samples[at : at + chunk])
    answer = live.finish()
    x = run.preprocessor.features(samples)
    with torch.no_grad():
        whole, _ = run.model(x[:, None], torch.tensor([len(x)]))
    assert torch.allclose(live.log_probabilities, whole[:, 0], atol=1e-5)
    assert answer["text"].startswith(partial["text"])
    with pytest.raises(UserError, match="expected samples"):
        live(np.zeros((2, 2)))
    silent = run.live()
    assert silent.finish()["text"] == "" and silent(np.zeros(10))["text"] == ""


def test_a_file_in_chunks_says_what_the_whole_file_says(speech):
    _, path, run = speech
    whole = list(run.predict_file(path))
    run.adjust(chunk=0.03)
    try:
        for one, other in zip(run.predict_file(path), whole, strict=True):
            assert one["text"] == other["text"] and one["words"] == other["words"]
    finally:
        run.adjust(chunk=0)


def test_what_is_shorter_than_a_step_says_nothing(speech):
    folder, _, run = speech
    soundfile.write(folder / "tiny.wav", np.full(3, 0.1), RATE)
    (folder / "tiny.csv").write_text("path,words\ntiny.wav,low\n0_3.wav,low\n")
    assert run.predict(str(folder / "tiny.wav"))["text"] == ""
    figures = run.evaluate(folder / "tiny.csv")
    assert figures["too_short"] == 1 and figures["deletions"] >= 1
    assert "1 recording is too short" in " ".join(run.summarise(figures, "tiny.csv"))


def test_bad_files_of_a_table_are_told_with_file_and_line(speech, capsys, monkeypatch):
    folder, _, run = speech
    (folder / "no.wav").write_text("no sound")
    (folder / "some.csv").write_text("path\n0_3.wav\nno.wav\nnone.wav\n")
    with pytest.raises(UserError, match=r"some\.csv, line 3: .*no\.wav is no sound.*--skip-bad"):
        list(run.predict_file(folder / "some.csv"))
    run.adjust(skip_bad=True)
    try:
        assert ["error" in one for one in run.predict_file(folder / "some.csv")] == [False, True]
        said = capsys.readouterr().err
        assert "line 4: there is no file none.wav" in said and "1 file could not be read" in said
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
    asked = str(folder / "0_3.wav")
    plain = run.predict(asked)
    try:
        run.adjust(language_model=str(words.path), beam=8, weight=0.0)
        assert run.predict(asked)["text"] == plain["text"]
        run.adjust(weight=1.0, beam=1)
        with pytest.raises(UserError, match="beam=16"):
            run.predict(asked)
        run.adjust(language_model=str(letters.path), beam=8)
        with pytest.raises(UserError, match="--level word"):
            run.predict(asked)
        run.adjust(language_model=str(run.path))
        with pytest.raises(UserError, match="expected one of the task language"):
            run.predict(asked)
    finally:
        run.adjust(language_model=None, beam=1, weight=0.3)


def test_a_language_model_that_does_not_fit_is_refused_before_training(tmp_path):
    (tmp_path / "text.txt").write_text("low top high\n" * 200)
    language = {"steps": 1, "hidden": 8, "embedding": 8, "threads": 1, "quiet": True}
    bpe = unroll.train(
        tmp_path / "text.txt", tmp_path / "bpe", level="bpe", task="language", **language
    )
    path = table(tmp_path, 12)
    for model, given, said in [
        (bpe, {}, "beam=16"),
        (bpe, {"beam": 4}, "characters or words"),
        (tmp_path, {"beam": 4}, "not a run folder"),
    ]:
        folder = str(getattr(model, "path", model))
        with pytest.raises(UserError, match=said):
            unroll.train(path, tmp_path / "run", language_model=folder, **given, **SMALL)
    assert not (tmp_path / "run").exists()


def test_a_table_is_scaled_by_its_speakers(tmp_path, capsys):
    path = table(tmp_path, 12)
    run = unroll.train(path, tmp_path / "run", steps=2, speaker="who", **SMALL)
    asked = list(transcribe.questions(run.trained, path))
    assert np.array_equal(asked[0]["scale"][0], asked[2]["scale"][0])
    assert not np.array_equal(asked[0]["scale"][0], asked[1]["scale"][0])
    list(run.predict_file(path))
    assert not capsys.readouterr().err
    Path(tmp_path / "nobody.csv").write_text("path\n0_0.wav\n0_1.wav\n")
    assert len(list(run.predict_file(tmp_path / "nobody.csv"))) == 2
    assert "2 files were scaled without" in capsys.readouterr().err
    run.adjust(speaker="words")  # another column
    assert "scale" in next(iter(transcribe.questions(run.trained, path)))


def test_what_cannot_stream_says_so(tmp_path):
    path = table(tmp_path, 12)
    run = unroll.train(path, tmp_path / "run", steps=2, speaker="who", deltas=1, **SMALL)
    assert run.preprocessor.normalise == "speaker" and run.preprocessor.shape == (2, 40)
    with pytest.raises(UserError, match="streaming=true"):
        run.live()
    run.adjust(chunk=0.1)
    with pytest.raises(UserError, match="for a run that streams"):
        run.predict(str(tmp_path / "0_1.wav"))
    run.adjust(chunk=0)
    assert run.predict(str(tmp_path / "0_1.wav"))["unit"] == "seconds"
    for wrong, said in [
        ({"deltas": 1, "streaming": True}, "look ahead"),
        ({"normalise": "speaker"}, "needs speaker"),
        ({"audio": "a", "image": "b"}, "expected one of them"),
        ({"streaming": True, "image": "b"}, "streaming is for sounds"),
        ({"streaming": True, "normalise": "utterance"}, "hear all of it"),
    ]:
        with pytest.raises(ValueError, match=said):
            TranscribeSettings(**wrong)


def test_a_killed_run_goes_on_to_the_bit(tmp_path):
    path, steps = table(tmp_path, 24), 30
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


def test_bad_records_are_one_sentence_or_counted(tmp_path):
    path = table(tmp_path, 12)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    held = (tmp_path / "0_1.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(held[:-1000])
    with Path(path).open("a") as file:
        for bad in ["empty.wav,low", "cut.wav,low", "none.wav,low", "0_1.wav,"]:
            file.write(f"{bad},a\n")
    with pytest.raises(UserError, match=r"line 14: .*zero length.*--skip-bad"):
        unroll.train(path, tmp_path / "run", steps=2, **SMALL)
    settings = TranscribeSettings(skip_bad=True)
    data = transcribe.read(path, settings, print)
    assert "4 bad records" in data.told[0] and len(data.train) + len(data.valid) == 12
    checked = transcribe.check(path, TranscribeSettings(), print)
    assert checked["bad"] == 4 and checked["rows"] == 16
    with Path(path).open("a") as file:
        file.write("0_1.wav," + "low " * 100 + ",a\n")
    with pytest.raises(UserError, match="expected a longer recording"):
        transcribe.read(only_last(tmp_path, path), TranscribeSettings(), print)
    short = only_last(tmp_path, path)
    data = transcribe.read(short, settings, print)
    assert data.too_short == 2 and data.preprocessor.subsample > 1  # bad ones do not decide it
    checked = transcribe.check(short, TranscribeSettings(), print)
    assert (checked["bad"], checked["too_short"]) == (2, 2)


def only_last(folder, path):
    """The table's good rows, and its last."""
    lines = Path(path).read_text().splitlines()
    other = folder / "short.csv"
    other.write_text("\n".join([*lines[:13], lines[-1], lines[-1]]) + "\n")
    return str(other)


def test_stereo_and_other_rates_are_said(tmp_path):
    path = table(tmp_path, 12)
    samples, _ = soundfile.read(tmp_path / "0_2.wav")
    soundfile.write(tmp_path / "0_2.wav", np.stack([samples, samples], 1), 16000)
    settings = transcribe.resolve_sizes(TranscribeSettings(valid=path), make)
    data = transcribe.read(path, settings, print)
    settings = transcribe.resolve(settings, data)
    said = " ".join(transcribe.header(data, settings, None))
    assert "1 sound has 16,000 Hz, resampled to 8,000 Hz" in said and "mixed to one" in said
    assert data.rates == {8000: 11, 16000: 1}


def make(input_size, hidden_size):
    return unroll.Recurrent("gru", input_size, hidden_size).cells[0]


def test_which_tables_are_its_own(tmp_path):
    path = table(tmp_path, 3)
    assert guess_task(path, {})[0] == "transcribe"
    assert guess_task(path, {"audio": "path", "text": "words"})[0] == "transcribe"
    assert TranscribeSettings.guess(path, {"image": "path"}) is None
    with Path(path).open("a") as file:
        file.write("one column\n,no path\n")  # bad rows do not hide what it is
    assert guess_task(path, {})[0] == "transcribe"
    other = tmp_path / "other.csv"
    other.write_text("text,label\na film,good\n")
    assert TranscribeSettings.guess(other, {}) is None


def test_a_long_reading_says_how_far_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("unroll.tasks.transcribe.reader.SECONDS", -1.0)
    said = []
    transcribe.read(table(tmp_path, 12), TranscribeSettings(), said.append)
    assert said[1].endswith("speech.csv: 1 file read") and len(said) == 12


def test_units_are_words_where_few_come_often(tmp_path):
    path = table(tmp_path, 60)
    preprocessor = transcribe.read(path, TranscribeSettings(), print).preprocessor
    assert preprocessor.units == "word" and preprocessor.tokens == ["high", "low", "top"]
    preprocessor = transcribe.read(path, TranscribeSettings(units="char"), print).preprocessor
    assert preprocessor.units == "char" and " " in preprocessor.tokens
    assert preprocessor.decode(preprocessor.encode("low  top")) == "low top"


def test_batches_are_a_function_of_their_number(tmp_path):
    data = transcribe.read(table(tmp_path, 20), TranscribeSettings(), print)
    from unroll.tasks.transcribe.preprocessor import Perturbation

    changes = Perturbation(0.1, 0.2, 1.0, 0.2, 1.0)
    batches = TranscribeBatches(data.train, 8, 3, changes)
    other = TranscribeBatches(Recordings(data.train.items, data.preprocessor), 8, 3, changes)
    first = batches.batch(5)
    other.batch(1)
    assert torch.equal(first.x, other.batch(5).x) and torch.equal(first.y, other.batch(5).y)
    assert not torch.equal(first.x, TranscribeBatches(data.train, 8, 3, None).batch(5).x)


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
    answer = run.predict(str(tmp_path / "3.png"))
    assert set(answer["text"]) <= {"0", "1", "2"} and answer["unit"] == "frames"
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


def test_images_without_their_flag_are_told_it(tmp_path):
    (tmp_path / "lines.csv").write_text("path,text\na.png,12\nb.png,21\n")
    with pytest.raises(UserError, match="--image COLUMN"):
        unroll.train(tmp_path / "lines.csv", tmp_path / "run", task="transcribe", **SMALL)
