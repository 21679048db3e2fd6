"""What is reported while a network trains: plain lines every few seconds, or one JSON object per line."""

import io
import json
import logging
import math
from types import SimpleNamespace

import pytest

from unroll.training import report
from unroll.training.report import (
    JsonReport,
    LiveReport,
    PlainReport,
    QuietReport,
    TokenRate,
    format_clock,
    make_report,
    reported,
)

VALIDATION = {"loss": 1.5, "bits_per_character": 2.164}


def metrics(step, loss=2.0):
    return {"step": step, "loss": loss, "tokens": 1000.0 * step, "seconds": 0.5 * step}


def test_plain_lines_come_now_and_then(monkeypatch):
    now = SimpleNamespace(time=100.0)
    monkeypatch.setattr(report, "time", SimpleNamespace(monotonic=lambda: now.time))
    out = io.StringIO()
    plain = PlainReport("characters", out)
    for step in range(1, 41):
        plain.step(metrics(step), step / 40, 65.0)
        now.time += 0.5
    plain.close()
    assert out.getvalue().splitlines() == [
        "  2%  step 1  loss 2.000  1:05 left",
        " 52%  step 21  loss 2.000  2,000 characters/s  1:05 left",
    ]


def test_plain_evaluations_show_metrics_and_an_indented_sample():
    out = io.StringIO()
    plain = PlainReport("words", out)
    plain.log("hello")
    plain.evaluation(20, VALIDATION, True, "two\nlines")
    plain.evaluation(30, VALIDATION, False, None)
    assert out.getvalue().splitlines() == [
        "hello",
        "step 20  validation loss 1.5000  bits per character 2.164  (best)",
        "    | two",
        "    | lines",
        "step 30  validation loss 1.5000  bits per character 2.164",
    ]


def test_json_is_one_object_a_line_even_where_metrics_are_not_finite():
    out = io.StringIO()
    lines = JsonReport(out)
    lines.log("a\nb")
    lines.step(metrics(1), 0.1, 5.0)
    lines.evaluation(20, {"loss": math.nan}, False, "x")

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    found = [json.loads(line, parse_constant=refuse) for line in out.getvalue().splitlines()]
    assert found == [
        {"message": "a\nb"},
        {"step": 20, "validation": {"loss": "nan"}, "best": False, "sample": "x"},
    ]


def test_the_report_fits_where_it_is_read(monkeypatch, capsys):
    assert isinstance(make_report("x"), PlainReport)
    assert isinstance(make_report("x", as_json=True), JsonReport)
    assert type(make_report("x", as_json=True, quiet=True)) is QuietReport
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: True, write=lambda _: None))
    assert isinstance(make_report("x"), LiveReport)


@pytest.mark.parametrize("kind", [QuietReport, lambda: LiveReport("words")], ids=["quiet", "live"])
def test_results_never_mix_with_messages(kind, capsys):
    quiet = kind()
    quiet.log("[bold]hello[/bold]")
    quiet.step(metrics(1, math.nan), 0.1, 1.0)
    quiet.step(metrics(2), 0.2, 1.0)
    quiet.evaluation(2, VALIDATION, True, "a [sample]")
    quiet.close()
    quiet.close()
    found = capsys.readouterr()
    assert found.out == ""
    if isinstance(quiet, LiveReport):
        assert "[bold]hello[/bold]" in found.err and "a [sample]" in found.err
    else:
        assert found.err == ""


def test_the_rate_is_of_this_process_not_of_the_whole_run():
    rate = TokenRate()
    rate.update({"tokens": 1_000_000.0, "seconds": 1000.0})
    assert math.isnan(rate.per_second)
    rate.update({"tokens": 1_000_500.0, "seconds": 1010.0})
    assert rate.per_second == 50.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (0.5, "0:01"), (65, "1:05"), (3599.6, "1:00:00"), (7384, "2:03:04")],
)
def test_seconds_are_shown_as_a_clock(seconds, text):
    assert format_clock(seconds) == text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_reports_steer_no_terminal_and_fit_it(encoding, monkeypatch):
    for make in (lambda out: PlainReport("words", out), lambda out: LiveReport("words")):
        out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr("sys.stderr", out)
        one = make(out)
        one.log("label \x1b[31m 日")
        one.evaluation(1, VALIDATION, True, "\x1b]0;title\x07 ü日")
        one.close()
        out.flush()
        printed = out.buffer.getvalue().decode(encoding)
        assert "\x1b[31m" not in printed and "label \\x1b[31m ?" in printed
        assert "\\x1b]0;title\\x07" in printed


def test_a_report_shows_what_is_logged_and_a_quiet_one_nothing():
    out, logger = io.StringIO(), logging.getLogger("unroll")
    level = logger.level
    with reported(PlainReport("words", out)):
        logger.info("Waiting for the compiler.")
    logger.info("Nobody hears.")
    with reported(QuietReport(), quiet=True):
        assert not report.is_reported()
    assert out.getvalue() == "Waiting for the compiler.\n" and logger.level == level
