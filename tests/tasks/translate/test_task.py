"""The translate task, from pairs to a run that is used."""

import json

import pytest

import unroll
from unroll.cli.main import run as command
from unroll.errors import UserError
from unroll.tasks.translate.settings import TranslateSettings
from unroll.tasks.translate.task import TranslateTask


def printed(capsys, *words, code=0):
    assert command([str(word) for word in words], False) == code
    return capsys.readouterr()


def test_it_learns_and_beats_its_baselines(run):
    result = run.result()
    assert result["bleu"] > 60 > result["baselines"]["source copied"]["bleu"]
    assert result["token_accuracy"] > 0.8
    assert result["signatures"]["bleu"].startswith("nrefs:1|case:mixed")
    assert {"loss", "perplexity", "chrf", "exact_match", "search", "tokens"} <= set(result)


def test_metrics_of_each_group(place, run, capsys, pairs_of):
    pairs = list(pairs_of(20, seed=7))
    lines = [f"{a}\t{b}\t{'ab'[n % 2]}\n" for n, (a, b) in enumerate(pairs)]
    (place / "groups.tsv").write_text("source\ttarget\tbook\n" + "".join(lines))
    found = run.evaluate("groups.tsv", by="book")
    assert found["pairs"] == 20 and [g["pairs"] for g in found["groups"].values()] == [10, 10]
    assert run.evaluate(pairs[::2])["bleu"] == found["groups"]["a"]["bleu"]
    output = printed(capsys, "eval", "run", "groups.tsv", "--by", "book").out
    assert "By group:\n  a  BLEU" in output and "10 pairs" in output


def test_an_empty_line_is_translated_too(run):
    assert len(run.predict(["", "red cat"])) == 2
    with pytest.raises(UserError, match="text to translate"):
        run.predict([3])


def test_the_commands(place, run, capsys, pairs_of):
    (place / "test.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs_of(20, seed=7)))
    found = json.loads(printed(capsys, "eval", "run", "test.tsv", "--json").out)
    assert found["pairs"] == 20 and found["bleu"] > 50 and found["skipped"] == 0
    assert "nearest neighbour" in printed(capsys, "eval", "run", "test.tsv").out
    (place / "new.txt").write_text("red dog\nbig cat\n")
    assert len(printed(capsys, "predict", "run", "new.txt").out.splitlines()) == 2
    printed(capsys, "predict", "run", "test.tsv", "--out", "out.jsonl")
    rows = [json.loads(line) for line in (place / "out.jsonl").read_text().splitlines()]
    assert len(rows) == 20 and rows[0]["source"] == next(pairs_of(1, seed=7)).source
    words = ["predict", "run", "--input", "red dog", "--set", "beam=3", "--set", "best=3"]
    assert len(json.loads(printed(capsys, *words, "--json").out)["others"]) == 2
    said = printed(capsys, "predict", "run", "--input", "a", "--set", "hidden=3", code=2).err
    assert "hidden=..., which cannot be changed" in said and "expected one of beam" in said
    checked = json.loads(printed(capsys, "data", "check", "pairs.tsv", "--json").out)
    assert checked["pairs"] == 300 and checked["problems"] == []


def test_bad_data_is_reported_by_check_and_refused_by_train(place, capsys):
    (place / "bad.tsv").write_text("".join(f"a {n}\tc {n}\n" for n in range(20)) + "x y\n\tz\n")
    checked = json.loads(
        printed(capsys, "data", "check", "bad.tsv", "--task", "translate", "--json", code=1).out
    )
    assert checked["problems"][0] == "2 bad records are skipped:"
    told = printed(capsys, "train", "bad.tsv", "--task", "translate", "--out", "no", code=2).err
    assert "bad.tsv, line 21: 1 column" in told
    assert not (place / "no").exists()


def test_a_resumed_run_is_the_unbroken_one(place):
    options = {"hidden": 16, "embedding": 8, "threads": 1, "quiet": True, "batch_size": 16}
    options |= {"teacher_forcing": 0.5, "forcing_epochs": 1, "checkpoint_every": 10}
    options |= {"schedule": "constant", "warm_up": 0}  # so that the budget changes nothing
    unroll.train("pairs.tsv", "parts", steps=10, **options)
    parts = unroll.train("pairs.tsv", "parts", resume=True, steps=20, quiet=True)
    whole = unroll.train("pairs.tsv", "whole", steps=20, **options)
    last = [path / "checkpoints" / "step-000000020" for path in (parts.path, whole.path)]
    a, b = ((folder / "model.safetensors").read_bytes() for folder in last)
    assert a == b


def test_two_files_end_to_end(place, pairs_of):
    for name, side in (("a.en", 0), ("a.fr", 1)):
        (place / name).write_text("".join(pair[side] + "\n" for pair in pairs_of(60)))
    run = unroll.train(
        "a.en", "files", target="a.fr", level="char", steps=5, hidden=8, threads=1, quiet=True
    )
    assert run.evaluate("a.en", target="a.fr")["pairs"] == 60
    with pytest.raises(UserError, match="one column"):
        run.evaluate("a.en")
    assert len(list(run.predict_file("a.en"))) == 60


@pytest.mark.parametrize(
    "kind",
    [{"cell": "lstm"}, {"cell": "gru", "input_feeding": True, "attention": "additive"}],
    ids=str,
)
def test_thirty_two_pairs_are_memorised(place, kind, pairs_of):
    (place / "few.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs_of(32, seed=3)))
    run = unroll.train(
        "few.tsv", f"few-{kind['cell']}", valid="few.tsv", level="word", min_count=1, steps=120,
        hidden=64, embedding=32, batch_size=32, dropout=0.0, label_smoothing=0.0, learning_rate=1e-2,
        threads=1, quiet=True, **kind,
    )  # fmt: skip
    result = run.result()
    assert result["loss"] < 0.02 and result["exact_match"] == 1 and result["bleu"] > 99.9


def test_sizes_that_do_not_fit_are_refused(place):
    with pytest.raises(UserError, match="attention=dot"):
        unroll.train(
            "pairs.tsv", "dot", attention="dot", encoder_hidden=5, hidden=8, steps=1, quiet=True
        )


def test_json_and_tables_end_to_end(tmp_path, capsys, monkeypatch, pairs_of):
    monkeypatch.chdir(tmp_path)
    pairs = list(pairs_of(40))
    rows = [{"id": n, "translation": {"en": a, "fr": b}} for n, (a, b) in enumerate(pairs)]
    (tmp_path / "opus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "pairs.csv").write_text("en;fr\n" + "".join(f"{a};{b}\n" for a, b in pairs))
    few = ("--hidden", 8, "--threads", 1, "--out", "run")
    said = printed(capsys, "train", "opus.jsonl", "--steps", 2, *few)
    assert "columns en and fr of opus.jsonl" in said.out + said.err
    assert "Line 1 is read" not in said.out + said.err
    printed(capsys, "train", "opus.jsonl", "--steps", 3, "--resume", "--out", "run")
    for name in ("opus.jsonl", "pairs.csv"):
        assert json.loads(printed(capsys, "eval", "run", name, "--json").out)["pairs"] == 40
        printed(capsys, "predict", "run", name, "--out", "out.jsonl", "--overwrite")
        found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        assert [row["source"] for row in found] == [pair.source for pair in pairs]
        facts = json.loads(printed(capsys, "data", "check", name, "--json").out)
        assert (facts["task"], facts["pairs"]) == ("translate", 40)


@pytest.mark.parametrize(("seconds", "known"), [(None, 72), (10.0, 40), (2.0, 30), (0.5, 15)])
def test_a_budget_bounds_the_known_pairs(tmp_path, monkeypatch, seconds, known):
    monkeypatch.setattr("unroll.tasks.translate.task.PAIRS_A_SECOND", 4)
    monkeypatch.setattr("unroll.tasks.translate.task.FEW_PAIRS", 30)
    rows = [f"number {n}\tnombre {n}\n" for n in range(80)]
    (tmp_path / "numbers.tsv").write_text("".join(rows))
    settings = TranslateSettings(level="word", min_count=1, seconds=seconds)
    task = TranslateTask()
    data = task.read(str(tmp_path / "numbers.tsv"), settings, print)
    floor = task.fit_floor(data, settings, print).preprocessor.floor
    assert len(floor.pairs) == known
