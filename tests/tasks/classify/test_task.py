"""The task from file to answer, on small data."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.tasks.base import Trained
from unroll.tasks.classify import task as classify
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor, LabelledBatches, balanced
from unroll.tasks.classify.settings import ClassifySettings
from unroll.training.folder import RunFolder
from unroll.training.optimizer import make_optimizer

GOOD = "lovely great wonderful bright".split()
BAD = "dull poor awful dim".split()
REST = "film a the story was actors with and of songs".split()


def say(sentence):
    raise AssertionError(sentence)


def watch(share):
    assert 0 <= share <= 1


def make(input_size, hidden_size):
    return unroll.Recurrent("gru", input_size, hidden_size).cells[0]


def reviews(path, count, seed=0):
    draw = np.random.default_rng(seed)
    with Path(path).open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["review", "stars"])
        for k in range(count):
            words = draw.choice(REST, draw.integers(1, 9)).tolist()
            words.insert(draw.integers(len(words) + 1), str(draw.choice((BAD, GOOD)[k % 2])))
            out.writerow([" ".join(words), ("poor", "fine")[k % 2]])
    return str(path)


def begun(path, **given):
    settings = ClassifySettings(**{"hidden": 16, "embedding": 12, "cell": "gru", **given})
    settings = classify.resolve_sizes(settings, make)
    data = classify.read(path, settings, say)
    settings = classify.resolve(settings, data)
    torch.manual_seed(settings.seed)
    network = classify.model(settings, data.preprocessor, make)
    return settings, data, network


def trained(path, folder, steps=60, rate=0.02, **given):
    settings, data, network = begun(path, **given)
    work = classify.work(network, data, settings, torch.device("cpu"))
    optimizer = make_optimizer(network, settings, rate)
    network.train()
    losses = []
    for number in range(steps):
        optimizer.zero_grad()
        batch = work.batch(number)
        loss, state = work.loss(batch, None)
        assert state is None
        (loss / batch.tokens).backward()
        optimizer.step()
        losses.append(loss.item() / batch.tokens)
    place = folder / "run"
    RunFolder.create(place, {**data.preprocessor.files(), **classify.files(data)}, False)
    preprocessor = classify.load_preprocessor(place, {})
    return Trained(network, preprocessor, settings, torch.device("cpu"), place), data, losses


def test_thirty_two_examples_are_learned_by_heart(tmp_path):
    path = reviews(tmp_path / "train.csv", 32)
    plain = {"dropout": 0, "word_dropout": 0, "label_smoothing": 0, "valid": path, "batch_size": 32}
    _, _, losses = trained(path, tmp_path, **plain)
    assert losses[-1] < 0.01


def test_reviews_end_to_end(tmp_path):
    path = reviews(tmp_path / "train.csv", 200)
    run, data, _ = trained(path, tmp_path)
    result = classify.result(run, data, watch)
    assert result["accuracy"] > 0.9 and result["records"] == 20
    assert set(result["baselines"]) == {"most frequent class", "naive Bayes"}
    other = reviews(tmp_path / "test.csv", 50, seed=1)
    figures = classify.evaluate(run, other, watch)
    assert figures["accuracy"] > 0.9 and np.sum(figures["confusion"]) == 50
    json.dumps(figures)
    said = " ".join(classify.verdict(figures, "test.csv"))
    assert "naive Bayes" in said and "macro F1" in said
    again = classify.evaluate(run, path, watch)
    assert again["in_training"] >= 180

    asked = ["the film was lovely", "awful songs and the actors"]
    fine, poor = classify.answers(run, asked)
    assert fine["label"] == "fine" and poor["label"] == "poor"
    assert fine["words"][0][0] == "lovely" and fine["words"][0][1] > 0
    assert poor["words"][0][0] == "awful"
    assert sum(fine["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    json.dumps(fine)
    assert classify.written(fine).startswith("fine ")
    with pytest.raises(UserError, match="expected a text with words"):
        list(classify.answers(run, ["  "]))


def test_answers_do_not_depend_on_what_else_is_asked(tmp_path):
    run, _, _ = trained(reviews(tmp_path / "train.csv", 60), tmp_path, steps=5)
    asked = ["the film was lovely", "a", "awful songs and the actors of the film"] * 60
    together = list(classify.answers(run, asked))
    for question, answer in list(zip(asked, together, strict=True))[:3]:
        (alone,) = classify.answers(run, [question])
        assert alone["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-6)


def test_counts_stand_beside_the_network_and_temper_nothing_away(tmp_path):
    path = reviews(tmp_path / "train.csv", 60)
    run, data, _ = trained(path, tmp_path, steps=5)
    assert run.model.trust.shape == (2,) and run.preprocessor.counted is not None
    batch = LabelledBatches(data.train, 8, 1).batch(0)
    assert batch.counted.shape == (8, 2, 2)
    assert classify.settled(run, data, watch)
    temperature = float(run.model.temperature)
    assert temperature != 1
    p, _ = run.model.mattering(batch.x, batch.lengths, batch.counted)
    torch.testing.assert_close(p, run.model.probabilities(batch.x, batch.lengths, batch.counted))
    figures = classify.result(run, data, watch)
    assert figures["temperature"] == temperature
    run.model.temperature.fill_(1.0)
    before = classify.result(run, data, watch)
    assert before["accuracy"] == figures["accuracy"] and before["loss"] >= figures["loss"]
    assert before["calibration_error"] == pytest.approx(figures["uncalibrated_error"], abs=1e-6)


def test_without_counts_there_are_none(tmp_path):
    path = reviews(tmp_path / "train.csv", 60)
    run, data, _ = trained(path, tmp_path, steps=1, counts=False)
    assert run.model.trust is None and run.preprocessor.counted is None
    assert LabelledBatches(data.train, 8, 1).batch(0).counted is None


@pytest.mark.parametrize("level", ["char", "bpe"])
def test_other_tokens(tmp_path, level):
    path = reviews(tmp_path / "train.csv", 80)
    run, _, _ = trained(path, tmp_path, steps=3, level=level)
    (answer,) = classify.answers(run, ["The film was lovely"])
    assert {word for word, _ in answer["words"]} <= {"the", "film", "was", "lovely"}
    assert classify.evaluate(run, path, watch)["records"] == 80


def test_several_labels(tmp_path):
    path = tmp_path / "several.csv"
    rows = ["text,label"]
    for k in range(120):
        labels = [name for name, there in (("a", k % 2), ("b", k % 3 == 0)) if there]
        rows.append(
            " ".join(["x", *(f"word{name}" for name in labels), "y"]) + "," + "|".join(labels)
        )
    path.write_text("\n".join(rows))
    run, data, _ = trained(str(path), tmp_path, separator="|", dropout=0, class_weights="balanced")
    assert data.preprocessor.several
    result = classify.result(run, data, watch)
    assert result["accuracy"] > 0.9
    both, none = classify.answers(run, ["x worda wordb y", "x y"])
    assert sorted(both["labels"]) == ["a", "b"] and none["labels"] == []
    assert "none of the labels" in classify.written(none)
    assert "labels each on average" in " ".join(classify.header(data, run.settings, run.model))


def test_sequences_of_numbers(tmp_path):
    draw = np.random.default_rng(0)
    rows = ["name,x,y,kind"]
    for k in range(80):
        slope = (-1, 1)[k % 2]
        for t in range(draw.integers(4, 9)):
            rows.append(f"s{k},{slope * t * 100 + draw.normal():.3f},{draw.normal():.3f},{slope}")
    path = tmp_path / "series.csv"
    path.write_text("\n".join(rows))
    given = {"id": "name", "label": "kind"}
    run, data, _ = trained(str(path), tmp_path, **given)
    assert data.preprocessor.scaler.names == ["x", "y"]
    result = classify.result(run, data, watch)
    assert result["accuracy"] == 1.0 and "naive Bayes" not in result["baselines"]
    rising = [[100.0 * t, 0.0] for t in range(6)]
    for question in (rising, json.dumps(rising)):
        (answer,) = classify.answers(run, [question])
        assert answer["label"] == "1" and len(answer["rows"]) == 6
    (tmp_path / "new.csv").write_text("name,x,y\nq,5,0\nq,-300,0\nq,-600,0\n")
    (answer,) = classify.answers(run, classify.questions(run, str(tmp_path / "new.csv")))
    assert answer["label"] == "-1"
    with pytest.raises(UserError, match=r"rows of 2 finite numbers \(x, y\)"):
        list(classify.answers(run, ["[[1], [2]]"]))


def test_questions_of_many_files(tmp_path):
    run, _, _ = trained(reviews(tmp_path / "train.csv", 60), tmp_path, steps=1)
    for name, content in {
        "a.txt": "one film\n\ntwo songs\n",
        "b.csv": "review\none film\ntwo songs\n",
        "c.csv": "id,text\n1,one film\n2,two songs\n",
        "d.jsonl": '{"review": "one film"}\n{"review": "two songs"}\n',
    }.items():
        (tmp_path / name).write_text(content)
        assert list(classify.questions(run, str(tmp_path / name))) == ["one film", "two songs"]


def test_what_is_cut_moved_and_repeated_is_said(tmp_path):
    path = tmp_path / "data.csv"
    rows = [f"{'w ' * (k % 9)}film {k % 30},{'ab'[k % 2]}" for k in range(100)]
    path.write_text("\n".join(["text,label", *rows]))
    settings, data, network = begun(str(path), longest=5)
    said = "\n".join(classify.header(data, settings, network))
    assert "are cut to their first 5 words (--set longest=N)" in said
    assert "of the held-out texts stand in the training part too" in said
    assert "2 classes: " in said
    with pytest.raises(UserError, match="6 steps where --set longest=5"):
        begun(str(path), longest=5, too_long="refuse")
    rare = tmp_path / "rare.csv"
    rare.write_text("\n".join(["text,label", *rows, *(f"lone {k},r{k}" for k in range(30))]))
    settings, data, network = begun(str(rare), label="label")
    assert data.moved > 0
    assert "their label is nowhere else" in "\n".join(classify.header(data, settings, network))


def test_a_label_never_seen_in_training_is_told(tmp_path):
    path = reviews(tmp_path / "train.csv", 40)
    other = tmp_path / "valid.csv"
    other.write_text("review,stars\nfilm,fine\nfilm,odd\n")
    with pytest.raises(UserError, match=r"valid.csv, line 3: the label 'odd' was never seen"):
        begun(path, valid=str(other))
    _, data, _ = begun(path, valid=str(other), skip_bad=True)
    assert len(data.valid) == 1 and "1 bad record is skipped:" in data.told


def test_check_counts_and_stops_at_nothing(tmp_path):
    path = reviews(tmp_path / "train.csv", 40)
    with Path(path).open("a") as file:
        file.write("lonely\nfilm,\n")
    found = classify.check(path, ClassifySettings(), say)
    assert found["rows"] == 40 and found["labels"] == {"poor": 20, "fine": 20}
    assert found["bad"] == 2 and "line 42" in found["problems"][0]
    json.dumps(found)


def test_batches_are_a_function_of_seed_and_number(tmp_path):
    _, data, _ = begun(reviews(tmp_path / "train.csv", 100))
    one, other = (LabelledBatches(data.train, 8, seed=3) for _ in range(2))
    for number in (15, 3, 14):
        assert torch.equal(one.batch(number).x, other.batch(number).x)
    seen = sorted(r for n in range(one.per_epoch) for r in one.order.rows(n))
    assert seen == list(range(len(data.train)))


def test_a_codec_comes_back_from_its_files(tmp_path):
    for given in ({}, {"level": "bpe"}, {"level": "char", "lower": False}):
        _, data, _ = begun(reviews(tmp_path / "train.csv", 50), **given)
        for name in ("vocabulary.json", "tokenizer.json"):
            (tmp_path / name).unlink(missing_ok=True)
        for name, content in data.preprocessor.files().items():
            (tmp_path / name).write_bytes(content)
        again = ClassifyPreprocessor.load(tmp_path)
        assert again.classes == data.preprocessor.classes
        for text in ("Lovely film!", "never-seen words"):
            assert again.encode(text).tolist() == data.preprocessor.encode(text).tolist()


def test_balanced_classes_weigh_the_same(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "one,a\n" * 90 + "two,b\n" * 10)
    _, data, _ = begun(str(path))
    counts = np.bincount(data.train.targets)
    assert (balanced(data.train, 2) * counts).tolist() == pytest.approx([len(data.train) / 2] * 2)


@pytest.mark.parametrize(
    "content,expected",
    [
        ("text,label\n" + "one,a\n" * 9, "1 different labels; expected at least 2"),
        ("text,label\n", "0 records"),
        (
            "text,label\n" + "".join(f"one,{k}\n" for k in range(30)),
            "30 different labels in column label in 30 records",
        ),
    ],
)
def test_too_little_is_refused(tmp_path, content, expected):
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=expected):
        begun(str(path))


def test_small_data_is_read_a_few_times_unless_a_budget_is_given(tmp_path):
    path = reviews(tmp_path / "train.csv", 40)
    assert begun(path)[0].epochs == classify.EPOCHS
    assert begun(path, seconds=9)[0].epochs is None
    assert begun(path, steps=9)[0].epochs is None
    assert begun(path, epochs=2)[0].epochs == 2
