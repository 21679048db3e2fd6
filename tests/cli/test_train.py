"""`unroll train`: every form of input, and what is printed."""

import gzip
import json

import pytest

TEXT = "the clouds are in the sky.\nthe apple and pear salad.\n" * 120


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
def test_every_form_of_input_trains_and_generates(place, printed, tmp_path, words):
    (place / "poems.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    (place / "folder").mkdir(exist_ok=True)
    for name in ("a.txt", "b.txt"):
        (place / "folder" / name).write_text(TEXT)
    records = [json.dumps({"body": TEXT[:500], "id": n}) for n in range(10)]
    (place / "records.jsonl").write_text("\n".join(records))
    rows = [f"{'north' if n % 2 else 'south'}\tname {n}" for n in range(200)]
    (place / "names.tsv").write_text("\n".join(["kind\tname"] * ("kind" in words) + rows))

    words = [*words, "--out", tmp_path / "run", "--steps", 5, "--hidden", 16, "--threads", 1]
    got = json.loads(printed("train", *words, "--json").out.splitlines()[-1])
    assert got["tokens"] > 0 and len(got["baselines"]) == 2
    condition = ["--condition", "north"] if "names.tsv" in words else []
    made = printed("generate", tmp_path / "run", "--length", 20, "--seed", 1, *condition).out
    assert made.endswith("\n")


def test_standard_input_trains(place, printed, tmp_path, monkeypatch):
    words = ["--out", tmp_path / "run", "--steps", 3, "--hidden", 8, "--threads", 1, "--quiet"]
    with (place / "poems.txt").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        printed("train", "-", *words)
    assert (tmp_path / "run" / "config.json").exists()


def test_the_default_folder_is_one_that_does_not_exist_and_use_is_printed(place, printed):
    words = ["train", "poems.txt", "--steps", 2, "--hidden", 8, "--threads", 1]
    got = printed(*words)
    assert (place / "runs" / "poems-2" / "config.json").exists()
    assert "Use it:\n" in got.err and "unroll generate runs/poems-2" in got.err and not got.out


def test_a_word_before_the_data_is_the_task(place, printed, tmp_path):
    words = ["--out", tmp_path / "run", "--steps", 2, "--hidden", 8, "--threads", 1, "--json"]
    got = printed("train", "language", "poems.txt", *words).out.splitlines()
    assert (
        "is read for the task language (--task): the task is given."
        in json.loads(got[0])["message"]
    )
    refused = printed("train", "tag", "poems.txt", code=2).err
    assert refused.startswith("unroll: ") and len(refused.splitlines()) == 1


def test_a_flag_of_another_task_is_refused_by_its_name(place, printed):
    refused = printed("train", "--horizon", 3, "poems.txt", code=2).err
    assert "--horizon is a setting of the task forecast" in refused
