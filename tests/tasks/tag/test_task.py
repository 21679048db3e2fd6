"""The tagger from a file to predictions: trained, resumed, evaluated, asked."""

import json

import pytest
import torch

import unroll
from unroll.cli.main import run as command
from unroll.errors import UserError
from unroll.inspect import gates_of_run
from unroll.tasks.tag.tuning import OUTSIDE_PENALTIES


def test_spans_are_learned_evaluated_and_written_in_the_columns_of_the_file(
    tmp_path, file, news, fast
):
    run = unroll.train(file, tmp_path / "run", steps=100, **fast)
    assert (run.settings.output, run.preprocessor.scheme, run.preprocessor.file_scheme) == (
        "crf",
        "BIOES",
        "BIO",
    )
    assert (run.settings.word, run.settings.tag, run.settings.min_count) == (1, "2", 2)
    other = tmp_path / "other.conll"
    other.write_text(news(20, seed=3))
    metrics = run.evaluate(other)
    assert metrics["f1"] == 1
    assert metrics["types"]["place"]["right"] == 20
    assert set(metrics["baselines"]) == {"linear model", "network alone"}
    assert "F1 100.00" in "\n".join(run.summarise(metrics, "other.conll"))
    lines = "\n".join(run.format_prediction(each) for each in run.predict_file(other)) + "\n"
    rows = [line.split() for line in lines.split("\n") if line]
    assert all(len(row) == 3 and row[1] == row[2] for row in rows)
    assert "\n".join(line.rpartition(" ")[0] for line in lines.split("\n")) == other.read_text()
    tagged = tmp_path / "tagged.conll"
    tagged.write_text(lines)
    assert run.evaluate(tagged)["f1"] == 1  # the tags are still looked for in column 2
    prediction = run.predict("She left San Marino.")
    assert prediction["words"] == ["She", "left", "San", "Marino", "."]
    assert prediction["spans"] == [{"type": "place", "text": "San Marino", "start": 2, "end": 4}]
    assert run.format_prediction(prediction).split("\n")[2] == "San\tB-place"
    assert [each["tags"][-2] for each in run.predict(["He saw Oslo.", "Left."])] == ["B-place", "O"]
    assert any("predict" in line for line in run.usage())


def test_universal_dependencies_come_back_with_other_tags(tmp_path, universal, fast):
    file = tmp_path / "a.conllu"
    file.write_text(universal)
    run = unroll.train(file, tmp_path / "run", steps=50, output="crf", **fast)
    assert (run.settings.tag, run.preprocessor.scheme) == ("upos", None)
    assert run.evaluate(file)["accuracy"] == 1
    empty = tmp_path / "empty.conllu"
    empty.write_text(universal.replace("PRON", "_").replace("VERB", "_"))
    written = "\n".join(run.format_prediction(each) for each in run.predict_file(empty)) + "\n"
    assert written == universal
    with pytest.raises(UserError, match="has no tag in column 4"):
        run.evaluate(empty)
    text = tmp_path / "a.txt"
    text.write_text("she runs fast\n\nshe runs\n")
    assert [each["tags"] for each in run.predict_file(text)] == [
        ["PRON", "VERB", "ADV"],
        ["PRON", "VERB"],
    ]


def test_a_resumed_run_is_the_unbroken_one(tmp_path, file, small):
    # nothing may follow the share of the budget, which differs
    steady = small | {"schedule": "constant", "warm_up": 0, "evaluate_every": 8}
    whole = unroll.train(file, tmp_path / "whole", steps=16, **steady)
    unroll.train(file, tmp_path / "half", steps=8, **steady)
    half = unroll.train(file, tmp_path / "half", resume=True, steps=16, quiet=True)
    for name, weight in half.model.state_dict().items():
        assert torch.equal(weight, whole.model.state_dict()[name]), name
    assert half.result()["loss"] == whole.result()["loss"]


def test_calibration_keeps_the_best_of_all_penalties(tmp_path, file, fast):
    run = unroll.train(file, tmp_path / "run", steps=30, floor="none", **fast)
    data = run.task.read(str(file), run.settings, lambda sentence: None, run.preprocessor)
    bias = run.model.output.bias
    with torch.no_grad():
        bias[0] += 1.0
    before, shares = float(bias[0].detach()), []
    (sentence,) = run.task.calibrate(run.trained, data, shares.append)
    lowered = before - float(bias[0].detach())
    assert lowered == pytest.approx(min(OUTSIDE_PENALTIES, key=lambda x: abs(x - lowered)))
    assert f"by {lowered:g} nats, fitted on the validation set" in sentence and shares[-1] == 1


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        ("a O\nb B-x\n", {}, "has 1 sentence; expected at least 2"),
        ("a\n\nb\n", {}, "no column of tags"),
        ("a O\n\nb O O\n", {}, "line 3: 3 columns; expected 2"),
        ("a N\n\nb V\n", {"scheme": "BIO"}, "scheme=BIO is for spans"),
        ("a O\n\n" + "b O\n" * 9, {"long": "refuse", "longest": 8}, "line 3: a sentence of 9"),
        ("a N 1\n\nb V 1\n", {"valid": "dev.conll"}, "dev.conll has 2 columns"),
        ("a N\n\nb V\n", {"vectors": "vectors.txt", "embedding": 3}, "have 2 numbers"),
        ("a N\n\nb V\n", {"vectors": "vectors.txt"}, "has none of the"),
        ("a N\n\nb V\n", {"characters": -1}, "characters"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path, monkeypatch, small, text, settings, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.conll").write_text(text)
    (tmp_path / "dev.conll").write_text("a N\nb X\n")
    (tmp_path / "vectors.txt").write_text("z 1 2\n")
    with pytest.raises(UserError, match=expected):
        unroll.train("train.conll", "run", **(small | {"embedding": None} | settings), steps=1)
    assert not (tmp_path / "run").exists()


def test_bad_sentences_are_skipped_where_asked(tmp_path, file, small):
    file.write_text(file.read_text() + "bad row here\n\n")
    run = unroll.train(file, tmp_path / "run", steps=2, skip_bad=True, **small)
    assert run.config["data"]["sentences"] == 36
    unroll.train(file, tmp_path / "run", steps=3, resume=True, quiet=True)
    assert gates_of_run(run, file).gates
    # training has skipped them; each later use asks for it again
    with pytest.raises(UserError, match="3 columns"):
        run.evaluate(file)
    run.adjust(skip_bad=True)
    assert run.evaluate(file)["skipped"] == 1


def test_pretrained_vectors_are_the_start(tmp_path, file, small):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("2 3\nrome 1 2 3\nlily 4 5 6\n")
    open_size = small | {"embedding": None}
    run = unroll.train(file, tmp_path / "run", vectors=str(vectors), steps=1, **open_size)
    assert run.settings.embedding == 3
    own = run.model.words.weight[run.preprocessor.words["rome"]]
    torch.testing.assert_close(own, torch.tensor([1.0, 2, 3]), atol=0.1, rtol=0)
    vectors.unlink()  # a resume does not need them
    unroll.train(file, tmp_path / "run", resume=True, steps=2, quiet=True)


def test_evaluation_of_files_of_other_kinds(tmp_path, file, small):
    run = unroll.train(file, tmp_path / "run", steps=2, **small)
    wide = tmp_path / "wide.conll"
    wide.write_text("1 She O\n2 left O\n\n1 Oslo B-place\n")
    assert run.evaluate(wide, word="2", tag="3")["words"] == 3
    with pytest.raises(UserError, match="--label got '3', a column that"):
        run.evaluate(wide, label="3")
    strange = tmp_path / "strange.conll"
    strange.write_text("She O\nSue B-person\n")
    metrics = run.evaluate(strange)
    assert metrics["unseen_tags"] == {"B-person": 1} and metrics["accuracy"] <= 0.5
    assert "(B-person): wrong." in "\n".join(run.summarise(metrics, "strange.conll"))


def test_bad_sentences_of_an_evaluation_are_skipped_where_asked(tmp_path, file, news, fast, capsys):
    run = unroll.train(file, tmp_path / "run", steps=2, **fast)
    other = tmp_path / "other.conll"
    other.write_text(news(20, seed=3) + "\nragged O O O\n")
    words = ["eval", str(run.path), str(other)]
    assert command(words, False) == 2
    assert "--skip-bad skips such records" in capsys.readouterr().err
    assert command([*words, "--skip-bad", "--json"], False) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == 1
    assert command(["predict", str(run.path), str(other)], False) == 2
    assert "--skip-bad" not in capsys.readouterr().err
    assert command([*words, "--set", "layers=2"], False) == 2
    assert "word, tag, skip_bad" in capsys.readouterr().err


def test_metrics_of_each_group(tmp_path, file, small):
    run = unroll.train(file, tmp_path / "run", steps=2, **small)
    table = tmp_path / "table.csv"
    rows = ["1,She,O,web", "1,left,O,web", "2,Oslo,B-place,news", "3,He,O,web", "3,likes,O,web",
            "3,Rome,B-place,web"]  # fmt: skip
    table.write_text("\n".join(["sentence,word,tag,source", *rows, ""]))
    found = run.evaluate(table, word="word", tag="tag", by="source")
    assert {name: own["words"] for name, own in found["groups"].items()} == {"news": 1, "web": 5}
    assert [own["spans"] for own in found["groups"].values()] == [1, 1]
    assert "By group:" in run.summarise(found, "table.csv")
    with pytest.raises(UserError, match="--by got 'genre'"):
        run.evaluate(table, word="word", tag="tag", by="genre")
    with pytest.raises(UserError, match="has words and tags alone; expected a table"):
        run.evaluate(file, by="source")
