"""What goes wrong is told in one sentence, with exit code 2 and no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unroll.cli.main import run

GOOD = "some text that is long enough to learn from.\n" * 60


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("errors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        Path("good.txt").write_text(GOOD)
        Path("empty.txt").write_text("")
        Path("blank.txt").write_text("\n\n\n")
        Path("binary.txt").write_bytes(b"\x7f\x03\x00\x01" * 40)
        Path("latin.txt").write_bytes("café ".encode("latin-1") * 100)
        Path("wide.txt").write_bytes("text".encode("utf-16"))
        Path("picture.png").write_bytes(b"\x89PNG")
        Path("cut.gz").write_bytes(b"\x1f\x8b\x08\x00 not a gzip")
        Path("nothing").mkdir()
        Path("no_text").mkdir()
        Path("no_text/picture.png").write_bytes(b"\x89PNG")
        Path("bad.jsonl").write_text('{"text": "fine"}\nnot json\n')
        Path("names.tsv").write_text("".join(f"name {n}\tkind {n % 3}\n" for n in range(100)))
        words = [
            "--steps",
            "3",
            "--hidden",
            "8",
            "--threads",
            "1",
            "--quiet",
            "--set",
            "floor=none",
        ]
        assert run(["train", "good.txt", "--out", "run", *words], False) == 0
        yield folder


TRAIN = [
    (["missing.txt"], "There is no file"),
    (["empty.txt"], "is empty"),
    (["binary.txt"], "binary data"),
    (["latin.txt"], "not UTF-8"),
    (["wide.txt"], "UTF-16"),
    (["nothing"], "holds no text"),
    (["no_text"], "holds no text"),
    (["picture.png"], "does not look like"),
    (["cut.gz"], "gzip"),
    (["bad.jsonl"], "line 2"),
    (["good.txt", "--cell", "lsmt"], "lstm"),
    (["good.txt", "--hidden", "many"], "--hidden"),
    (["good.txt", "--hidden", "0"], "--hidden"),
    (["good.txt", "--seconds", "-3"], "--seconds"),
    (["good.txt", "--seconds", "3", "--steps", "3"], "one of them"),
    (["good.txt", "--level", "sound"], "--level"),
    (["good.txt", "--set", "colour=red"], "no setting"),
    (["good.txt", "--set", "dropout"], "key=value"),
    (["good.txt", "--set", "dropout=1.5"], "dropout"),
    (["good.txt", "--device", "toaster"], "--device"),
    (["good.txt", "--task", "juggle"], "--task"),
    (["good.txt", "--task", "langauge"], "did you mean language?"),
    (["good.txt", "--set", "hiden=3"], "did you mean hidden?"),
    (["good.txt", "--set", "bidirectional=true"], "is a setting of the tasks"),
    (["good.txt", "--threads", "100000"], "at most 4096"),
    (["good.txt", "--cell-options", "[" * 50_000], "nested too deeply"),
    ([""], "DATA is empty"),
    (["a" * 300], "too long for a path"),
    (["good.txt", "--out", ""], "--out is empty"),
    (["good.txt", "--out", "a" * 300], "too long for a path"),
    (["good.txt", "--valid", ""], "--valid is empty"),
    (["good.txt", "--valid", "a" * 300], "too long for a path"),
    (["good.txt/more"], "There is no file"),
    (["good.txt", "--set", ""], "key=value"),
    (["good.txt", "--resume"], "--out"),
    (["good.txt", "--out", "x" * 300], "too long for a path"),
    (["good.txt", "--threads", "3000"], "--threads got 3000; this machine has"),
    (["good.txt", "--threads", "100000"], "--threads"),
    (["good.txt", "--cell-options", "[" * 50_000], "nested too deeply"),
    (["good.txt", "--resume", "--out", "nothing"], "not a run folder"),
    (["good.txt", "--out", "run"], "exists already"),
    (["good.txt", "--out", "no_text", "--overwrite"], "not a run folder"),
    (["good.txt", "--condition", "1"], "per-line"),
    (["good.txt", "--per-line", "--condition", "1"], "one column"),
    (["names.tsv", "--per-line", "--condition", "1"], "--condition 2"),
    (["names.tsv", "--per-line", "--condition", "7"], "columns 1 to 2"),
    (["good.txt", "--valid", "gone.txt"], "gone.txt"),
    (["good.txt", "--bogus"], "--bogus"),
    (["good.txt", "--out", "run", "--resume", "--overwrite"], "both given"),
    (["good.txt", "--out", "run", "--resume", "--quiet"], "at step 3 of 3"),
    (
        ["good.txt", "--level", "word", "--set", "tie=true", "--set", "embedding=7"],
        "tie=true needs",
    ),
]

USE = [
    (["eval", "nothing", "good.txt"], "not a run folder"),
    (["eval", "run", "empty.txt"], "is empty"),
    (["eval", "run", "missing.txt"], "There is no file"),
    (["eval", "run", ""], "DATA is empty"),
    (["eval", "run", "a" * 300], "too long for a path"),
    (["predict", "run", ""], "DATA is empty"),
    (["predict", "run", "--input", "a", "--set", "help"], "has no setting that can be changed"),
    (["predict", "run", "good.txt", "--out", "a" * 300], "too long for a path"),
    (["score", "", "a"], "RUN is empty"),
    (["score", "a" * 300, "a"], "too long for a path"),
    (["score", "run", "--file", ""], "--file is empty"),
    (["score", "run", "--file", "a" * 300], "too long for a path"),
    (["inspect", "states", "run", "a", "--svg", ""], "--svg is empty"),
    (["score", "run"], "neither"),
    (["score", "run", ""], "empty"),
    (["score", "run", "a", "--condition", "x"], "without a condition"),
    (["next", "run", "日本"], "never seen"),
    (["next", "run", "a", "--top", "0"], "--top"),
    (["generate", "run", "--prompt", "日本"], "never seen"),
    (["generate", "run", "--temperature", "-1"], "--temperature"),
    (["generate", "run", "--temperature", "nan"], "--temperature"),
    (["generate", "run", "--top-p", "0"], "--top-p"),
    (["generate", "run", "--top-k", "-4"], "--top-k"),
    (["generate", "run", "--length", "-4"], "--length"),
    (["generate", "run", "--length", "x"], "--length"),
    (["generate", "run", "--seed", "9" * 30], "--seed"),
    (["generate", "gone"], "does not exist"),
    (["explain", "gone"], "does not exist"),
    (["explain", "nothing"], "not a run folder"),
    (["explain", "run", "--device", "toaster"], "--device"),
    (["explain", "run", "more"], "more"),
    (["explain"], "RUN"),
    (["dance"], "dance"),
]


def short_id(value):
    """Of a test: the words of its command, or what is expected."""
    return (" ".join(value) if isinstance(value, list) else value)[:50]


def check(capsys, words, expected):
    before = sorted(Path().rglob("*"))
    assert run(words, False) == 2
    said = capsys.readouterr().err
    assert expected in said and said.startswith("unroll: ")
    assert len(said.strip().splitlines()) == 1 and "Traceback" not in said
    assert len(said) < 400
    after = [p for p in sorted(Path().rglob("*")) if "cache" not in p.parts]
    assert after == [p for p in before if "cache" not in p.parts], "trouble left something behind"


@pytest.mark.parametrize(("words", "expected"), TRAIN, ids=short_id)
def test_train_refuses(place, capsys, words, expected):
    check(capsys, ["train", *words], expected)


@pytest.mark.parametrize(("words", "expected"), USE, ids=short_id)
def test_using_a_run_refuses(place, capsys, words, expected):
    check(capsys, words, expected)


@pytest.mark.parametrize("name", ["config.json", "vocabulary.json"])
def test_a_damaged_run_is_refused_by_name(place, capsys, tmp_path, name):
    import shutil

    shutil.copytree("run", tmp_path / "copy")
    path = tmp_path / "copy" / name
    path.write_bytes(path.read_bytes()[:-2])
    assert run(["generate", str(tmp_path / "copy")], False) == 2
    said = capsys.readouterr().err
    assert name in said and "Traceback" not in said


def test_what_is_not_needed_may_be_lost(place, capsys, tmp_path):
    import shutil

    shutil.copytree("run", tmp_path / "copy")
    (tmp_path / "copy" / "result.json").unlink()
    (tmp_path / "copy" / "baseline.safetensors").unlink()
    assert run(["generate", str(tmp_path / "copy"), "--length", "3"], False) == 0
    assert run(["eval", str(tmp_path / "copy"), "good.txt"], False) == 2
    assert "baseline.safetensors is missing" in capsys.readouterr().err
    resume = ["train", "good.txt", "--out", str(tmp_path / "copy"), "--resume", "--steps", "4"]
    assert run(resume, False) == 0
    assert run(["eval", str(tmp_path / "copy"), "good.txt"], False) == 0


def test_damaged_weights_are_replaced_by_the_checkpoints(place, capsys, tmp_path):
    import shutil

    shutil.copytree("run", tmp_path / "copy")
    path = tmp_path / "copy" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-2])
    assert run(["generate", str(tmp_path / "copy"), "--length", "3"], False) == 0
    assert "step-000000003 are used instead" in capsys.readouterr().err


def test_a_pickle_is_never_loaded(place, capsys, tmp_path):
    import pickle
    import shutil

    shutil.copytree("run", tmp_path / "copy")

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    bomb = pickle.dumps(Bomb())
    for path in (tmp_path / "copy").rglob("*.safetensors"):
        path.write_bytes(bomb)
    run(["generate", str(tmp_path / "copy")], False)
    assert not (tmp_path / "exploded").exists()


def test_debug_shows_the_traceback(place, capsys):
    assert run(["train", "missing.txt"], True) == 2
    assert "Traceback" in capsys.readouterr().err


def test_help_and_wrong_words_do_not_load_torch():
    code = (
        "import sys\nfrom unroll.cli.main import run\n"
        "codes = [run(words, False) for words in (['--help'], ['train', '--help'], ['cells'], "
        "['cells', '--json'], ['cells', 'lsmt'], ['train', 'x', '--cell', 'lsmt'], "
        "['train', 'x', '--cell', 'gone.py:MyCell'], "
        "['train', 'gone.txt'], ['train', 'x', '--steps', 'y'], ['generate', 'gone'], "
        "['explain', '--help'], ['explain', 'gone'])]\n"
        "assert codes == [0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 0, 2], codes\n"
        "loaded = {'torch', 'numpy', 'tokenizers'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_import_unroll_loads_nothing_heavy():
    code = "import sys, unroll; assert not {'torch', 'numpy', 'rich', 'typer'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_json_of_train_is_json_lines(place, capsys, tmp_path):
    words = ["--steps", "3", "--hidden", "8", "--threads", "1", "--json"]
    assert run(["train", "good.txt", "--out", str(tmp_path / "run"), *words], False) == 0
    for line in capsys.readouterr().out.splitlines():
        json.loads(line)


def test_a_header_is_found_and_quotes_are_read(place, capsys, tmp_path):
    rows = "".join(f'"name, {n}",kind {n % 3}\n' for n in range(60))
    (tmp_path / "names.csv").write_text("name,kind\n" + rows)
    words = ["train", str(tmp_path / "names.csv"), "--per-line", "--condition", "2", "--quiet"]
    words += ["--out", str(tmp_path / "run"), "--steps", "3", "--hidden", "8", "--threads", "1"]
    assert run(words, False) == 0
    assert json.loads((tmp_path / "run" / "categories.json").read_text()) == [
        "kind 0",
        "kind 1",
        "kind 2",
    ]
    vocabulary = json.loads((tmp_path / "run" / "vocabulary.json").read_text())
    assert "Line 1" not in capsys.readouterr().err  # --quiet
    assert "," in vocabulary["characters"] and '"' not in vocabulary["characters"]


def test_an_empty_category_is_named_by_its_line(place, capsys, tmp_path):
    (tmp_path / "names.tsv").write_text("a\tx\nb\t\n" * 30)
    words = ["train", str(tmp_path / "names.tsv"), "--per-line", "--condition", "2"]
    assert run(words, False) == 2
    assert "line 2: no category" in capsys.readouterr().err


def test_a_wrong_backend_variable_is_refused(place, capsys, monkeypatch):
    monkeypatch.setenv("UNROLL_BACKEND", "nonsense")
    assert run(["train", "good.txt", "--out", "other", "--steps", "1"], False) == 2
    assert "UNROLL_BACKEND" in capsys.readouterr().err


def test_the_backend_variable_is_obeyed_by_training(place, tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLL_BACKEND", "loop")
    words = ["--steps", "1", "--hidden", "8", "--threads", "1", "--set", "block=4", "--quiet"]
    assert run(["train", "good.txt", "--out", str(tmp_path / "run"), *words], False) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["settings"]["backend"] == "loop"


def test_a_header_is_said_and_a_held_out_file_may_have_none(place, capsys, tmp_path):
    rows = "".join(f"name {n}\tkind {n % 3}\n" for n in range(60))
    (tmp_path / "names.tsv").write_text("name\tkind\n" + rows)
    (tmp_path / "valid.tsv").write_text("anna\tkind 1\n")
    words = ["train", str(tmp_path / "names.tsv"), "--per-line", "--condition", "2"]
    words += ["--valid", str(tmp_path / "valid.tsv"), "--out", str(tmp_path / "run")]
    assert run([*words, "--steps", "3", "--hidden", "8", "--threads", "1"], False) == 0
    assert "Line 1 is read as the names of the columns: name, kind." in capsys.readouterr().err
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["tokens"] == len("anna") + 1
