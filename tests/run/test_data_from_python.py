"""The same data from Python and from its file: the same run, to the bit."""

import json
from pathlib import Path

import numpy as np
import pandas
import polars
import pyarrow
import pytest
import soundfile
import torch
from PIL import Image

import unroll
from unroll.errors import UserError
from unroll.run import check
from unroll.training.report import QuietReport

FEW = {"steps": 3, "hidden": 8, "quiet": True, "threads": 1}


def same_weights(one, other):
    a, b = one.model.state_dict(), other.model.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def reviews(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["good", "bad", "food", "was", "the", "very"]
    texts = [" ".join(words[(k * n) % 6] for n in range(1, 7)) for k in range(1, 41)]
    frame = pandas.DataFrame({"review": texts, "stars": [1 + k % 2 for k in range(40)]})
    frame.index = [f"r{k}" for k in range(40)]
    frame.to_csv("reviews.csv", index=False)
    return frame


def test_classify(reviews):
    run = unroll.train("reviews.csv", label="stars", **FEW)
    whole = reviews.reset_index(drop=True)
    for data in (
        reviews,
        polars.from_pandas(whole),
        pyarrow.table(whole),
        whole.to_dict("list"),
        whole.to_dict("records"),
    ):
        assert same_weights(run, unroll.train(data, label="stars", **FEW))
    pairs = list(zip(reviews.review, reviews.stars, strict=True))
    for data in (pairs, (reviews.review, reviews.stars)):
        assert same_weights(run, unroll.train(data, **FEW))
    assert same_weights(run, unroll.train(reviews.review.tolist(), labels=reviews.stars, **FEW))
    assert run.evaluate(reviews) == run.evaluate("reviews.csv")

    labels = [one["label"] for one in run.predict_file("reviews.csv")]
    found = run.predict(reviews)
    assert found.prediction.tolist() == labels and list(found.index) == list(reviews.index)
    assert found.columns.tolist() == [
        "review",
        "stars",
        "prediction",
        "probability",
        "probability_1",
        "probability_2",
    ]
    assert [one["label"] for one in run.predict(reviews.review)] == labels
    assert run.predict(reviews.to_dict("list"), as_frame=True).prediction.tolist() == labels
    assert run.predict({"review": reviews.review.iloc[0]})["label"] == labels[0]


def test_a_frame_without_the_column_of_the_run_is_refused(reviews):
    run = unroll.train(reviews, **FEW)
    for other in (
        reviews[["stars"]],
        pandas.DataFrame({"city": ["bad"] * 3, "name": ["x", "y", "z"]}),
        reviews.rename(columns={"review": "text"}),
    ):
        with pytest.raises(UserError, match="expected the text in column 'review'"):
            run.predict(other)
    with pytest.raises(UserError, match="expected the label in column 'stars'"):
        run.evaluate(reviews.rename(columns={"stars": "label"}))
    pairs = list(zip(reviews.review, reviews.stars, strict=True))
    told = run.evaluate(reviews)
    for same in (pairs, (reviews.review, reviews.stars), (reviews[["review"]], reviews.stars)):
        assert run.evaluate(same) == told
    renamed = reviews.rename(columns={"stars": "mood"})
    assert run.evaluate(renamed, label="mood") == told
    run.adjust(skip_bad=True)
    expected = run.predict(reviews.review.tolist()[:2])
    for bad in (3, "", None):
        found = run.predict([reviews.review.iloc[0], bad, reviews.review.iloc[1]])
        assert [found[0], found[2]] == expected and list(found[1]) == ["error"]
    gap = reviews[["review"]][:3].copy()
    gap.iloc[1] = None
    assert run.predict(gap).error.notna().tolist() == [False, True, False]


def test_a_bad_row_is_named_as_the_user_knows_it(reviews):
    reviews.loc["r5", "stars"] = None
    with pytest.raises(UserError) as caught:
        unroll.train(reviews, label="stars", **FEW)
    assert str(caught.value).startswith("Row 5 (index 'r5') of the DataFrame: no label")
    facts = check(reviews, lambda sentence: None, label="stars", task="classify")
    assert "Row 5 (index 'r5') of the DataFrame" in str(facts) and "/tmp" not in str(facts)


def test_resume_takes_the_same_data_and_refuses_other(reviews, monkeypatch):
    told = []

    class Kept(QuietReport):
        def log(self, message):
            told.append(message)

    valid = reviews[:10]
    run = unroll.train(reviews, "runs/a", valid=valid, label="stars", **FEW)
    assert run.config["data"]["path"] == "the DataFrame of 40 rows"
    assert run.config["settings"]["valid"].startswith("the DataFrame of 10 rows")
    with pytest.raises(UserError, match="Give the same data again"):
        unroll.train(reviews, "runs/a", resume=True, steps=5)
    with pytest.raises(UserError, match="differs from that of the run"):
        unroll.train(reviews, "runs/a", resume=True, steps=5, valid=reviews[:9])
    with pytest.raises(UserError, match="The DataFrame of 39 rows is not the data"):
        unroll.train(reviews[:39], "runs/a", resume=True, steps=5, valid=valid)
    more = unroll.train(reviews, "runs/a", resume=True, steps=5, valid=valid, report=Kept())
    straight = unroll.train(reviews, "runs/b", valid=valid, label="stars", **{**FEW, "steps": 5})
    assert more.result()["steps"] == straight.result()["steps"] == 5
    assert not any("/tmp" in sentence or "data-from-python" in sentence for sentence in told)


def test_a_small_table_with_names_that_no_row_proves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = pandas.DataFrame({"a": ["great; food, really", "bad; food"] * 6, "b": ["u", "v"] * 6})
    run = unroll.train(frame, **FEW)
    assert run.config["data"]["records"] == 12 and run.preprocessor.classes == ["u", "v"]
    texts = pandas.DataFrame({"a": ["great; food", "bad; food"] * 30})
    assert len(run.predict(texts)) == 60


def test_tag(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, names = ["dog", "runs", "Paris", "#"], ["O", "O", "B-LOC", "O"]
    sentences = [
        ([words[(k * n) % 4] for n in range(1, 5)], [names[(k * n) % 4] for n in range(1, 5)])
        for k in range(1, 31)
    ]
    blocks = ["".join(f"{w}\t{t}\n" for w, t in zip(*each, strict=True)) for each in sentences]
    Path("s.conll").write_text("\n".join(blocks))
    run = unroll.train("s.conll", **FEW)
    frame = pandas.DataFrame(sentences, columns=["tokens", "tags"])
    rows = [(k, w, t) for k, each in enumerate(sentences) for w, t in zip(*each, strict=True)]
    long = pandas.DataFrame(rows, columns=["sentence", "word", "tag"])
    tokens, tags = zip(*sentences, strict=True)
    for data in (sentences, frame, frame.to_dict("records"), (list(tokens), list(tags)), long):
        assert same_weights(run, unroll.train(data, **FEW))
    expected = [one["tags"] for one in run.predict_file("s.conll")]
    assert run.predict(frame).prediction.tolist() == expected
    assert [one["tags"] for one in run.predict(list(tokens))] == expected
    assert run.predict(long).prediction.tolist() == [tag for each in expected for tag in each]
    assert run.evaluate(frame) == run.evaluate("s.conll")
    framed = unroll.train(frame, **FEW)
    assert framed.config["columns"] == {"word": "tokens", "tag": "tags"}
    other = frame.rename(columns={"tokens": "text", "tags": "ner"})
    for use in (framed.predict, framed.evaluate):
        with pytest.raises(UserError, match="the run reads its word in column 'tokens'"):
            use(other)
    assert framed.evaluate(other, word="text", tag="ner") == run.evaluate("s.conll")


def test_translate(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pairs = [(f"a {k} b {k * 7 % 11}", f"x {k} y {k % 5}") for k in range(30)]
    Path("p.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs))
    run = unroll.train("p.tsv", **FEW)
    frame = pandas.DataFrame(pairs, columns=["en", "de"])
    for data in (pairs, frame, frame.set_axis(["source", "target"], axis=1)):
        assert same_weights(run, unroll.train(data, **FEW))
    of_frame = unroll.train(frame, **FEW)
    expected = [one["translation"] for one in run.predict([a for a, _ in pairs[:3]])]
    assert of_frame.predict(frame[:3]).prediction.tolist() == expected
    assert run.evaluate(pairs) == run.evaluate("p.tsv")
    told = of_frame.evaluate(frame)
    swapped = frame[["de", "en"]]
    assert of_frame.evaluate(swapped) == of_frame.evaluate(pairs) == told
    assert of_frame.predict(swapped[:3]).prediction.tolist() == expected
    other = frame.set_axis(["a", "b"], axis=1)
    for use in (of_frame.predict, of_frame.evaluate):
        with pytest.raises(UserError, match="the run reads its source in column 'en'"):
            use(other)
    assert of_frame.evaluate(other, source="a", target="b") == told
    gap = frame[:3].copy()
    gap.loc[1, "en"] = None
    with pytest.raises(UserError, match="Row 1 of the DataFrame: the input is missing"):
        of_frame.predict(gap)
    of_frame.adjust(skip_bad=True)
    answers = of_frame.predict(gap)
    assert answers.prediction[[0, 2]].tolist() == [expected[0], expected[2]]
    assert answers.error[1].startswith("Row 1 of the DataFrame: the input is missing")
    texts = of_frame.predict([pairs[0][0], 3, None])
    assert texts[0]["translation"] == expected[0]
    assert [one["error"][:10] for one in texts[1:]] == ["Got int wh", "Input 2 of"]


def test_language(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = [f"a rose is a rose {k} " * 8 for k in range(20)]
    Path("t.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    Path("t.txt").write_text("".join(f"{text}\n" for text in texts))
    run = unroll.train("t.jsonl", task="language", **FEW)
    for data in (texts, iter(texts), pandas.Series(texts), pandas.DataFrame({"body": texts})):
        assert same_weights(run, unroll.train(data, **FEW))
    assert run.evaluate(texts) == run.evaluate("t.jsonl")
    lines = unroll.train("t.txt", per_line=True, **FEW)
    assert same_weights(lines, unroll.train(texts, per_line=True, **FEW))
    with pytest.raises(UserError, match=r"unroll.train\(\[text\]\)"):
        unroll.train("\n".join(texts), **FEW)


def test_forecast(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    days = pandas.date_range("2023-01-01", periods=120)
    frame = pandas.DataFrame({"day": days, "sales": 100 + 10 * np.sin(np.arange(120) * 0.9) / 3})
    frame.to_csv("sales.csv", index=False)
    more = {**FEW, "target": "sales", "horizon": 3, "history": 14}
    run = unroll.train("sales.csv", **more)
    series = frame.set_index("day").sales
    columns = {"day": days.to_numpy(), "sales": frame.sales.to_numpy()}
    for data in (frame, polars.from_pandas(frame), pyarrow.table(frame), series, columns):
        assert same_weights(run, unroll.train(data, **more))
    (expected,) = run.predict_file("sales.csv")
    found = run.predict(frame)
    assert found.columns.tolist() == ["time", "prediction", "low", "high"]
    assert found.prediction.tolist() == [step["value"] for step in expected["forecast"]]
    assert run.predict(columns)["forecast"] == expected["forecast"]
    assert isinstance(run.predict(polars.from_pandas(frame)), polars.DataFrame)
    of_frame, of_file = run.evaluate(frame), run.evaluate("sales.csv")
    assert of_frame["mae"] == of_file["mae"]


def test_sequences_of_numbers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(30, 7, 2)), np.array(["walk", "run"])[draw.integers(0, 2, 30)]
    rows = [(k, *x[k, step], y[k]) for k in range(30) for step in range(7)]
    frame = pandas.DataFrame(rows, columns=["rec", "a", "b", "label"])
    frame.to_csv("long.csv", index=False)
    np.savez("sensors.npz", X=x, y=y)
    run = unroll.train("long.csv", id="rec", label="label", **FEW)
    assert same_weights(run, unroll.train(frame, id="rec", label="label", **FEW))
    for data in ((x, y), "sensors.npz", {"x": x, "label": y}, list(zip(x, y, strict=True))):
        assert same_weights(run, unroll.train(data, **FEW))
    for values in (x.tolist(), torch.from_numpy(x)):
        assert same_weights(run, unroll.train(values, labels=y, **FEW))
    expected = [one["label"] for one in run.predict_file("sensors.npz")]
    for inputs in (x, x.tolist(), list(x), torch.from_numpy(x)):
        assert [one["label"] for one in run.predict(inputs)] == expected
    assert run.predict(x[0])["label"] == run.predict(x[0].tolist())["label"] == expected[0]
    assert run.evaluate((x, y)) == run.evaluate("sensors.npz")
    x[3, 4, 1] = np.nan
    with pytest.raises(UserError, match="The array of 30 sequences, sequence 3: step 4 has nan"):
        unroll.train((x, y), **FEW)


def test_frames(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(12, 6, 2)).astype(np.float32)
    y = np.array(["up", "down"])[(x[:, :, 0] > 0).astype(int)]
    Path("clips").mkdir()
    lines = ["path,label"]
    for k in range(12):
        np.savetxt(f"clips/{k}.csv", x[k], delimiter=",", fmt="%s")
        Path(f"clips/{k}.txt").write_text("".join(f"{each}\n" for each in y[k]))
        lines.append(f"{k}.csv,{k}.txt")
    Path("clips/clips.csv").write_text("\n".join(lines))
    np.savez("clips.npz", X=x, y=y)
    run = unroll.train("clips/clips.csv", task="frames", **FEW)
    for data in ((x, y), "clips.npz"):
        assert same_weights(run, unroll.train(data, **FEW))
    assert run.predict(x[0])["labels"] == run.predict(x)[0]["labels"]
    of_arrays = unroll.train("clips.npz", **FEW)
    assert of_arrays.config["data"]["path"] == str(Path("clips.npz").absolute())
    assert len(list(of_arrays.predict_file("clips.npz"))) == 12
    with pytest.raises(UserError, match="predict_file"):
        unroll.train(x, labels=y[:, 0], **FEW).predict(Path("clips.npz"))


def test_tunes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tunes = [f"X:{k}\nT:Tune {k}\nM:4/4\nL:1/8\nK:C\nCDEF GABc|c2A2 E4|\n" for k in range(12)]
    Path("tunes.abc").write_text("\n".join(tunes))
    run = unroll.train("tunes.abc", **FEW)
    for data in (tunes, pandas.DataFrame({"tune": tunes})):
        assert same_weights(run, unroll.train(data, task="music", **FEW))
    assert run.evaluate(tunes) == run.evaluate("tunes.abc")
    assert (
        run.predict(pandas.DataFrame({"abc": tunes})).prediction[0] == run.predict(tunes[0])["nats"]
    )


def test_sounds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw, texts = np.random.default_rng(0), ["ab", "ba", "aab", "bba"] * 4
    sounds = [(draw.normal(size=4000).astype(np.float32) / 9, 8000) for _ in texts]
    for k, (samples, rate) in enumerate(sounds):
        soundfile.write(f"{k}.wav", samples, rate, subtype="FLOAT")
    frame = pandas.DataFrame({"path": [f"{k}.wav" for k in range(16)], "text": texts})
    frame.to_csv("sounds.csv", index=False)
    run = unroll.train("sounds.csv", **FEW)
    records = [
        {"audio": {"array": samples, "sampling_rate": rate}, "sentence": text}
        for (samples, rate), text in zip(sounds, texts, strict=True)
    ]
    for data in ((sounds, texts), list(zip(sounds, texts, strict=True)), records, frame):
        assert same_weights(run, unroll.train(data, **FEW))
    expected = [one["text"] for one in run.predict_file("sounds.csv")]
    assert [one["text"] for one in run.predict(sounds)] == expected
    assert run.predict(sounds[0])["text"] == expected[0]
    assert run.predict(frame).prediction.tolist() == expected
    assert run.evaluate((sounds, texts))["loss"] == run.evaluate("sounds.csv")["loss"]


def test_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    captions = [f"a {c} {s}" for c in ("red", "blue") for s in ("dot", "bar", "box", "ring")] * 2
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 255, (16, 16, 16, 3), dtype=np.uint8)
    images = [Image.fromarray(each) for each in pixels]
    for k, image in enumerate(images):
        image.save(f"{k}.png")
    lines = ["image,caption", *(f"{k}.png,{text}" for k, text in enumerate(captions))]
    Path("images.csv").write_text("\n".join(lines))
    run = unroll.train("images.csv", **FEW)
    frame = pandas.DataFrame({"image": images, "caption": captions})
    for data in ((images, captions), frame, frame.to_dict("records")):
        assert same_weights(run, unroll.train(data, **FEW))
    expected = [one["caption"] for one in run.predict_file("images.csv")]
    assert [one["caption"] for one in run.predict(images)] == expected
    assert run.predict(frame).prediction.tolist() == expected
