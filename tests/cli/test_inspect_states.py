"""`unroll inspect states` and `set-unit`."""

import json

import pytest

import unroll
from unroll.cli.main import run
from unroll.training.report import QuietReport


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("states")
    (place / "text.txt").write_text('a "rose" (is) a rose.\n' * 60)
    (place / "labels.tsv").write_text(("a\t0\n\\s\t0\nr\t1\no\t1\ns\t1\ne\t1\n\n") * 40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        patch.chdir(place)
        unroll.train(
            "text.txt", "run", steps=2, hidden=8, threads=1, backend="loop", block=16,
            report=QuietReport(),
        )  # fmt: skip
        yield place


def said(capsys, *words, code=0):
    assert run(["inspect", *map(str, words)], False) == code
    return capsys.readouterr()


def test_probes_need_no_text(capsys, folder):
    out = said(capsys, "states", "run", "--probe", "bracket=[(].*?[)]").out
    assert "bracket ([(].*?[)]): 1 at" in out and "read-out AUC" in out
    assert "--probe 'bracket=[(].*?[)]'" in out.splitlines()[-1]
    facts = json.loads(said(capsys, "states", "run", "--probe", "labels.tsv", "--json").out)
    assert facts["probes"][0]["name"] == "labels" and facts["probes"][0]["texts"] == 40


def test_a_unit_is_set(capsys, folder):
    words = ("set-unit", "run", "a rose", "c[2]=1", "--at", "2")
    assert "layer 1 c[2] from" in said(capsys, *words).out
    assert len(json.loads(said(capsys, *words, "--json").out)["next"]) == 10
    said(capsys, *words, "--out", "units.html")
    assert "<svg" in (folder / "units.html").read_text()


def test_what_is_refused(capsys, folder):
    for words, message in (
        (("states", "run"), "neither TEXT nor --file"),
        (("states", "run", "a", "--probe", "x"), "no such file"),
        (("states", "run", "--probe", "x=("), "no regular expression"),
        (("states", "run", "--probe", "x=q"), "at least 8 of both kinds"),
        (("set-unit", "run", "a rose", "c[99]=1"), "units 0 to 7"),
    ):
        assert message in " ".join(said(capsys, *words, code=2).err.split()), words


def test_predicted_beside_actual(capsys, folder):
    out = said(capsys, "predictions", "run", "a rose").out
    assert "next characters are right" in out and "  a rose" in out
    facts = json.loads(said(capsys, "predictions", "run", "--json").out)
    assert facts["of"] > 50
    said(capsys, "predictions", "run", "--out", "predictions.html")
    assert 'class="pairs letters"' in (folder / "predictions.html").read_text()
