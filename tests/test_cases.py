"""Files in the forms that people have, with the values that are right, through the command line.

They are in ../shared/cases, and not part of the product. `.ci/run` runs this.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).parents[2] / "shared" / "cases"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not CASES.exists(), reason="there is no ../shared/cases"),
]
SHORT = ["--steps", "20", "--hidden", "8", "--quiet"]
AHEAD = ["--set", "horizon=3", "--set", "history=14"]


def unroll(folder, *words, **environment):
    """The exit code, standard output and standard error of a command."""
    done = subprocess.run(
        [sys.executable, "-m", "unroll", *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), **environment},
        timeout=300,
    )
    assert "Traceback" not in done.stderr and "fault of unroll" not in done.stderr, done.stderr
    return done


def check(folder, path, *words):
    done = unroll(folder, "data", "check", CASES / path, "--json", *words)
    assert done.returncode in (0, 1), done.stderr  # 1: it names bad records
    return json.loads(done.stdout)


def trained(folder, path, *words):
    done = unroll(folder, "train", CASES / path, "--out", "run", *SHORT, *words)
    assert done.returncode == 0, done.stderr
    return done


def forecast(folder, path, *words):
    """The forecasts of a run on a table, after the last row of it."""
    trained(folder, path, *AHEAD, *words)
    done = unroll(folder, "predict", "run", CASES / path, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[0])


@pytest.mark.parametrize("name", ["reviews.csv", "tabs.csv"])
def test_separators(name, tmp_path):
    facts = check(tmp_path, f"20-semicolon-labels/{name}")
    assert (facts["task"], facts["labels"]) == ("classify", {"good": 30, "bad": 30})


@pytest.mark.parametrize("name", ["slashiso.csv", "unpadded.csv", "monthname.csv"])
def test_dates(name, tmp_path):
    facts = check(tmp_path, f"03-date-forms/{name}")
    assert (facts["from"], facts["to"], facts["step"]) == ("2023-01-01", "2023-03-31", "day")
    assert facts["columns"] == ["y"]


def test_decimal_commas(tmp_path):
    found = forecast(tmp_path, "01-decimal-comma/load.csv", "--target", "load")
    assert found["last"] == 15.79
    assert all(10 < row["value"] < 40 for row in found["forecast"])


def test_thousands_by_a_dot(tmp_path):
    words = ["--target", "besucher"]
    path = CASES / "16-dotted-thousands/visitors.csv"
    done = unroll(tmp_path, "train", path, "--out", "run", *SHORT, *AHEAD, *words)
    if done.returncode == 0:
        predicted = unroll(tmp_path, "predict", "run", path, "--json")
        rows = json.loads(predicted.stdout)["forecast"]
        assert all(500 < row["value"] < 2000 for row in rows)
    else:
        assert done.returncode == 2 and "thousands" in done.stderr


def test_zones(tmp_path):
    found = forecast(tmp_path, "04-dst-offsets/hourly.csv", "--target", "load")
    first = found["forecast"][0]["time"]
    assert first.replace("T", " ").startswith("2022-11-04 23:00")


@pytest.mark.parametrize("words", [(), ("--set", "every=month")])
def test_months_by_their_30th(words, tmp_path):
    found = forecast(tmp_path, "08-month-ends-leap/thirtieth.csv", "--target", "y", *words)
    days = [row["time"][:10] for row in found["forecast"]]
    assert days == ["2024-03-30", "2024-04-30", "2024-05-30"]


def test_a_nameless_index_is_passed_over(tmp_path):
    done = trained(tmp_path, "14-unnamed-columns/index.csv", *AHEAD)
    assert done.returncode == 0
    facts = check(tmp_path, "14-unnamed-columns/index.csv")
    assert facts["columns"] == ["y"]


def test_what_a_file_is(tmp_path):
    facts = check(tmp_path, "50-tatoeba-columns/fra.txt")
    assert (facts["task"], facts["pairs"]) == ("translate", 64)
    facts = check(tmp_path, "25-fasttext/train.txt")
    assert facts["task"] == "classify" and {"good", "bad", "long"} == set(facts["labels"])


@pytest.mark.parametrize("name", ["REVIEWS.CSV", "list.json", "r.csv.bz2", "book.xlsx"])
def test_containers(name, tmp_path):
    if name.endswith("xlsx"):
        pytest.importorskip("openpyxl")
    facts = check(tmp_path, f"26-containers/{name}")
    assert (facts["task"], facts["labels"]) == ("classify", {"0": 30, "1": 30})


def test_one_odd_tag(tmp_path):
    facts = check(tmp_path, "47-one-odd-tag/one.conll")
    assert facts["scheme"] == "BIO"
    assert any("line 3" in sentence for sentence in facts["problems"])
    refused = unroll(
        tmp_path, "train", CASES / "47-one-odd-tag/one.conll", "--out", "strict", *SHORT
    )
    assert refused.returncode == 2 and "line 3" in refused.stderr
    trained(tmp_path, "47-one-odd-tag/one.conll", "--skip-bad")


def test_untidy_columns(tmp_path):
    facts = check(tmp_path, "45-untidy-columns/trailtab.conll")
    assert (facts["sentences"], facts["words"]) == (40, 292)
    trained(tmp_path, "45-untidy-columns/trailtab.conll")


def test_a_label_that_looks_like_a_header(tmp_path):
    facts = check(tmp_path, "29-label-like-header/acts.csv")
    assert facts["rows"] == 60 and set(facts["labels"].values()) == {20}


def test_windows_text(tmp_path):
    done = unroll(tmp_path, "train", CASES / "88-windows-text/essay.txt", "--out", "run", *SHORT)
    assert done.returncode == 2 and "WINDOWS-1252" in done.stderr


def test_backslash_paths(tmp_path):
    facts = check(tmp_path, "65-paths-and-manifests/windows.csv")
    assert (facts["task"], facts["rows"], facts["bad"]) == ("transcribe", 10, 0)


def test_common_voice(tmp_path):
    facts = check(tmp_path, "63-common-voice/validated.tsv")
    assert facts["task"] == "transcribe" and facts["bad"] == 0


def test_archives_of_sequences(tmp_path):
    facts = check(tmp_path, "76-ucr-archives/Nan_TRAIN.tsv")
    assert facts["rows"] == 40
    assert facts["lengths"]["longest"] == 20
    trained(tmp_path, "76-ucr-archives/Nan_TRAIN.tsv")


def test_labels_that_are_numbers(tmp_path):
    trained(tmp_path, "28-number-labels/train.csv")
    done = unroll(tmp_path, "eval", "run", CASES / "28-number-labels/test.csv", "--json")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_terminals_of_other_encodings(encoding, tmp_path):
    trained(tmp_path, "85-unicode-characters/chat.txt")
    done = unroll(
        tmp_path, "generate", "run", "--length", "100", PYTHONIOENCODING=encoding, PYTHONUTF8="0"
    )
    assert done.returncode == 0, done.stderr


def test_line_ends_and_blank_lines(tmp_path):
    words = ["--target", CASES / "51-line-ends-and-blanks/train.fr"]
    facts = check(tmp_path, "51-line-ends-and-blanks/train.en", *words)
    assert facts["pairs"] == 62


@pytest.mark.parametrize("name", ["march.csv", "october.csv"])
def test_doubled_and_missing_hours_are_named(name, tmp_path):
    problems = check(tmp_path, f"05-dst-naive/{name}")["problems"]
    assert any("2022" in sentence and "02:00" in sentence for sentence in problems)


def test_what_is_missing_of_the_future_is_named(tmp_path):
    words = ["--target", "y", "--set", "known=promo"]
    trained(tmp_path, "12-known-ahead/promo.csv", *AHEAD, *words)
    done = unroll(tmp_path, "predict", "run", CASES / "12-known-ahead/promo.csv")
    assert done.returncode == 2 and "promo" in done.stderr
    done = unroll(tmp_path, "predict", "run", CASES / "12-known-ahead/promo_future.csv")
    assert done.returncode == 0, done.stderr
