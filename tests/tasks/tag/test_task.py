"""The tagger from a file to answers: trained, resumed, evaluated, asked."""

import json
import random
from pathlib import Path

import pytest
import torch

import unroll
from unroll.cli.main import run as command
from unroll.errors import UserError
from unroll.inspect import gates_of_run
from unroll.run.data_check import check
from unroll.settings import settings_from
from unroll.tasks.tag import task
from unroll.tasks.tag.settings import TagSettings

SMALL = {
    "hidden": 16, "embedding": 12, "characters": 8, "batch_size": 8, "threads": 1,
    "quiet": True,
}  # fmt: skip
FAST = SMALL | {"learning_rate": 0.02, "dropout": 0.1, "dropout_input": 0.1}
PLACES, VERBS = ["Rome", "New York", "San Marino", "Oslo"], ["saw", "left", "likes"]


def news(count=40, seed=1):
    """Sentences about places, in BIO."""
    draw, rows = random.Random(seed), []
    for _ in range(count):
        rows.append(f"{draw.choice(['She', 'He'])} O")
        rows.append(f"{draw.choice(VERBS)} O")
        first, *more = draw.choice(PLACES).split()
        rows.append(f"{first} B-place")
        rows += [f"{word} I-place" for word in more]
        rows += [". O", ""]
    return "\n".join(rows)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "news.conll"
    path.write_text(news())
    return path


def universal(count=30):
    draw, text = random.Random(2), ""
    tags = {"she": "PRON", "runs": "VERB", "fast": "ADV", "n't": "PART"}
    for k in range(count):
        words = draw.sample(list(tags), 3)
        text += f"# sent_id = {k}\n1-2\t{words[0]}{words[1]}" + "\t_" * 8 + "\n"
        for n, word in enumerate(words, 1):
            text += f"{n}\t{word}\t{word}\t{tags[word]}" + "\t_" * 6 + "\n"
        text += "\n"
    return text


def test_spans_are_learned_evaluated_and_written_in_the_files_own_columns(tmp_path, file):
    run = unroll.train(file, tmp_path / "run", steps=100, **FAST)
    assert (run.settings.output, run.preprocessor.scheme, run.preprocessor.file_scheme) == (
        "crf",
        "BIOES",
        "BIO",
    )
    assert (run.settings.word, run.settings.tag, run.settings.min_count) == (1, "2", 2)
    other = tmp_path / "other.conll"
    other.write_text(news(20, seed=3))
    result = run.evaluate(other)
    assert result["f1"] == 1
    assert result["types"]["place"]["right"] == 20
    assert set(result["baselines"]) == {"most frequent tag"}
    assert "F1 100.00" in "\n".join(run.summarise(result, "other.conll"))
    lines = "\n".join(run.format_prediction(answer) for answer in run.predict_file(other)) + "\n"
    rows = [line.split() for line in lines.split("\n") if line]
    assert all(len(row) == 3 and row[1] == row[2] for row in rows)
    assert "\n".join(line.rpartition(" ")[0] for line in lines.split("\n")) == other.read_text()
    tagged = tmp_path / "tagged.conll"
    tagged.write_text(lines)
    assert run.evaluate(tagged)["f1"] == 1  # the tags are still looked for in column 2
    answer = run.predict("She left San Marino.")
    assert answer["words"] == ["She", "left", "San", "Marino", "."]
    assert answer["spans"] == [{"type": "place", "text": "San Marino", "start": 2, "end": 4}]
    json.dumps(answer)
    assert run.format_prediction(answer).split("\n")[2] == "San\tB-place"
    assert [a["tags"][-2] for a in run.predict(["He saw Oslo.", "Left."])] == ["B-place", "O"]
    assert any("predict" in line for line in run.usage())


def test_universal_dependencies_come_back_with_other_tags(tmp_path):
    file = tmp_path / "a.conllu"
    file.write_text(universal())
    run = unroll.train(file, tmp_path / "run", steps=50, output="crf", **FAST)
    assert (run.settings.tag, run.preprocessor.scheme) == ("upos", None)
    assert run.evaluate(file)["accuracy"] == 1
    blank = file.read_text().replace("PRON", "_").replace("VERB", "_")
    empty = tmp_path / "empty.conllu"
    empty.write_text(blank)
    written = "\n".join(run.format_prediction(answer) for answer in run.predict_file(empty)) + "\n"
    assert written == file.read_text()
    with pytest.raises(UserError, match="has no tag in column 4"):
        run.evaluate(empty)
    text = tmp_path / "a.txt"
    text.write_text("she runs fast\n\nshe runs\n")
    assert [a["tags"] for a in run.predict_file(text)] == [
        ["PRON", "VERB", "ADV"],
        ["PRON", "VERB"],
    ]


def test_a_resumed_run_is_the_unbroken_one(tmp_path, file):
    # nothing may follow the share of the budget, which differs
    steady = SMALL | {"schedule": "constant", "warm_up": 0, "evaluate_every": 8}
    whole = unroll.train(file, tmp_path / "whole", steps=16, **steady)
    unroll.train(file, tmp_path / "half", steps=8, **steady)
    half = unroll.train(file, tmp_path / "half", resume=True, steps=16, quiet=True)
    for name, weight in half.model.state_dict().items():
        assert torch.equal(weight, whole.model.state_dict()[name]), name
    assert half.result()["loss"] == whole.result()["loss"]


@pytest.mark.parametrize("output", ["crf", "softmax"])
def test_32_sentences_are_learned_by_heart(tmp_path, output):
    draw, rows = random.Random(4), []
    for _ in range(32):
        length = draw.randint(1, 9)
        rows += [f"{draw.choice('abcdefgh')} {draw.choice(['N', 'V', 'A'])}" for _ in range(length)]
        rows.append("")
    file = tmp_path / "random.conll"
    file.write_text("\n".join(rows))
    settings = settings_from(
        TagSettings,
        {
            "hidden": 48, "batch_size": 32, "output": output, "valid": str(file), "dropout": 0.0,
            "dropout_input": 0.0, "word_dropout": 0.0,
        },
    )  # fmt: skip
    make = unroll.layers.recurrent.cell_factory("lstm")
    settings = task.resolve_sizes(settings, make)
    said = []
    data = task.read(str(file), settings, said.append)
    settings = task.resolve(settings, data)
    model = task.model(settings, data.preprocessor, make)
    work = task.work(model, data, settings, torch.device("cpu"))
    assert data.duplicates == 32
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for step in range(150):
        batch = work.batch(step)
        total, state = work.loss(batch, None)
        assert state is None
        optimizer.zero_grad()
        (total / batch.tokens).backward()
        optimizer.step()
    # the same words in the same sentence may have two tags only where sentences are the same
    assert work.evaluate()["loss"] < 0.05


def test_what_is_read_is_said(tmp_path, file):
    file.write_text(news() + "\n" + "\n".join(["word O"] * 30) + "\n")
    found = check(file, [].append, longest=20)
    assert found["labels"] == {"place": 40}
    assert (found["scheme"], found["longest"], found["longer_than_allowed"]) == ("BIO", 30, 1)
    assert found["sentences"] >= 41
    file.write_text(news() + "bad row here\n\nrose I-place\n")
    found = check(file, [].append)
    assert "1 bad record is skipped:" in found["problems"]
    assert found["irregular"] == 1


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("a O\nb B-x\n", {}, "has one sentence"),
        ("a\n\nb\n", {}, "no column of tags"),
        ("a O\n\nb O O\n", {}, "line 3: 3 columns; expected 2"),
        ("a N\n\nb V\n", {"scheme": "BIO"}, "scheme=BIO is for spans"),
        ("a O\n\n" + "b O\n" * 9, {"long": "refuse", "longest": 8}, "line 3: a sentence of 9"),
        ("a N\n\nb V\n", {"valid": "dev.conll"}, "dev.conll, line 2: 'X' was never seen"),
        ("a N 1\n\nb V 1\n", {"valid": "dev.conll"}, "dev.conll has 2 columns"),
        ("a N\n\nb V\n", {"vectors": "vectors.txt", "embedding": 3}, "have 2 numbers"),
        ("a N\n\nb V\n", {"vectors": "vectors.txt"}, "has none of the"),
        ("a N\n\nb V\n", {"characters": -1}, "characters"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, monkeypatch, text, settings, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.conll").write_text(text)
    (tmp_path / "dev.conll").write_text("a N\nb X\n")
    (tmp_path / "vectors.txt").write_text("z 1 2\n")
    with pytest.raises(UserError, match=said):
        unroll.train("train.conll", "run", **(SMALL | {"embedding": None} | settings), steps=1)
    assert not (tmp_path / "run").exists()


def test_bad_sentences_are_left_out_where_asked(tmp_path, file):
    file.write_text(file.read_text() + "bad row here\n\n")
    run = unroll.train(file, tmp_path / "run", steps=2, skip_bad=True, **SMALL)
    assert run.config["data"]["sentences"] == 36
    unroll.train(file, tmp_path / "run", steps=3, resume=True, quiet=True)
    assert gates_of_run(run, file).gates
    # each use asks for it anew
    with pytest.raises(UserError, match="3 columns"):
        run.evaluate(file)
    run.adjust(skip_bad=True)
    assert run.evaluate(file)["left_out"] == 1


def test_pretrained_vectors_are_the_start(tmp_path, file):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("2 3\nrome 1 2 3\nlily 4 5 6\n")
    small = SMALL | {"embedding": None}
    run = unroll.train(file, tmp_path / "run", vectors=str(vectors), steps=1, **small)
    assert run.settings.embedding == 3
    own = run.model.words.weight[run.preprocessor.words["rome"]]
    torch.testing.assert_close(own, torch.tensor([1.0, 2, 3]), atol=0.1, rtol=0)
    vectors.unlink()  # a resume does not need them
    unroll.train(file, tmp_path / "run", resume=True, steps=2, quiet=True)


def test_evaluation_of_files_of_other_kinds(tmp_path, file):
    run = unroll.train(file, tmp_path / "run", steps=2, **SMALL)
    wide = tmp_path / "wide.conll"
    wide.write_text("1 She O\n2 left O\n\n1 Oslo B-place\n")
    assert run.evaluate(wide, word=2, tag=3)["words"] == 3
    strange = tmp_path / "strange.conll"
    strange.write_text("She O\nSue B-person\n")
    with pytest.raises(UserError, match=r"line 2: 'B-person' was never seen in training"):
        run.evaluate(strange)
    with pytest.raises(UserError, match="no sentence that can be used"):
        run.evaluate(strange, skip_bad=True)


DATA = Path(__file__).parents[4] / "shared" / "data" / "tagging"


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.exists(), reason="there is no ../shared/data")
def test_real_files_hold_what_their_sources_say():
    """SOURCE.md of each: sentences, words, entities."""
    for name, sentences, words, found in (
        ("ud_english_ewt/en_ewt-ud-train.conllu", 12_544, 204_577, 17),
        ("ud_english_ewt/en_ewt-ud-test.conllu", 2_077, 25_094, 17),
        ("wnut17_ner/wnut17train.conll", 3_394, 62_730, 6),
        ("wnut17_ner/emerging.test.annotated", 1_287, 23_394, 6),
    ):
        told = check(DATA / name, [].append, task="tag")
        assert (told["sentences"], told["words"], len(told["labels"])) == (sentences, words, found)
        assert told["problems"] == []
    assert sum(told["labels"].values()) == 1_079


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.exists(), reason="there is no ../shared/data")
def test_parts_of_speech_in_half_a_minute(tmp_path):
    folder = DATA / "ud_english_ewt"
    run = unroll.train(
        folder / "en_ewt-ud-train.conllu",
        tmp_path / "run",
        valid=str(folder / "en_ewt-ud-dev.conllu"),
        hidden=100,
        steps=400,
        quiet=True,
    )
    result = run.result()
    assert result["words"] == 25_147
    assert result["accuracy"] > 0.92 > result["baselines"]["most frequent tag"]["accuracy"]
    written = [run.format_prediction(a) for a in run.predict_file(folder / "en_ewt-ud-dev.conllu")]
    before = (folder / "en_ewt-ud-dev.conllu").read_text().split("\n")
    after = "\n".join(written).split("\n")
    kept = [line.split("\t")[:3] + line.split("\t")[4:] for line in after]
    assert kept == [line.split("\t")[:3] + line.split("\t")[4:] for line in before[:-1]]


def test_bad_sentences_of_an_evaluation_are_left_out_where_asked(tmp_path, file, capsys):
    run = unroll.train(file, tmp_path / "run", steps=2, **FAST)
    other = tmp_path / "other.conll"
    other.write_text(news(20, seed=3) + "\nragged O O O\n")
    words = ["eval", str(run.path), str(other)]
    assert command(words, False) == 2
    assert "--skip-bad skips such records" in capsys.readouterr().err
    assert command([*words, "--skip-bad", "--json"], False) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == 1
    assert command(["predict", str(run.path), str(other)], False) == 2
    assert "--skip-bad" not in capsys.readouterr().err
    assert command(["eval", str(run.path), str(other), "--set", "layers=2"], False) == 2
    assert "those that can are word, tag, skip_bad" in capsys.readouterr().err
