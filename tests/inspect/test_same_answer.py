"""Every inspection and the report say what `predict` says, of every task, where a simple model takes part."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

import unroll
from unroll.inspect import attention_of_run, report_of_run, results_of_run, states_of_run
from unroll.training.report import QuietReport

TASKS = (
    "language", "classify", "tag", "forecast", "translate", "transcribe", "caption", "frames", "music",
)  # fmt: skip
SMALL = {"hidden": 6, "steps": 3, "threads": 1, "backend": "loop", "refit": False}
PITCHES = {"low": 400.0, "high": 1500.0}


def write_sounds(folder):
    soundfile = pytest.importorskip("soundfile")
    draw = np.random.default_rng(0)
    rows = [["path", "words"]]
    for k in range(30):
        word = list(PITCHES)[k % 2]
        t = np.arange(1200) / 8000
        samples = 0.3 * np.sin(2 * np.pi * PITCHES[word] * t) + 0.01 * draw.standard_normal(1200)
        soundfile.write(folder / f"{k}.wav", samples, 8000)
        rows.append([f"{k}.wav", word])
    with (folder / "transcribe.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def write_images(folder):
    images, draws = pytest.importorskip("PIL.Image"), pytest.importorskip("PIL.ImageDraw")
    rows = ["image\tcaption"]
    for k in range(40):
        colour = ("red", "blue")[k % 2]
        image = images.new("RGB", (16, 16), "white")
        at = (1 + k % 5, 1 + k % 3)
        draws.Draw(image).rectangle((*at, at[0] + 6, at[1] + 6), colour)
        image.save(folder / f"{k}.png")
        rows.append(f"{k}.png\ta {colour} square number {k % 4}")
    (folder / "caption.tsv").write_text("\n".join(rows) + "\n")


def write_data(folder):
    """Small data of each task; some depend on noise, so that no answer is certain."""
    draw = np.random.default_rng(1)
    (folder / "language.txt").write_text(
        "".join(f"a {w}\n" for w in draw.choice(["rose", "nose", "hose"], 150))
    )
    rows = [f"{('good', 'bad')[int(k)]} film {n % 9},{('pos', 'neg')[int(k) if n % 6 else n % 2]}"
            for n, k in enumerate(draw.integers(2, size=120))]  # fmt: skip
    (folder / "classify.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    names, kinds = draw.choice(["Ann", "Bob", "Rome"], 80), draw.choice(["person", "place"], 80)
    lines = [f"{name}\tB-{kind}\nsees\tO\n\n" for name, kind in zip(names, kinds, strict=True)]
    (folder / "tag.conll").write_text("".join(lines))
    days = np.datetime64("2024-01-01") + np.arange(120)
    values = 5 + np.sin(np.arange(120) * 2 * np.pi / 7) + draw.normal(size=120) / 3
    (folder / "forecast.csv").write_text(
        "day,y\n" + "".join(f"{d},{v:.3f}\n" for d, v in zip(days, values, strict=True))
    )
    pairs = [f"a{n % 5} b{n % 3} c{n % 2}\tC{n % 2} B{n % 3} A{n % 5}" for n in range(90)]
    (folder / "translate.tsv").write_text("\n".join(pairs) + "\n")
    tune = 'X:{n}\nT:Tune {n}\nM:4/4\nL:1/8\nK:G\n|:"G"{body}|"D"A4 d4:|\n'
    tunes = [tune.format(n=n, body="".join(draw.choice(list("GABcde"), 8))) for n in range(1, 25)]
    (folder / "music.abc").write_text("\n".join(tunes))
    clips = [
        ",".join([f"{n % 2}", *(f"{v:.3f}" for v in draw.normal((n % 2) * 0.5, 1, 12))])
        for n in range(60)
    ]
    (folder / "frames.csv").write_text("\n".join(clips) + "\n")


SETTINGS = {
    "language": ("language.txt", {"per_line": True}),
    "classify": ("classify.csv", {}),
    "tag": ("tag.conll", {}),
    "forecast": ("forecast.csv", {"target": "y", "horizon": 3, "history": 14}),
    "translate": ("translate.tsv", {"level": "word", "embedding": 6}),
    "transcribe": ("transcribe.csv", {"embedding": 6, "batch_size": 8}),
    "caption": ("caption.tsv", {"channels": "4,8", "embedding": 6, "consensus": 4}),
    "frames": ("frames.csv", {"features": 2}),
    "music": ("music.abc", {}),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Calls: a task -> a small run of it that is combined with a simple model."""
    folder = tmp_path_factory.mktemp("same")
    write_data(folder)
    write_sounds(folder)
    write_images(folder)
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)

        def train(task):
            if task not in made:
                data, settings = SETTINGS[task]
                report = QuietReport()
                run = unroll.train(data, task, task=task, report=report, **SMALL, **settings)
                assert run.preprocessor.floor is not None
                made[task] = run
            return made[task]

        yield train


def shown(run):
    return results_of_run(run).parts


@pytest.mark.parametrize("task", TASKS)
def test_how_much_the_network_counts_is_told(trained, task):
    run = trained(task)
    part = run.task.network_part(run.trained)
    assert part or task == "caption"  # whose fit may leave similar images out
    if task not in ("forecast", "transcribe", "caption", "frames", "music"):
        text = {"tag": "Ann sees", "translate": "a1 b2 c1"}.get(task, "a rose")
        conditions = states_of_run(run, text).conditions
        assert part in conditions["shows"]


def test_language_samples_surprise_and_guesses(trained):
    run = trained("language")
    text = shown(run)["text"].predicted
    line = "".join(text.tokens[:-1])
    expected = [-each["log_probability"] for each in run.score(line)["tokens"]]
    assert list(text.nats) == pytest.approx(expected, abs=1e-4)
    sample = text.samples[0]
    assert sample.text == run.generate(length=240, temperature=sample.temperature, seed=1)
    states = states_of_run(run, "a ro")
    token, p = states.recorded.guesses[-1][0]
    best = run.next("a ro", 1)[0]
    assert token == best["token"] and p == pytest.approx(best["probability"], abs=1e-5)
    assert states.recorded.surprise[-1] == pytest.approx(
        -run.score("a ro")["tokens"][-2]["log_probability"], abs=1e-4
    )


def test_classes_and_attributions(trained):
    run = trained("classify")
    records = shown(run)["classes"].records
    for name, p in zip(records.names, records.probabilities, strict=True):
        said = run.predict(name)
        found = attention_of_run(run, name)
        assert dict(zip(records.classes, p.tolist(), strict=True)) == pytest.approx(
            said["probabilities"], abs=1e-5
        )
        assert found.probabilities == pytest.approx(said["probabilities"], abs=1e-6)
        assert found.conditions["predicted"] == found.conditions["class"] == said["label"]
        assert found.conditions["probability"] == f"{said['probability']:.1%}"
        assert f"{said['label']} {said['probability']:.0%}" in found.text()
        states = states_of_run(run, name).conditions
        assert states["predicted"] == said["label"]
    alone = [run.model.probabilities(*network_input(run, name))[0].max() for name in records.names]
    both = records.probabilities.max(1)
    assert (
        np.abs(both - np.array([float(p.detach()) for p in alone])).max() > 0.01
    )  # the network parts from it


def network_input(run, text):
    import torch

    items = torch.as_tensor(run.preprocessor.encode(text)).long()[:, None]
    return items, torch.tensor([len(items)])


def test_attributions_are_those_of_predict(trained):
    run = trained("classify")
    run.adjust(attributions=True)
    try:
        said = dict(run.predict("a good film 3")["words"])
    finally:
        run.adjust(attributions=False)
    found = attention_of_run(run, "a good film 3")
    assert found.weights == pytest.approx([said[step] for step in found.steps], abs=1e-4)
    assert len(found.parts) == 2
    assert [sum(each) for each in zip(*found.parts.values(), strict=True)] == found.weights


def test_tags(trained):
    run = trained("tag")
    for each in shown(run)["tags"].tagged.sentences[:4]:
        text = " ".join(each.words)
        assert run.predict(text)["tags"] == list(each.predicted)
        assert states_of_run(run, text).conditions["predicted"] == " ".join(each.predicted)


def test_forecasts(trained):
    run = trained("forecast")
    (one,) = shown(run)["forecasts"].forecasts.series
    rows = [line.split(",") for line in Path(run.config["data"]["path"]).read_text().split()[1:]]
    before = rows[: len(rows) - one.steps]
    said = run.predict({"day": [r[0] for r in before], "y": [float(r[1]) for r in before]})
    for k, step in enumerate(said["forecast"], -one.steps):
        drawn = (one.times[k], one.middle[k], one.low[k], one.high[k])
        assert drawn[0] == step["time"]
        assert drawn[1:] == pytest.approx((step["value"], step["low"], step["high"]), rel=1e-4)


def test_translations_and_their_attention(trained):
    run = trained("translate")
    for each in shown(run)["translations"].translated.texts[:4]:
        said = run.predict(each.source)
        found = attention_of_run(run, each.source)
        assert each.output == said["translation"] == found.conditions["translation"]
        assert found.conditions["from"] == said["origin"] == each.origin
        assert found.target == said["target_tokens"]
        np.testing.assert_allclose(found.weights, said["attention"], atol=1e-3)
        assert states_of_run(run, each.source).conditions["predicted"] == said["translation"]


def test_transcripts(trained):
    run = trained("transcribe")
    found = shown(run)["transcripts"].recognised.records
    assert found
    for one in found:
        assert run.predict(one.name)["text"] == one.output


def test_captions_and_their_attention(trained):
    run = trained("caption")
    for each in shown(run)["captions"].captioned.images[:3]:
        said = run.predict(each.name)
        found = attention_of_run(run, each.name)
        assert each.caption == said["caption"] == found.conditions["caption"]
        assert found.conditions.get("from", "network") == said["origin"]
        np.testing.assert_allclose(found.weights, said["attention"], atol=1e-3)


def test_clips(trained):
    run = trained("frames")
    parts = shown(run)
    rows = Path(run.config["data"]["path"]).read_text().split()
    asked = {}
    for clip in parts["clips"].strips.clips[:3]:
        line = int("".join(c for c in clip.name.split()[-1] if c.isdigit()))
        asked[clip.name] = line
        numbers = np.array([float(v) for v in rows[line - 1].split(",")[1:]]).reshape(6, 2)
        said = run.predict(numbers)
        own = dict(zip(parts["clips"].strips.classes, clip.probabilities[-1].tolist(), strict=True))
        assert own == pytest.approx(said["probabilities"], abs=1e-5)
        assert list(clip.predicted) == [said["label"]]
    assert len(asked) == 3


def test_tunes(trained):
    run = trained("music")
    parts = shown(run)
    tune = "".join(parts["text"].predicted.tokens)
    said, nats = run.predict(tune), parts["text"].predicted.nats
    assert said["nats"] - sum(nats) == pytest.approx(0, abs=1)  # that of the end of the tune
    assert max(nats) == pytest.approx(said["least_expected"][0]["nats"], abs=1e-5)
    written = run.generate(parts["tunes"].rolls.prompt, 300, temperature=1.0, seed=1)
    assert parts["text"].predicted.samples[0].text == written


@pytest.mark.parametrize("task", ["classify", "translate", "tag"])
def test_the_report_says_it_too(trained, task):
    run = trained(task)
    found = report_of_run(run)
    assert found.missing == ()
    key = {"classify": "label", "translate": "translation", "tag": "tags"}[task]
    data = run.config["data"]["path"]
    said = list(run.predict_file(data))
    states = dict(found.parts)["states"].conditions["predicted"]
    first = said[0][key]
    assert states == (first if isinstance(first, str) else " ".join(first))
    attention = [each for name, each in found.parts if name.startswith("attention")]
    assert len(attention) == (0 if task == "tag" else 3)
    for each, one in zip(attention, said, strict=False):
        if task == "classify":
            assert each.probabilities == pytest.approx(one["probabilities"], abs=1e-6)
            assert math.isclose(sum(each.probabilities.values()), 1, abs_tol=1e-6)
        else:
            assert each.conditions["translation"] == one["translation"]
