import json

from unroll.cli.main import run


def test_compare_writes_text_json_and_pages(tmp_path, capsys):
    page = tmp_path / "compare.html"
    words = [
        "compare",
        "rnn,lstm",
        "--task",
        "hello",
        "--seeds",
        "1",
        "--steps",
        "3",
        "--hidden",
        "4",
    ]
    assert run([*words, "--out", str(page)], False) == 0
    out = capsys.readouterr().out
    assert out.startswith("The next letter of hello: rnn, lstm.") and "chance" in out
    assert "unroll compare rnn,lstm --task hello" in page.read_text()
    assert run([*words, "--json"], False) == 0
    assert set(json.loads(capsys.readouterr().out)["cells"]) == {"rnn", "lstm"}


def test_compare_refuses_in_a_sentence(tmp_path, capsys):
    for words in (
        ["compare", "rnn", "--task", "helo"],
        ["compare", "rnn", "--task", "hello", "--runs", "x"],
        ["compare", ","],
    ):
        assert run(words, False) == 2
        error = capsys.readouterr().err
        assert error.startswith("unroll: ") and "Traceback" not in error and len(error) < 300


def test_compare_takes_a_file_of_data(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{'good' if n % 2 else 'bad'} film {n},{'yes' if n % 2 else 'no'}" for n in range(60)]
    (tmp_path / "d.csv").write_text("text,label\n" + "\n".join(rows))
    words = ["compare", "rnn,gru", "--task", "d.csv", "--steps", "2", "--hidden", "4"]
    assert run([*words, "--json"], False) == 0
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert found["metric"] == "accuracy" and (tmp_path / "runs/compare/gru-1").is_dir()


def test_clipping_beside_none_in_one_command(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["compare", "rnn_relu", "--task", "adding", "--gain", "0.5,4", "--clip", "none,1"]
    words += ["--optimizer", "sgd", "--init", "identity", "--steps", "2", "--hidden", "8"]
    assert run([*words, "--seeds", "1", "--learning-rate", "0.1", "--svg", "it"], False) == 0
    out = capsys.readouterr().out
    assert "rnn_relu gain 4 clip none: " in out and "It diverged" in out
    assert {path.name for path in (tmp_path / "it").iterdir()} == {
        "accuracy.svg",
        "losses.svg",
        "gradients.svg",
    }
    assert run(["compare", "rnn", "--clip", "none,x"], False) == 2
    assert "expected numbers or none" in capsys.readouterr().err


def test_the_data_of_a_problem_is_written(tmp_path, capsys):
    folder = tmp_path / "data"
    words = ["compare", "--task", "counting", "--write-data", str(folder)]
    assert run(words, False) == 0
    assert "unroll train" in capsys.readouterr().out
    assert (folder / "counting.txt").read_text().count("\n") == 5000
    assert run(words, False) == 2 and "nothing was overwritten" in capsys.readouterr().err
    assert run([*words, "--overwrite"], False) == 0
    assert run(["compare", "rnn", *words[1:]], False) == 2
    assert run(["compare"], False) == 2
