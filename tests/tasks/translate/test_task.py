"""The translate task, from pairs to a run that is used."""

import json
import random

import pytest
import sacrebleu
import torch

import unroll
from unroll.cli.main import run as command
from unroll.data.pairs import Pair
from unroll.errors import UserError
from unroll.tasks.translate import task as translate
from unroll.tasks.translate.baseline import NearestNeighbour
from unroll.tasks.translate.reader import encode
from unroll.tasks.translate.settings import TranslateSettings
from unroll.tasks.translate.task import measure, scores

WORDS = {"red": "rouge", "dog": "chien", "cat": "chat", "big": "grand", "eats": "mange"}


def pairs_of(count, seed=1):
    """Invented sentences whose other side is reversed, with a word more."""
    draw = random.Random(seed)
    for _ in range(count):
        words = [draw.choice(list(WORDS)) for _ in range(draw.randint(1, 5))]
        yield Pair(" ".join(words), " ".join(["le", *[WORDS[w] for w in reversed(words)]]))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("translate")
    (folder / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs_of(300)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def run(place):
    sizes = {"hidden": 48, "embedding": 24, "batch_size": 32, "cell": "gru", "dropout": 0.0}
    return unroll.train(
        "pairs.tsv",
        "run",
        level="word",
        steps=150,
        threads=1,
        quiet=True,
        learning_rate=1e-2,
        **sizes,
    )


def printed(capsys, *words, code=0):
    assert command([str(word) for word in words], False) == code
    return capsys.readouterr()


def test_it_learns_and_beats_its_baselines(run):
    result = run.result()
    assert result["bleu"] > 60 > result["baselines"]["source copied"]["bleu"]
    assert result["token_accuracy"] > 0.8
    assert result["signatures"]["bleu"].startswith("nrefs:1|case:mixed")
    assert {"loss", "perplexity", "chrf", "exact_match", "search", "tokens"} <= set(result)


def test_an_answer_holds_its_attention(run):
    answer = run.predict("big red dog")
    assert answer["source_tokens"] == ["big", "red", "dog", "<eos>"]
    assert len(answer["attention"]) == len(answer["target_tokens"])
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in answer["attention"])
    assert json.loads(json.dumps(answer)) == answer


def test_a_batch_of_questions_is_one_by_one(run):
    texts = [pair.source for pair in pairs_of(30, seed=9)]
    together = run.predict(texts)
    for text, answer in zip(texts, together, strict=True):
        assert run.predict(text)["translation"] == answer["translation"]
    assert [answer["source"] for answer in together] == texts


def test_width_one_is_greedy_and_more_are_as_many(run):
    trained = run.trained
    for beam, best in ((1, 1), (4, 3)):
        settings = run.settings.model_copy(update={"beam": beam, "best": best})
        changed = type(trained)(
            trained.model, trained.preprocessor, settings, trained.device, trained.path
        )
        (answer,) = translate.answers(changed, ["big dog eats"])
        assert len(answer["others"]) == best - 1
        ranks = [answer["score"], *(other["score"] for other in answer["others"])]
        assert ranks == sorted(ranks, reverse=True)
        assert translate.written(answer).count("\n") == best - 1


def test_drawn_translations_are_the_seeds(run):
    trained = run.trained
    settings = run.settings.model_copy(update={"temperature": 1.5})
    changed = type(trained)(
        trained.model, trained.preprocessor, settings, trained.device, trained.path
    )
    texts = [pair.source for pair in pairs_of(9, seed=9)]
    first, again = (list(translate.answers(changed, texts)) for _ in range(2))
    assert first == again
    assert [a["translation"] for a in first] != [a["translation"] for a in run.predict(texts)]


def test_an_unknown_word_is_taken_from_the_source(run):
    model, preprocessor = run.model, run.preprocessor
    bias = model.bias.detach().clone()
    try:
        with torch.no_grad():
            model.bias[0] += 100  # now it says nothing but <unk>
        (answer,) = translate.answers(run.trained, ["zebra"])
    finally:
        with torch.no_grad():
            model.bias.copy_(bias)
    assert set(answer["translation"].split()) == {"zebra"} and answer["unknown"] == ["zebra"]
    assert preprocessor.longest + 1 == len(answer["target_tokens"]) and not answer["finished"]


def test_an_empty_line_has_an_answer_too(run):
    assert len(run.predict(["", "red cat"])) == 2
    with pytest.raises(UserError, match="text to translate"):
        run.predict([3])


def test_the_commands(place, run, capsys):
    (place / "test.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs_of(20, seed=7)))
    found = json.loads(printed(capsys, "eval", "run", "test.tsv", "--json").out)
    assert found["pairs"] == 20 and found["bleu"] > 50
    assert "nearest neighbour" in printed(capsys, "eval", "run", "test.tsv").out
    (place / "new.txt").write_text("red dog\nbig cat\n")
    assert len(printed(capsys, "predict", "run", "new.txt").out.splitlines()) == 2
    printed(capsys, "predict", "run", "test.tsv", "--out", "out.jsonl")
    rows = [json.loads(line) for line in (place / "out.jsonl").read_text().splitlines()]
    assert len(rows) == 20 and rows[0]["source"] == next(pairs_of(1, seed=7)).source
    words = ["predict", "run", "--input", "red dog", "--set", "beam=3", "--set", "best=3"]
    assert len(json.loads(printed(capsys, *words, "--json").out)["others"]) == 2
    said = printed(capsys, "predict", "run", "--input", "a", "--set", "hidden=3", code=2).err
    assert "hidden=... cannot be changed in a trained run; those that can are beam" in said
    checked = json.loads(printed(capsys, "data", "check", "pairs.tsv", "--json").out)
    assert checked["pairs"] == 300 and checked["problems"] == []


def test_bad_data_is_told_by_check_and_refused_by_train(place, capsys):
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


def test_two_files_end_to_end(place):
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
def test_thirty_two_pairs_are_learned_by_heart(place, kind):
    (place / "few.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs_of(32, seed=3)))
    run = unroll.train(
        "few.tsv", f"few-{kind['cell']}", valid="few.tsv", level="word", min_count=1, steps=120,
        hidden=64, embedding=32, batch_size=32, dropout=0.0, label_smoothing=0.0, learning_rate=1e-2,
        threads=1, quiet=True, **kind,
    )  # fmt: skip
    result = run.result()
    assert result["loss"] < 0.02 and result["exact_match"] == 1 and result["bleu"] > 99.9


def test_the_figures_are_sacrebleus_and_plain_counts(run):
    draw = random.Random(4)
    words = list(WORDS.values())
    lines = [[" ".join(draw.choices(words, k=draw.randint(1, 9))) for _ in range(30)] for _ in "ab"]
    found = scores(*lines)
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(lines[0], [lines[1]]).score)
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf(lines[0], [lines[1]]).score)

    pairs = list(pairs_of(5, seed=8))
    encoded = encode(pairs, run.preprocessor)
    nats = right = tokens = 0
    for row in range(5):
        batch = encoded.batch([row])
        logits, _ = run.model(batch.source, batch.lengths, batch.inputs)
        log_p = logits[:, 0].detach().log_softmax(1)
        nats -= float(log_p.gather(1, batch.target).sum())
        right += int((log_p.argmax(1) == batch.target[:, 0]).sum())
        tokens += len(log_p)
    found = measure(run.model, encoded, torch.device("cpu"))
    assert found["loss"] == pytest.approx(nats / tokens, rel=1e-4)
    assert found["token_accuracy"] == pytest.approx(right / tokens)


def test_nearest_neighbour():
    known = NearestNeighbour([Pair("the red dog", "A"), Pair("the cat", "B"), Pair("a dog", "C")])
    assert [known.translate(t) for t in ("red", "the cat", "dog a", "xyz")] == ["A", "B", "C", "A"]
    (data,) = known.files().values()
    assert NearestNeighbour.from_json(data.decode()).pairs == known.pairs


def test_settings_that_do_not_fit_are_refused(place):
    for wrong, said in (
        ({"best": 7}, "best=7 translations need a beam as wide; it is 5"),
        ({"lower": True}, "lower is for words"),
        ({"valid_target": "x"}, "without valid"),
    ):
        with pytest.raises(ValueError, match=said):
            TranslateSettings(**wrong)
    with pytest.raises(UserError, match="attention=dot"):
        unroll.train(
            "pairs.tsv", "dot", attention="dot", encoder_hidden=5, hidden=8, steps=1, quiet=True
        )
