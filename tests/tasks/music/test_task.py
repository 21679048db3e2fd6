"""Tunes from `unroll train` to a tune of one's own."""

import json
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file
from typer.testing import CliRunner

import unroll
from unroll.cli.main import make_app
from unroll.errors import UserError
from unroll.tasks import guess_task
from unroll.tasks.music.abc_bars import odd_bars, read_bars
from unroll.tasks.music.preprocessor import pieces_of

mido = pytest.importorskip("mido")
SMALL = {"hidden": 24, "embedding": 12, "threads": 1, "quiet": True}


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def book(name, count, seed=0):
    """Tunes of few ideas: a scale up or down, in a key."""
    draw, tunes = np.random.default_rng(seed), []
    for n in range(1, count + 1):
        body = "".join(["GABc|", "cBAG|"][k] for k in draw.integers(0, 2, 6))
        tunes.append(f"X:{n}\nT:Tune\nM:4/4\nL:1/4\nK:{'GDC'[n % 3]}\n{body}|\n")
    Path(name).write_text("\n".join(tunes))
    return name


def midi_folder(name, count):
    Path(name).mkdir()
    for n in range(count):
        track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=3, denominator=4)])
        for k in range(6):
            pitch = 60 + (n + 2 * k) % 12
            track.append(mido.Message("note_on", note=pitch))
            track.append(mido.Message("note_off", note=pitch, time=480))
        mido.MidiFile(tracks=[track]).save(Path(name) / f"{n}.mid")
    return name


def invoke(*words):
    result = CliRunner().invoke(make_app(), list(words))
    assert result.exit_code == 0, result.output
    return result


def refused(*words):
    result = CliRunner().invoke(make_app(), list(words))
    assert isinstance(result.exception, UserError)
    return str(result.exception)


def test_from_a_book_to_a_tune(tmp_path):
    assert guess_task(book("tunes.abc", 40), {})[0] == "music"
    run = unroll.train("tunes.abc", "run", steps=80, batch_size=8, learning_rate=0.02, **SMALL)
    result = run.result()
    assert result["tunes"] == 4 and result["unit"] == "character"
    assert result["loss"] < 0.6 * result["baselines"]["1-gram"]["loss"]
    metrics = run.evaluate(book("other.abc", 6, seed=1))
    assert metrics["loss"] == pytest.approx(metrics["nats_per_tune"] * 6 / metrics["size"])
    assert "nats than the" in " ".join(run.summarise(metrics, "other.abc"))
    assert run.evaluate("tunes.abc")["in_training"] >= 36
    with pytest.raises(UserError, match="cannot score or continue"):
        from unroll.cli.run_options import open_language_run

        open_language_run("run", "cpu", False)

    odd = Path("other.abc").read_text().split("\n\n")[0].replace("GABc|", "GA^^B,c|") + "\n"
    (prediction,) = run.predict_iterator([odd])
    assert prediction["least_expected"][0]["nats"] > 3 and json.dumps(prediction)
    assert "least expected" in run.format_prediction(prediction)
    assert len(list(run.predict_file("other.abc"))) == 6

    tune = run.generate("K:G", seed=3, length=40)
    assert "K:G\n" in tune and not odd_bars(read_bars(tune)[0])
    assert len(run.render(tune, ".svg")) > 500
    for ending in ("abc", "mid", "wav", "svg"):
        invoke("generate", "run", "--prompt", "K:G", "--seed", "3", "--length", "40",
               "--out", f"t.{ending}")  # fmt: skip
    assert Path("t.abc").read_text() == tune
    assert mido.MidiFile("t.mid").length > 1
    with wave.open("t.wav") as file:
        assert file.getnframes() > 44_100
    assert Path("t.svg").read_text().startswith("<svg")
    shown = invoke("generate", "run", "--seed", "3", "--count", "2", "--json").output
    assert len({json.loads(line)["text"] for line in shown.splitlines()}) == 2
    invoke("generate", "run", "--count", "2", "--out", "n.abc")
    assert Path("n-1.abc").exists() and Path("n-2.abc").exists()
    assert "Use --overwrite" in refused("generate", "run", "--out", "t.abc")
    assert ".wav" in refused("generate", "run", "--out", "t.mp3")


def test_a_killed_run_resumes_to_the_bit():
    book("tunes.abc", 30)
    given = {**SMALL, "schedule": "constant", "warm_up": 0, "evaluate_every": 4}
    unroll.train("tunes.abc", "whole", steps=8, **given)
    unroll.train("tunes.abc", "broken", steps=4, **given)
    unroll.train("tunes.abc", "broken", steps=8, resume=True, quiet=True)
    whole, broken = (load_file(Path(run) / "model.safetensors") for run in ("whole", "broken"))
    assert all(bool((whole[name] == broken[name]).all()) for name in whole)


def test_midi_from_a_folder_to_a_file():
    assert guess_task(midi_folder("midi", 12), {})[0] == "music"
    run = unroll.train("midi", "run", steps=20, **SMALL)
    assert run.result()["unit"] == "word"
    words = run.generate("K:D M:3/4", seed=1, length=30)
    assert pieces_of(words, "midi")
    invoke("generate", "run", "--seed", "1", "--length", "30", "--out", "t.mid")
    ticks = sum(event.time for event in mido.MidiFile("t.mid").tracks[0])
    assert ticks % (3 * 480) == 0
    invoke("generate", "run", "--seed", "1", "--length", "30", "--out", "t.abc")
    for bar in read_bars(Path("t.abc").read_text())[0]:
        assert bar.length == bar.capacity == Fraction(3, 4)
    with pytest.raises(UserError, match="was trained on midi"):
        run.evaluate(book("tunes.abc", 3))


def test_bad_tunes_are_skipped_and_counted():
    book("tunes.abc", 12)
    with Path("tunes.abc").open("a") as file:
        file.write("\nX:99\nT:no key\nGAB|\n")
    with pytest.raises(UserError, match="no K: field"):
        unroll.train("tunes.abc", "run", steps=2, **SMALL)
    run = unroll.train("tunes.abc", "run", steps=2, skip_bad=True, **SMALL)
    assert run.config["data"]["tunes"] == 12
    run.adjust(skip_bad=True)
    found = list(run.predict_file("tunes.abc"))
    assert len(found) == 13 and "line" in found[0]["where"]
    assert run.format_prediction(found[-1]).startswith("# skipped: tunes.abc, line")
    assert "--condition is for texts" in refused("generate", "run", "--condition", "x")
    checked = CliRunner().invoke(make_app(), ["data", "check", "tunes.abc"])
    assert checked.exit_code == 1 and "keys: " in checked.output and "bad: 1" in checked.output
    Path("midi").mkdir()
    for name in ("a", "b"):
        Path(f"midi/{name}.mid").write_bytes(b"MThd\0\0")
    with pytest.raises(UserError, match=r"not a complete MIDI file.*skip-bad"):
        unroll.train("midi", "other", steps=2, **SMALL)
