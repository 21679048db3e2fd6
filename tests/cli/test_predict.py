"""`unroll predict`: files and inputs, printed or written."""

import json

import pytest

SMALL = ["--steps", "3", "--hidden", "8", "--threads", "1", "--quiet"]


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    from unroll.cli.main import run

    folder = tmp_path_factory.mktemp("reviews")
    rows = "".join(
        f"the film was {'fine poor'.split()[n % 2]} {n},{'ab'[n % 2]}\n" for n in range(60)
    )
    (folder / "reviews.csv").write_text("text,label\n" + rows)
    words = ["train", str(folder / "reviews.csv"), "--out", str(folder / "run"), *SMALL]
    assert run(words, False) == 0
    return folder


def test_a_prediction_for_each_input_in_order(reviews, printed):
    words = ["predict", reviews / "run", "--input", "fine", "--input", "poor film"]
    got = [json.loads(line) for line in printed(*words, "--json").out.splitlines()]
    assert [each["text"] for each in got] == ["fine", "poor film"]
    assert len(printed(*words).out.splitlines()) == 2


def test_a_file_is_written_whole_and_not_replaced_unasked(reviews, printed, tmp_path):
    out = tmp_path / "out.jsonl"
    words = ["predict", reviews / "run", reviews / "reviews.csv", "--out", out]
    assert "60 predictions written to" in printed(*words).err
    assert len([json.loads(line) for line in out.read_text().splitlines()]) == 60
    assert "exists already; nothing was overwritten" in printed(*words, code=2).err
    printed(*words, "--overwrite")


def test_it_takes_a_file_or_inputs(reviews, printed):
    run = str(reviews / "run")
    assert "neither DATA nor --input" in printed("predict", run, code=2).err
    assert "both DATA and --input" in printed("predict", run, "a", "--input", "b", code=2).err
    refused = printed("predict", run, "--input", "b", "--out", "b.svg", code=2).err
    assert "got --input. Give DATA." in refused
