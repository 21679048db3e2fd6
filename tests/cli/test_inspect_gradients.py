"""`unroll inspect gradients`: words, files, and what is refused."""

import json

import pytest

import unroll
from unroll.cli.main import run

QUICK = ["--cells", "rnn,lstm", "--length", 12, "--hidden", 6, "--batch", 2]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys, *words, code=0):
    assert run(["inspect", "gradients", *map(str, words)], False) == code
    return capsys.readouterr()


def refused(capsys, *words):
    said = printed(capsys, *words, code=2).err
    assert said.startswith("unroll: ") and len(said.splitlines()) == 1
    return said


def test_words_a_picture_and_what_to_type_next(capsys):
    out = printed(capsys, *QUICK).out
    assert "rnn (orthogonal recurrent weights" in out and "####" in out and "halves every" in out
    assert out.splitlines()[-1].endswith("--length 12 --hidden 6 --batch 2 --out gradients.html")


def test_json(capsys):
    facts = json.loads(printed(capsys, *QUICK, "--json", "--noise", "--seed", 3).out)
    assert [flow["name"] for flow in facts["flows"]] == ["rnn", "lstm"]
    assert facts["conditions"]["seed"] == 3
    assert facts["conditions"]["at_the_loss"] == "white noise"


def test_files(place, capsys):
    files = ["--out", "it.html", "--svg", "it.svg", "--csv", "it.csv"]
    printed(capsys, *QUICK, *files)
    page = (place / "it.html").read_text()
    assert "<code>unroll inspect gradients --cells rnn,lstm --length 12" in page
    assert (place / "it.svg").read_text().startswith("<svg")
    assert len((place / "it.csv").read_text().splitlines()) == 1 + 12 * 3
    assert "it.html exists already" in refused(capsys, *QUICK, *files)
    printed(capsys, *QUICK, *files, "--overwrite")


def test_a_run(place, capsys):
    from unroll.training.report import QuietReport

    (place / "poems.txt").write_text("the clouds are in the sky.\n" * 40)
    small = {"steps": 2, "hidden": 8, "threads": 1, "backend": "loop", "block": 5}
    unroll.train("poems.txt", "it", **small, report=QuietReport())
    out = printed(capsys, "it", "poems.txt", "--length", 10).out
    assert "Gradients of it: the loss of one token, followed 10 steps back." in out
    assert out.splitlines()[-1].endswith(
        "inspect gradients it poems.txt --length 10 --out gradients.html"
    )
    assert "and no DATA" in refused(capsys, "it")
    assert "--gain is for fresh cells" in refused(capsys, "it", "poems.txt", "--gain", 2)


def test_a_cell_of_ones_own(place, capsys):
    (place / "own.py").write_text(
        "import unroll\n\n\nclass Half(unroll.Cell):\n"
        "    def forward(self, x, h):\n        h = 0.5 * h + x\n        return h, h\n"
    )
    facts = json.loads(printed(capsys, "--cells", "own.py:Half", "--length", 20, "--json").out)
    assert facts["flows"][0]["halves_every"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--cells", "lsmt"], "similar names: lstm"),
        (["--cells", ","], "names no cell"),
        (["--cells", "nothing.py"], "cannot be read"),
        (["--init", "magic"], "--init got 'magic'"),
        (["--length", "1"], "--length got 1"),
        (["--length", "long"], "--length"),
        (["--device", "cpu"], "--device is for a RUN"),
        (["nothing", "poems.txt"], "does not exist"),
        (["--out", "no/folder/it.html"], "there is no folder"),
        (["--svg", "it.svg", "--csv", "it.svg"], "name the same file"),
        (["--colour", "red"], " inspect gradients --help"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(capsys, words, expected):
    assert expected in refused(capsys, *words)


def test_summands_of_a_cell(place, capsys):
    words = ["inspect", "summands", "rnn", "hello", "--at", "4"]
    assert run([*words, "--out", "it.html"], False) == 0
    assert "cut here" in capsys.readouterr().out
    assert (
        "<code>unroll inspect summands rnn hello --at 4</code>" in (place / "it.html").read_text()
    )
    assert run([*words, "--json"], False) == 0
    assert len(json.loads(capsys.readouterr().out)["layers"][0]["steps"]) == 4
    for wrong, expected in (
        (["rnn", "hello", "--at", "was"], "a fresh cell knows no words"),
        (["rnn", "--device", "cpu"], "--device is for a RUN"),
        ([".", "hello", "--hidden", "3"], "--hidden is for fresh cells"),
        (["."], "and no TEXT"),
    ):
        assert run(["inspect", "summands", *wrong], False) == 2
        assert expected in capsys.readouterr().err


def test_the_loss_of_a_word_over_a_text_and_over_data(place, capsys):
    from unroll.training.report import QuietReport

    (place / "poems.txt").write_text("the clouds are in the sky .\n" * 40)
    small = {"steps": 2, "hidden": 8, "threads": 1, "backend": "loop", "level": "word"}
    unroll.train("poems.txt", "it", block=5, floor="none", **small, report=QuietReport())
    out = printed(capsys, "it", "--text", "the clouds are in", "--at", "are").out
    assert "The loss is that of 'are' after step 2." in out
    assert 'it --at are --text "the clouds are in"' in out.replace("'", '"')
    assert "the loss of 'sky'" in printed(capsys, "it", "poems.txt", "--at", "sky").out
    for wrong, expected in (
        (["it", "poems.txt", "--text", "the"], "expected one of them"),
        (["it", "--text", "the", "--length", 9], "--length does not go with --text"),
        (["--at", "sky"], "--at is for a RUN"),
        (["it", "poems.txt", "--at", "tree"], "no single token"),
        (["it", "poems.txt", "--at", "sky", "--noise"], "gets noise"),
    ):
        assert expected in refused(capsys, *wrong), wrong
