"""`unroll inspect`: words, files, and what is refused."""

import json
import subprocess
import sys

import pytest

import unroll
from unroll.cli.main import run


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_and_wrong_words_cost_no_torch():
    code = (
        "import sys; from unroll.cli import inspect; import unroll.inspect; "
        "import unroll.inspect.finding; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of a language model, its text beside it."""
    from unroll.training.report import QuietReport

    folder = tmp_path_factory.mktemp("trained")
    (folder / "text.txt").write_text('a "rose" (is) a rose.\n' * 60)
    small = {"steps": 2, "hidden": 8, "threads": 1, "backend": "loop", "block": 16}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        unroll.train(folder / "text.txt", folder / "run", report=QuietReport(), **small)
        yield folder / "run"


def looked(capsys, *words, code=0):
    assert run(["inspect", *map(str, words)], False) == code
    return capsys.readouterr()


def test_each_command_tells_and_names_its_page(capsys, trained):
    data = trained.parent / "text.txt"
    for words, expected in (
        (["states", trained, 'a "rose"'], "Units with the best scores"),
        (["gates", trained, data], "forget gate"),
        (["vectors", trained, "--near", "r"], "Near r (tokens):"),
        (["results", trained], "A token costs"),
        (["gradients", trained, data, "--noise", "--length", 9], "white noise"),
    ):
        out = looked(capsys, *words).out
        assert expected in out, words[0]
        assert out.splitlines()[-1].endswith(f"--out {words[0]}.html")
        facts = json.loads(looked(capsys, *words, "--json").out)
        assert facts["conditions"]["run"] == str(trained)


def test_every_picture_goes_to_a_folder(capsys, trained, place):
    pytest.importorskip("PIL", reason="Pillow is not installed: pip install pillow")
    folders = ["--svg", "it", "--csv", "it", "--png", "it", "--out", "it.html"]
    words = ["gates", trained, trained.parent / "text.txt", *folders]
    looked(capsys, *words)
    names = {path.name for path in (place / "it").iterdir()}
    kinds = ("saturation", "distribution", "input_gate", "forget_gate", "output_gate")
    assert names == {f"{kind}.{end}" for kind in kinds for end in ("svg", "csv", "png")}
    assert (place / "it" / "saturation.png").read_bytes()[:4] == b"\x89PNG"
    assert "it.html exists already" in looked(capsys, *words, code=2).err
    looked(capsys, *words, "--overwrite")


def test_a_report_stands_in_the_run_unless_it_is_said_otherwise(capsys, trained, place):
    said = looked(capsys, "report", trained).err
    assert f"Written: {trained / 'report.html'}" in said and "Inspecting gates." in said
    assert "<section" in (trained / "report.html").read_text()
    unroll.load(trained)  # the run is still whole
    assert set(json.loads(looked(capsys, "report", trained, "--json").out)["parts"]) >= {"states"}


def test_what_is_wrong_with_a_look_is_told_in_a_sentence(capsys, trained):
    for words, expected in (
        (["states", trained], "neither TEXT nor --file"),
        (["states", trained, "a", "--file", "b"], "both TEXT and --file"),
        (["states", trained, "--file", "none.txt"], "none.txt cannot be read"),
        (["states", "nothing", "a"], "does not exist"),
        (["gates", trained, "none.txt"], "none.txt"),
        (["vectors", trained, "--near", "rx"], "'rx'; expected a token of the run"),
        (["attention", trained, "a"], "has no attention"),
        (["gates", trained, "x", "--png", "no/it.png"], "there is no folder"),
    ):
        said = looked(capsys, *words, code=2).err
        assert expected in said and said.startswith("unroll: ") and said.count("\n") == 1, said


@pytest.mark.parametrize("flag", ["--length", "--hidden", "--batch", "--seed"])
def test_numbers_beyond_all_bounds_are_refused(printed, flag):
    said = printed("inspect", "gradients", "--cells", "rnn", flag, "1" + "0" * 30, code=2).err
    assert said.startswith(f"unroll: {flag} got 1000") and len(said) < 300


def test_a_cell_is_walked_in_words_json_and_a_page(place, capsys):
    words = ["inspect", "cell", "lstm", "aab", "--weights", "counter", "--notation", "karpathy"]
    assert run([*words, "--out", "cell.html"], False) == 0
    out = capsys.readouterr().out
    assert "3. The new memory" in out and "  c_t  2.000" in out
    assert "unroll inspect cell lstm aab --weights counter" in (place / "cell.html").read_text()
    assert run([*words, "--json"], False) == 0
    assert [step["c_t"] for step in json.loads(capsys.readouterr().out)["steps"]] == [[1], [2], [1]]
    assert run(["inspect", "cell", "gru", "--notation", "greek"], False) == 2
    assert capsys.readouterr().err.startswith("unroll: --notation got 'greek'")
