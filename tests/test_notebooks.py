"""Real notebooks: what their cells show."""

import os

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

# the packages of Jupyter warn of each other
pytestmark = pytest.mark.filterwarnings("default")


def executed(folder, *cells):
    """The outputs of each cell of a notebook that runs in a folder."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=os.environ | {"OMP_NUM_THREADS": "1", "UNROLL_BACKEND": "loop"})
    return [cell.outputs for cell in notebook.cells]


def test_a_notebook_that_trains_shows_one_line_and_its_run(tmp_path):
    (tmp_path / "text.txt").write_text("a <b>rose</b> is a rose.\n" * 60)
    train = (
        "import logging, unroll\n"
        "run = unroll.train('text.txt', 'run', steps=40, hidden=8, threads=1, {})"
    )
    trained, shown, short, quiet, silent = executed(
        tmp_path, train.format("cell='gru'"), "run", "print(repr(run))",
        train.format("overwrite=True, quiet=True"),
        "logging.getLogger('unroll').setLevel('ERROR')\n"
        + train.format("cell='lstm', overwrite=True"),
    )  # fmt: skip
    (output,) = trained
    assert output.output_type == "display_data"
    assert "100%" in output.data["text/plain"] and "<progress" in output.data["text/html"]
    (output,) = shown
    assert "<svg" in output.data["text/html"] and "perplexity" in output.data["text/html"]
    assert "<b>" not in output.data["text/html"]
    assert output.data["text/plain"].startswith("<LanguageRun run: ")
    assert len(short[0].text) < 200
    assert quiet == []
    assert [output.output_type for output in silent] == ["display_data"]


def test_a_notebook_shows_layers_recordings_and_findings(tmp_path):
    layer, drop_in, record, finding, report, text = executed(
        tmp_path,
        "import torch, unroll\nunroll.Recurrent('gru', 3, 4)",
        "unroll.LSTM(3, 4)",
        "record = unroll.Recording()\n"
        "output, _ = unroll.unroll(unroll.LSTMCell(3, 4), torch.randn(5, 2, 3), record=record)\n"
        "output.sum().backward()\nrecord",
        "from unroll.inspect import gradients_of_cells\n"
        "finding = gradients_of_cells(['rnn', 'lstm'], length=20, hidden=8, batch=2)\nfinding",
        "finding.picture()",
        "print(repr(finding))",
    )
    for outputs, expected in (
        (layer, "backend"), (drop_in, "backend"), (record, "<img"), (finding, "<svg"),
        (report, "<svg"),
    ):  # fmt: skip
        (output,) = outputs
        assert expected in output.data["text/html"]
        assert len(output.data["text/plain"]) < 400
    assert len(text[0].text) < 400
