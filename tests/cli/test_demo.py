"""`unroll demo` on a short text: what it shows, and what it never overwrites."""

import sys
from functools import partial

import unroll.run
from unroll.cli.demo import is_demo, write_topics

demo_module = sys.modules["unroll.cli.demo"]


def test_it_trains_and_shows_scores_tokens_and_samples(tmp_path, printed, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def write(path):
        path.write_text("The object is returned by the function expression.\n" * 100)

    small = partial(unroll.run.train, hidden=8, threads=1, backend="loop", unknown="token")
    monkeypatch.setattr("unroll.run.train", small)
    monkeypatch.setattr(demo_module, "write_topics", write)
    out = tmp_path / "demo"
    shown = printed("demo", "--out", out, "--seconds", 0.2).out
    assert "times more likely" in shown and "The ten most likely characters after" in shown
    assert shown.count("At temperature") == 3 and f"unroll generate {out}" in shown
    assert is_demo(out)


def test_a_run_of_ones_own_is_no_demo(place, printed):
    assert not is_demo(place / "runs" / "poems") and not is_demo(place)
    assert "--seconds got 0" in printed("demo", "--seconds", 0, code=2).err


def test_the_text_is_that_of_python(tmp_path):
    write_topics(tmp_path / "demo.txt")
    text = (tmp_path / "demo.txt").read_text(encoding="utf-8")
    assert len(text) > 100_000 and "expression" in text
