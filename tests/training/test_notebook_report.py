"""Training in a notebook rewrites one output."""

import sys
from types import SimpleNamespace

import pytest

from unroll.training import notebook_report
from unroll.training.notebook_report import NotebookReport, in_notebook

METRICS = {"step": 1, "loss": 2.0, "tokens": 100.0, "seconds": 1.0}


@pytest.fixture
def outputs(monkeypatch):
    """What is displayed: the first output, and each version of it."""
    shown = []

    def display(content, raw, display_id):
        assert raw and display_id
        shown.append(content)
        return SimpleNamespace(update=lambda content, raw: shown.append(content))

    module = SimpleNamespace(display=display)
    monkeypatch.setattr(notebook_report, "import_module", lambda name: module)
    return shown


def test_one_output_is_rewritten(outputs, monkeypatch):
    now = SimpleNamespace(time=0.0)
    monkeypatch.setattr(notebook_report, "monotonic", lambda: now.time)
    report = NotebookReport("words")
    report.log("read <b>this</b> \x1b[31m")
    for step in range(1, 100):
        now.time += 0.01
        report.step({**METRICS, "step": step}, step / 100, 5.0)
    assert len(outputs) < 5  # twice a second
    report.evaluation(99, {"loss": 1.5}, True, "a <i>sample</i>")
    report.close()
    report.log("accuracy 0.9")
    last = outputs[-1]
    assert "step 99  validation loss 1.5000  (best)" in last["text/plain"]
    assert "accuracy 0.9<" in last["text/html"] and "<details>" in last["text/html"]
    assert not {"<b>", "<i>"} & set(last["text/html"].split()) and "\x1b" not in str(last)
    assert "&lt;b&gt;this" in last["text/html"] and "&lt;i&gt;sample" in last["text/html"]


def test_a_notebook_is_found_without_loading_ipython(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    assert not in_notebook()
    shell = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert not in_notebook()  # IPython in a terminal
    shell.kernel = object()
    assert in_notebook()
