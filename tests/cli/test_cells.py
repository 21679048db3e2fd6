"""`unroll cells`, `--cell` with every name, and `--cell FILE.py:CLASS` with a cell of one's own."""

import hashlib
import json
import math
import shutil
from pathlib import Path

import pytest

import unroll
from unroll.cells import CELLS
from unroll.cli.main import run

TEXT = "the clouds are in the sky.\nthe apple and pear salad.\n" * 12
FEW = ["--steps", 2, "--hidden", 16, "--threads", 1, "--backend", "loop", "--set", "block=5"]
QUICK = ["--set", "evaluate_every=100"]  # the evaluations on the way draw samples

OWN = """\
import torch
import unroll


class LeakyCell(unroll.Cell):
    def __init__(self, input_size, hidden_size, *, leak=0.5):
        super().__init__(input_size, hidden_size)
        self.read = torch.nn.Linear(input_size + hidden_size, hidden_size)
        self.leak = leak

    def forward(self, x, h):
        new = torch.tanh(self.read(torch.cat([x, h], 1)))
        h = (1 - self.leak) * h + self.leak * new
        return h, h
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    (folder / "poems.txt").write_text(TEXT)
    (folder / "own.py").write_text(OWN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        words = ["train", "poems.txt", "--cell", "own.py:LeakyCell", "--out", "leaky", "--quiet"]
        assert run([*words, *map(str, FEW)], False) == 0
        yield folder


def printed(capsys, *words, code=0):
    assert run([str(word) for word in words], False) == code
    return capsys.readouterr()


def refused(capsys, *words):
    said = printed(capsys, *words, code=2).err
    assert said.startswith("unroll: ") and len(said.splitlines()) == 1
    return said


# the list


def test_the_list_has_every_cell_with_what_it_is_for(capsys):
    out = printed(capsys, "cells").out
    rows = json.loads(printed(capsys, "cells", "--json").out)
    assert [row["name"] for row in rows] == list(CELLS)
    for row in rows:
        assert {"family", "class", "purpose"} <= set(row)
        assert any(line.split()[:1] == [row["name"]] for line in out.splitlines())
        assert row["purpose"] in out and row["family"] in out
    assert max(map(len, out.splitlines())) <= 100


def test_one_cell_shows_its_equations_and_its_parameters(capsys):
    out = printed(capsys, "cells", "lstm").out
    assert "c' = f * c + i * g" in out and "Source:" in out and "unroll.LSTMCell" in out
    assert "4 I + 4 H + 8" in out and "bias=True" in out
    facts = json.loads(printed(capsys, "cells", "rnn_relu", "--json").out)
    assert facts["parameters_per_unit"] == {"trained": "I + H + 2"}
    assert facts["options"] == {"bias": True, "nonlinearity": "relu"}


def test_a_cell_that_needs_options_says_so(capsys):
    facts = json.loads(printed(capsys, "cells", "conv_lstm", "--json").out)
    assert facts["needs"] == ["height", "width"] and facts["parameters_per_unit"] is None
    last = printed(capsys, "cells", "conv_lstm").out.splitlines()[-1]
    assert last.endswith("""--cell-options '{"height": ..., "width": ...}'""")


def test_a_wrong_name_is_told_what_is_near(capsys):
    assert "similar names: lstm" in refused(capsys, "cells", "lsmt")


# every name


@pytest.mark.parametrize("name", CELLS)
def test_every_name_trains_resumes_and_generates(place, capsys, monkeypatch, tmp_path, name):
    monkeypatch.setenv("UNROLL_BACKEND", "loop")  # that compiled ones agree is check_cell's
    out = tmp_path / "run"
    words = [
        "train",
        "poems.txt",
        "--cell",
        name,
        "--out",
        out,
        *FEW,
        *QUICK,
        *NEEDED.get(name, []),
    ]
    got = json.loads(printed(capsys, *words, "--json").out.splitlines()[-1])
    assert math.isfinite(got["nats_per_token"]) and got["steps"] == 2
    printed(capsys, "train", "poems.txt", "--out", out, "--resume", "--steps", 3, "--quiet")
    made = printed(capsys, "generate", out, "--length", 5, "--seed", 1).out
    assert len(made) == 6


# what the constructor cannot do without: characters are 16 numbers here, an image of one channel
NEEDED = {
    "projected_lstm": ["--cell-options", '{"proj_size": 8}'],
    "conv_lstm": ["--cell-options", '{"height": 2, "width": 4}'],
}


@pytest.mark.parametrize("level", ["word", "bpe"])
def test_tied_weights_are_as_wide_as_the_output(place, capsys, tmp_path, level):
    words = ["train", "poems.txt", "--level", level, "--cell", "gru", "--out", tmp_path / "run"]
    printed(capsys, *words, *FEW, "--quiet")
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert settings["tie"] and settings["embedding"] == 16


def test_options_reach_the_constructor_and_stay_with_the_run(place, capsys, tmp_path):
    words = ["train", "poems.txt", "--cell", "gru", "--out", tmp_path / "run", *FEW]
    printed(capsys, *words, "--cell-options", '{"bias": false}', "--quiet")
    loaded = unroll.load(tmp_path / "run")
    assert loaded.settings.cell_options == {"bias": False}
    assert "stack.0.cells.0.bias_ih" not in loaded.model.state_dict()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--cell", "lsmt"], "similar names: lstm"),
        (["--cell", "gru", "--cell-options", '{"heads": 2}'], "--cell gru takes bias"),
        (["--cell", "gru", "--cell-options", "heads=2"], "it is not JSON"),
        (["--cell", "gru", "--cell-options", "[2]"], "--cell-options"),
        (["--cell", "conv_lstm"], "needs height, width"),
        (["--cell", "projected_lstm", "--cell-options", '{"proj_size": 99}'], "expected a number"),
        (["--cell", "clockwork", "--hidden", "15"], "hidden_size is --hidden N"),
        (["--cell", "clockwork", "--cell-options", '{"periods": 0}'], "--cell clockwork with"),
        (["--cell", "deep_echo_state", "--cell-options", '{"loops": 5}'], "loops"),
        (["--cell", "lru", "--set", "initialisation=he"], "LRUCell has its own initialisation"),
    ],
    ids=str,
)
def test_wrong_words_are_refused(place, capsys, words, expected):
    assert expected in refused(capsys, "train", "poems.txt", "--out", "x", *FEW, *words)
    assert not Path("x").exists()


# a cell of one's own


def test_the_file_is_kept_with_its_hash(place):
    assert Path("leaky/cell.py").read_text() == OWN
    manifest = json.loads(Path("leaky/manifest.json").read_text())
    assert manifest["cell.py"] == hashlib.sha256(OWN.encode()).hexdigest()
    assert (
        json.loads(Path("leaky/config.json").read_text())["settings"]["cell"] == "own.py:LeakyCell"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["generate", "leaky", "--length", 5],
        ["score", "leaky", "the sky"],
        ["next", "leaky", "the s"],
        ["eval", "leaky", "poems.txt"],
        ["explain", "leaky"],
    ],
    ids=lambda words: words[0],
)
def test_using_the_run_asks_for_trust(place, capsys, words):
    assert "--trust-code" in refused(capsys, *words)
    assert printed(capsys, *words, "--trust-code").out


def test_loading_in_python_asks_for_trust(place):
    with pytest.raises(unroll.UserError, match="trust_code=True"):
        unroll.load("leaky")
    assert (
        type(unroll.load("leaky", trust_code=True).model.stack[0].cells[0]).__name__ == "LeakyCell"
    )


def test_an_untrusted_file_is_never_run(place, capsys, tmp_path):
    shutil.copytree("leaky", tmp_path / "copy")
    rewrite(tmp_path / "copy", f"open({str(tmp_path / 'ran')!r}, 'w').close()\n" + OWN)
    refused(capsys, "generate", tmp_path / "copy")
    refused(capsys, "train", "poems.txt", "--out", tmp_path / "copy", "--resume", "--steps", 4)
    assert not (tmp_path / "ran").exists()
    printed(capsys, "generate", tmp_path / "copy", "--trust-code", "--length", 1)
    assert (tmp_path / "ran").exists()


def rewrite(folder, source):
    """Another cell.py, with a manifest that agrees."""
    (folder / "cell.py").write_text(source)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["cell.py"] = hashlib.sha256(source.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_changed_file_is_refused_even_with_trust(place, capsys, tmp_path):
    shutil.copytree("leaky", tmp_path / "copy")
    (tmp_path / "copy" / "cell.py").write_text(OWN + "\n")
    assert "SHA-256" in refused(capsys, "generate", tmp_path / "copy", "--trust-code")


def test_a_file_that_the_manifest_does_not_know_is_refused(place, capsys, tmp_path):
    shutil.copytree("leaky", tmp_path / "copy")
    manifest = json.loads((tmp_path / "copy" / "manifest.json").read_text())
    del manifest["cell.py"]
    (tmp_path / "copy" / "manifest.json").write_text(json.dumps(manifest))
    assert "cell.py" in refused(capsys, "generate", tmp_path / "copy", "--trust-code")


def test_resuming_asks_for_trust_and_takes_the_same_file(place, capsys, tmp_path):
    shutil.copytree("leaky", tmp_path / "copy")
    words = ["train", "poems.txt", "--out", tmp_path / "copy", "--resume", "--quiet", "--steps"]
    assert "--trust-code" in refused(capsys, *words, 3)
    printed(capsys, *words, 3, "--trust-code")
    printed(capsys, *words, 4, "--trust-code", "--cell", "own.py")
    (tmp_path / "other.py").write_text(OWN + "\n")
    said = refused(capsys, *words, 5, "--trust-code", "--cell", tmp_path / "other.py:LeakyCell")
    assert "SHA-256 differs" in said
    assert "keeps its settings" in refused(capsys, *words, 5, "--trust-code", "--cell", "gru")


def test_a_moved_run_needs_no_other_file(place, capsys, tmp_path):
    shutil.copytree("leaky", tmp_path / "copy")
    (tmp_path / "elsewhere").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "elsewhere")
        printed(capsys, "generate", tmp_path / "copy", "--trust-code", "--length", 3)


def test_the_only_class_need_not_be_named_and_options_reach_it(place, capsys, tmp_path):
    words = ["train", "poems.txt", "--cell", "own.py", "--out", tmp_path / "run", *FEW]
    said = printed(capsys, *words, "--cell-options", '{"leak": 0.25}').err
    assert "own.py:LeakyCell {'leak': 0.25}" in said and "generate" in said
    assert f"generate {tmp_path / 'run'} --trust-code" in said
    loaded = unroll.load(tmp_path / "run", trust_code=True)
    assert loaded.model.stack[0].cells[0].leak == 0.25


def test_a_function_may_make_the_cell(place, capsys, tmp_path):
    (tmp_path / "made.py").write_text(
        OWN + "\n\ndef slow(input_size, hidden_size):\n"
        "    return LeakyCell(input_size, hidden_size, leak=0.1)\n"
    )
    words = ["train", "poems.txt", "--cell", tmp_path / "made.py:slow", "--out", tmp_path / "run"]
    printed(capsys, *words, *FEW, "--quiet")
    assert unroll.load(tmp_path / "run", trust_code=True).model.stack[0].cells[0].leak == 0.1


def test_a_function_may_wrap_a_cell_of_ours(place, capsys, tmp_path):
    (tmp_path / "made.py").write_text(
        "import unroll\n\n\ndef noisy(input_size, hidden_size, keep=0.9):\n"
        "    cell = unroll.LSTMCell(input_size, hidden_size)\n"
        "    return unroll.ZoneoutCell(unroll.ResidualCell(cell), 1 - keep)\n"
    )
    words = ["train", "poems.txt", "--cell", tmp_path / "made.py:noisy", "--out", tmp_path / "run"]
    printed(capsys, *words, *FEW, "--quiet")
    printed(capsys, "generate", tmp_path / "run", "--trust-code", "--length", 3)


CELL = """\
import torch
import unroll


class MyCell(unroll.Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = torch.nn.Linear(input_size, hidden_size)

    def forward(self, x, h):
"""

WRONG = {
    "no such file": (None, "cannot be read: No such file"),
    "no Python": ("a = 1\nclass MyCell\n", "line 2: expected ':'"),
    "a NUL": ("a = 1\0\n", "wrong.py"),
    "an error": ("import torch\n\n1 / 0\n", "line 3: ZeroDivisionError: division by zero"),
    "an exit": ("import sys\nsys.exit(3)\n", "line 2: SystemExit"),
    "a neighbour": ("from nearby import x\n", "but not files beside it"),
    "no class": ("a = 1\n", "defines no subclass of unroll.Cell"),
    "two classes": (OWN + "class B(LeakyCell):\n    pass\n", "it defines LeakyCell, B"),
    "sizes": (
        "import unroll\nclass A(unroll.Cell):\n    def __init__(self, hidden_size):\n        pass\n",
        "A takes (hidden_size); expected (input_size, hidden_size)",
    ),
    "what it needs": (OWN.replace("leak=0.5", "leak"), "needs leak"),
    "constructor": (CELL.replace("nn.L", "nn.l") + "        return h, h\n", "line 8: AttributeError"),
    "no sizes": (
        CELL.replace("__(input_size, hidden_size)\n", "__()\n") + "        return h, h\n",
        "MyCell(12, 16) has input_size=None; expected 12",
    ),
    "one value": (CELL + "        return h\n", "expected (output, new state)"),
    "output": (CELL + "        return h[:, 1:], h\n", "returns an output [3, 15]"),
    "state": (CELL + "        return h, (h, h)\n", "changes its state"),
    "step": (CELL + "        return self.read(h) + x, h\n", "line 11: RuntimeError: mat1 and mat2"),
    "batch": (CELL + "        return self.read(x).view(3, 16), h\n", "line 11: RuntimeError"),
    "noise": (
        CELL.replace("x, h)", "x, h, noise)") + "        return h * noise['a'], h\n"
        "\n    def noise(self):\n        return {'a': unroll.Noise((16,))}\n",
        "line 11: TypeError",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_told_by_its_line(place, capsys, tmp_path, name):
    source, expected = WRONG[name]
    path = tmp_path / "wrong.py"
    if source is not None:
        path.write_text(source)
    embedded = ["--set", "embedding=12"]
    said = refused(
        capsys, "train", "poems.txt", "--cell", path, *embedded, "--out", tmp_path / "run", *FEW
    )
    assert expected in said and "wrong.py" in said and "Traceback" not in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("own.py:Leaky", "own.py has no 'Leaky'; it defines LeakyCell"),
        ("own.py:torch", "torch is not a cell of this file"),
    ],
)
def test_a_wrong_class_is_told_what_there_is(place, capsys, word, expected):
    assert expected in refused(capsys, "train", "poems.txt", "--cell", word, "--out", "x", *FEW)


@pytest.mark.parametrize("word", ["zoneout", "ZoneoutCell", "weight-drop"])
def test_a_wrapper_by_its_name_is_told_how_to_be_used(place, capsys, word):
    for words in (["cells", word], ["train", "poems.txt", "--cell", word]):
        assert "is a wrapper around a cell" in refused(capsys, *words)


def test_a_wrong_name_in_a_file_is_told_the_near_one(place, capsys):
    said = refused(capsys, "train", "poems.txt", "--cell", "own.py:LeekyCell")
    assert "Did you mean LeakyCell?" in said


def test_a_cell_that_fails_in_the_middle_of_training_is_named_with_its_line(place, capsys):
    late = OWN.replace(
        "        new = ",
        "        self.steps = getattr(self, 'steps', 0) + 1\n"
        "        if self.steps > 40:\n"
        "            raise KeyError('late')\n        new = ",
    )
    (place / "late.py").write_text(late)
    words = ["train", "poems.txt", "--cell", "late.py", "--out", "late", "--set", "batch_size=2"]
    said = printed(capsys, *words, *FEW, "--quiet", code=2).err
    assert "late.py, line 14: KeyError: 'late'." in said and "fault of unroll" not in said
