"""The caption task, from a table of images to a run that is used."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image

import unroll
from unroll.cli.main import run as command
from unroll.errors import UserError
from unroll.inspect.attention import attention_of_run

SHARED = Path(__file__).parents[4] / "shared/data/image_captioning/nlvr"


def printed(capsys, *words, code=0):
    assert command([str(word) for word in words], False) == code
    return capsys.readouterr()


def test_it_learns_and_beats_its_baselines(run):
    result = run.result()
    most = max(row["cider_d"] for row in result["baselines"].values())
    assert result["cider_d"] > 8 and result["cider_d"] > 0.9 * most
    assert result["baselines"]["most frequent caption"]["cider_d"] < 4
    assert {"loss", "token_accuracy", "rouge_l", "bleu", "search", "images"} <= set(result)


def test_the_weight_of_known_captions_is_fitted_and_may_be_asked_for(place, run, capsys):
    assert float(run.model.prior) in (0.0, 0.5, 0.9)
    shares = {}
    for prior in ("0", "1"):
        words = ["eval", "run", "test.tsv", "--set", f"prior={prior}", "--json"]
        found = json.loads(printed(capsys, *words).out)
        shares[prior] = found["cider_d"]
        assert ("100% with those of the training set" in found["search"]) == (prior == "1")
    assert shares["0"] > 8
    assert "prior" in printed(capsys, "eval", "run", "test.tsv", "--set", "prior=2", code=2).err


def test_a_prediction_holds_its_attention(place, run):
    prediction = run.predict("5.png")
    assert prediction["caption"] == "a green square in the upper right corner."
    assert prediction["grid"] == [4, 6] and len(prediction["attention"]) == len(
        prediction["tokens"]
    )
    assert all(sum(row) == pytest.approx(1, abs=0.01) for row in prediction["attention"])
    assert json.loads(json.dumps(prediction)) == prediction
    together = run.predict(["5.png", "6.png", "7.png"])
    for one, name in zip(together, ["5.png", "6.png", "7.png"], strict=True):
        alone = run.predict(name)
        assert one["image"] == name and one["caption"] == alone["caption"]
        assert one["log_probability"] == pytest.approx(alone["log_probability"], abs=1e-4)
    with pytest.raises(UserError, match="where an image is expected"):
        run.predict([3])


def test_the_attention_of_each_word_is_inspected(run):
    found = attention_of_run(run, "0.png")
    assert found.target == run.predict("0.png")["tokens"]
    assert len(found.source) == found.weights.shape[1] == run.model.grid[0] * run.model.grid[1]
    assert found.weights.sum(1) == pytest.approx(1, abs=1e-3)


def test_the_commands(place, run, capsys):
    assert "green square" in printed(capsys, "predict", "run", "5.png").out
    two = printed(capsys, "predict", "run", "--input", "4.png", "--input", "6.png").out
    assert "red square" in two.splitlines()[0] and "blue square" in two.splitlines()[1]
    printed(capsys, "predict", "run", "test.tsv", "--out", "out.jsonl")
    rows = [json.loads(line) for line in (place / "out.jsonl").read_text().splitlines()]
    assert len(rows) == 16 and rows[3]["image"].endswith("203.png")
    found = json.loads(printed(capsys, "eval", "run", "test.tsv", "--json").out)
    assert found["images"] == 16 and found["cider_d"] > 8
    assert "nearest image" in printed(capsys, "eval", "run", "test.tsv").out
    words = [
        "predict",
        "run",
        "5.png",
        "--set",
        "consensus=0",
        "--set",
        "beam=3",
        "--set",
        "best=2",
    ]
    assert len(printed(capsys, *words).out.splitlines()) == 2
    assert "cannot be changed" in printed(
        capsys, "predict", "run", "5.png", "--set", "hidden=3", code=2
    ).err  # fmt: skip
    printed(capsys, "predict", "run", "5.png", "--out", "words.svg")
    drawing = (place / "words.svg").read_text()
    ElementTree.fromstring(drawing)
    assert drawing.count("data:image/png;base64,") == 1 and ">green<" in drawing
    (place / "folder").mkdir()
    Image.open(place / "5.png").save(place / "folder/a.bmp")
    assert len(printed(capsys, "predict", "run", "folder").out.splitlines()) == 1


def test_several_captions_of_an_image_are_its_references(place, run, capsys):
    said = run.predict("5.png")["caption"]
    rows = ["image\tcaption\n", f"5.png\t{said}\n", "5.png\tSomething else.\n", "6.png\tNo.\n"]
    (place / "several.tsv").write_text("".join(rows))
    found = json.loads(printed(capsys, "eval", "run", "several.tsv", "--json").out)
    assert (
        found["images"] == 2 and found["captions"] == 3 and found["cider_d"] == pytest.approx(2.5)
    )


def test_bad_input_is_reported_or_counted(place, run, capsys):
    (place / "text.png").write_text("No image.")
    assert "text.png is no image" in printed(capsys, "predict", "run", "text.png", code=2).err
    assert "There is no file none.png" in printed(capsys, "predict", "run", "none.png", code=2).err
    words = ["predict", "run", "--input", "text.png", "--input", "5.png", "--skip-bad"]
    out = printed(capsys, *words).out.splitlines()
    assert "no image" in out[0] and "green square" in out[1]
    rows = (place / "test.tsv").read_text() + "text.png\tNone.\nnone.png\tNone.\n5.png\t\n"
    (place / "bad.tsv").write_text(rows)
    said = printed(capsys, "eval", "run", "bad.tsv", code=2).err
    assert "bad.tsv, line 19: there is no file none.png" in said
    found = json.loads(printed(capsys, "eval", "run", "bad.tsv", "--skip-bad", "--json").out)
    assert found["skipped"] == 3 and found["images"] == 16
    checked = json.loads(printed(capsys, "data", "check", "bad.tsv", "--json", code=1).out)
    assert checked["bad"] == 3 and checked["rows"] == 16 and len(checked["problems"]) == 3
    assert "line 18: " in " ".join(checked["problems"])
    checked = json.loads(printed(capsys, "data", "check", "captions.tsv", "--json").out)
    assert checked["task"] == "caption" and checked["images"] == 160 and checked["bad"] == 0
    (place / "one.csv").write_text("image,caption\n5.png,A.\n")
    assert "at least one" in printed(capsys, "train", "one.csv", "--out", "no", code=2).err
    checked = json.loads(printed(capsys, "data", "check", "one.csv", "--json").out)
    assert checked["rows"] == 1 and "Too few to train" in checked["messages"][-1]
    words = ["train", "captions.tsv", "--out", "no", "--set", "channels=4,4,4,4,4"]
    assert "expected at least 32 pixels each way" in printed(capsys, *words, code=2).err


def test_a_killed_run_resumes_to_the_bit(place, run, sizes):
    settings = {**sizes, "dropout": 0.2, "checkpoint_every": 4, "evaluate_every": 4, "threads": 1}
    unroll.train("captions.tsv", "part", steps=4, quiet=True, **settings, schedule="constant")
    unroll.train("captions.tsv", "all", steps=8, quiet=True, **settings, schedule="constant")
    again = unroll.train("captions.tsv", "part", steps=8, resume=True, quiet=True)
    for name, weight in again.model.state_dict().items():
        assert torch.equal(weight, unroll.load("all").model.state_dict()[name]), name
    image = place / "3.png"
    kept = image.read_bytes()
    try:
        image.write_bytes((place / "4.png").read_bytes())
        with pytest.raises(UserError, match="not the data"):
            unroll.train("captions.tsv", "part", steps=9, resume=True, quiet=True)
    finally:
        image.write_bytes(kept)


@pytest.mark.real_data
@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data/image_captioning/nlvr")
def test_real_drawings_are_captioned_about_as_well_as_by_the_most_frequent_caption(tmp_path):
    run = unroll.train(
        SHARED / "captions_train.tsv", tmp_path / "run", image="image", text="caption",
        steps=400, threads=1, quiet=True, consensus=30,
    )  # fmt: skip
    found = run.evaluate(SHARED / "captions_test.tsv")
    assert found["images"] == 556
    baselines = {name: row["cider_d"] for name, row in found["baselines"].items()}
    # the most frequent caption of the file is never in the validation set
    assert baselines["most frequent caption"] == pytest.approx(0.934, abs=1e-3)
    assert found["cider_d"] > baselines["nearest image"]
    assert found["cider_d"] > 0.9 * baselines["most frequent caption"]


def test_metrics_of_each_group(place, run):
    image, *rows = (place / "test.tsv").read_text().splitlines()
    more = [f"{row}\t{('ann', 'ben')[k % 3 == 0]}" for k, row in enumerate(rows)]
    (place / "groups.tsv").write_text("\n".join([f"{image}\tdrawer", *more, ""]))
    found = run.evaluate("groups.tsv", by="drawer")
    assert {name: own["images"] for name, own in found["groups"].items()} == {"ann": 10, "ben": 6}
    assert "By group:" in run.summarise(found, "groups.tsv")
    with pytest.raises(UserError, match=r"--by who: .* has the columns image, caption, drawer"):
        run.evaluate("groups.tsv", by="who")
