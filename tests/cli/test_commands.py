"""Every command on a real run: what it prints, as words and as JSON."""

import gzip
import json
import math

import pytest

from unroll.cli.main import run

TEXT = "the clouds are in the sky.\nthe apple and pear salad.\n" * 120


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    (folder / "poems.txt").write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        words = ["--steps", "60", "--hidden", "32", "--threads", "1", "--quiet"]
        assert run(["train", "poems.txt", "--out", "runs/poems", *words], False) == 0
        yield folder


def printed(capsys, *words, code=0):
    assert run([str(word) for word in words], False) == code
    return capsys.readouterr()


def test_eval_prints_the_figures_and_the_baselines(place, capsys):
    (place / "validation.txt").write_text("the sky and the salad.\n" * 20)
    got = json.loads(printed(capsys, "eval", "runs/poems", "validation.txt", "--json").out)
    keys = {"nats_per_token", "bits_per_character", "perplexity", "tokens", "unknown_rate"}
    assert keys <= set(got)
    for name in ("unigram", "5-gram"):
        assert keys <= set(got["baselines"][name])
    assert got["tokens"] == 460
    assert got["bits_per_character"] == pytest.approx(got["nats_per_token"] / math.log(2))
    assert got["perplexity"] == pytest.approx(math.exp(got["nats_per_token"]))
    assert "5-gram" in printed(capsys, "eval", "runs/poems", "validation.txt").out


def test_score_adds_up_over_its_tokens(place, capsys):
    text = "the apple"
    got = json.loads(printed(capsys, "score", "runs/poems", text, "--json").out)
    assert [row["token"] for row in got["tokens"]] == list(text)
    total = sum(row["log_probability"] for row in got["tokens"])
    assert got["log_probability"] == pytest.approx(total)
    assert got["perplexity"] == pytest.approx(math.exp(-total / len(text)))
    assert "perplexity" in printed(capsys, "score", "runs/poems", text).out


def test_score_reads_a_file_line_by_line(place, capsys):
    (place / "lines.txt").write_text("the sky\nthe pear\n")
    out = printed(capsys, "score", "runs/poems", "--file", "lines.txt", "--json").out
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["the sky", "the pear"]


def test_score_counts_the_blank_lines_that_it_passes_over(place, capsys):
    (place / "gaps.txt").write_text("the sky\n\nthe pear\n")
    got = printed(capsys, "score", "runs/poems", "--file", "gaps.txt", "--json")
    assert len(got.out.splitlines()) == 2 and "1 blank line has no score." in got.err


def test_next_gives_the_likeliest_in_order(place, capsys):
    got = json.loads(printed(capsys, "next", "runs/poems", "the clou", "--top", 10, "--json").out)
    shares = [row["probability"] for row in got["next"]]
    assert len(shares) == 10 and shares == sorted(shares, reverse=True) and sum(shares) <= 1.0001


def test_generate_is_the_same_for_the_same_seed(place, capsys):
    words = ["generate", "runs/poems", "--prompt", "the ", "--length", 50, "--seed", 1]
    first, second = printed(capsys, *words).out, printed(capsys, *words).out
    assert first == second and first.startswith("the ") and len(first) == len("the ") + 50 + 1
    assert printed(capsys, *words[:-1], 2).out != first


def test_generate_at_zero_temperature_is_the_top_one(place, capsys):
    words = ["generate", "runs/poems", "--prompt", "the ", "--length", 20]
    cold = printed(capsys, *words, "--temperature", 0, "--seed", 1).out
    assert cold == printed(capsys, *words, "--top-k", 1, "--seed", 2).out


def test_explain_names_the_backend_and_shows_the_plan(place, capsys):
    out = printed(capsys, "explain", "runs/poems").out
    assert "LSTMCell runs on the " in out.splitlines()[0]
    assert "c' = f * c + i * g" in out
    assert out.count("once per call, from the parameters alone") == 1


def test_explain_as_json(place, capsys):
    parts = json.loads(printed(capsys, "explain", "runs/poems", "--json").out)
    for part in parts:
        assert {"layer", "cell", "backend", "why", "refusal"} <= set(part)
        assert part["backend"] in ("cpu", "torch", "loop") and part["cell"] == "LSTMCell"
        assert (part["stages_forward"], part["stages_backward"]) == (1, 2)
        assert part["saved"] == 6 * part["units"]
        assert part["multiplied_in_loop"] == 4 * part["units"] ** 2


def test_doctor_tells_what_is_here(capsys):
    facts = json.loads(printed(capsys, "doctor", "--json").out)
    assert {"torch", "python", "threads", "device", "missing"} <= set(facts)
    assert {"compiled", "kernel cache"} <= set(facts)
    assert "torch" in printed(capsys, "doctor").out


def test_doctor_tells_why_cells_are_not_compiled(capsys, monkeypatch, tmp_path):
    kernels = tmp_path / "kernels"
    kernels.mkdir()
    (kernels / "one.so").write_bytes(bytes(1_500_000))
    monkeypatch.setenv("UNROLL_CACHE", str(kernels))
    monkeypatch.setenv("UNROLL_CXX", "no-such-compiler")
    facts = json.loads(printed(capsys, "doctor", "--json").out)
    assert "no-such-compiler" in facts["compiled"] and "compiler" not in facts
    assert facts["kernel cache"] == f"{kernels} (1 kernel, 1.5 MB)"
    assert "unset UNROLL_CXX" in facts["missing"]["what compiled cells need"]


def test_doctor_tells_the_compiler_that_is_used(capsys, monkeypatch, tmp_path):
    compiler = tmp_path / "c++"
    compiler.write_text("#!/bin/sh\necho a compiler of version 7\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("UNROLL_CXX", str(compiler))
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "kernels"))
    facts = json.loads(printed(capsys, "doctor", "--json").out)
    assert facts["compiler"] == f"{compiler}: a compiler of version 7"
    assert facts["compiled"] == "cells are compiled" and not facts["missing"]
    assert not (tmp_path / "kernels").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["poems.txt", "--level", "word", "--cell", "gru", "--layers", "2"],
        ["poems.txt", "--level", "bpe", "--set", "vocabulary_size=300"],
        ["poems.txt", "--per-line"],
        ["poems.txt", "--state", "reset", "--cell", "rnn"],
        ["poems.txt.gz", "--cell", "rnn_relu"],
        ["folder"],
        ["records.jsonl", "--text", "body"],
        ["names.tsv", "--per-line", "--condition", "1"],
        ["names.tsv", "--per-line", "--condition", "kind", "--text", "name"],
    ],
    ids=" ".join,
)
def test_every_form_of_input_trains_and_generates(place, capsys, tmp_path, words):
    (place / "poems.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    (place / "folder").mkdir(exist_ok=True)
    for name in ("a.txt", "b.txt"):
        (place / "folder" / name).write_text(TEXT)
    records = [json.dumps({"body": TEXT[:500], "id": n}) for n in range(10)]
    (place / "records.jsonl").write_text("\n".join(records))
    rows = [f"{'north' if n % 2 else 'south'}\tname {n}" for n in range(200)]
    (place / "names.tsv").write_text("\n".join(["kind\tname"] * ("kind" in words) + rows))

    words = [*words, "--out", tmp_path / "run", "--steps", 5, "--hidden", 16, "--threads", 1]
    got = json.loads(printed(capsys, "train", *words, "--json").out.splitlines()[-1])
    assert got["tokens"] > 0 and "5-gram" in got["baselines"]
    condition = ["--condition", "north"] if "names.tsv" in words else []
    made = printed(
        capsys, "generate", tmp_path / "run", "--length", 20, "--seed", 1, *condition
    ).out
    assert made.endswith("\n")


def test_standard_input_trains(place, capsys, tmp_path, monkeypatch):
    words = ["--out", tmp_path / "run", "--steps", 3, "--hidden", 8, "--threads", 1, "--quiet"]
    with (place / "poems.txt").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        printed(capsys, "train", "-", *words)
    assert (tmp_path / "run" / "config.json").exists()


def test_the_default_folder_is_never_one_that_exists(place, capsys):
    words = ["train", "poems.txt", "--steps", 2, "--hidden", 8, "--threads", 1, "--quiet"]
    printed(capsys, *words)
    assert (place / "runs" / "poems-2" / "config.json").exists()


def test_the_model_card_holds_the_figures(place):
    card = (place / "runs" / "poems" / "README.md").read_text()
    assert "5-gram" in card and "SHA-256" in card
