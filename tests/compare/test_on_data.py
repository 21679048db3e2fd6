import json

import pytest

from unroll.compare.on_data import DataComparison, compare_on_data
from unroll.errors import UserError
from unroll.run import Run


def test_cells_are_compared_by_runs_on_the_same_data(tmp_path):
    data = tmp_path / "reviews.csv"
    rows = [f"{'good' if n % 2 else 'bad'} film {n},{'yes' if n % 2 else 'no'}" for n in range(60)]
    data.write_text("text,label\n" + "\n".join(rows))
    settings = {"hidden": 4, "quiet": True}
    found = compare_on_data(
        ["rnn", "gru"], str(data), tmp_path / "runs", seeds=2, steps=3, settings=settings
    )
    assert found.metric == "accuracy" and found.higher_is_better
    assert [len(values) for values in found.metrics.values()] == [2, 2]
    assert (tmp_path / "runs/gru-2/result.json").exists()
    record = json.loads(json.dumps(found.as_dict()))
    assert record["cells"]["gru"]["runs"] == [str(tmp_path / f"runs/gru-{k}") for k in (1, 2)]
    assert "reviews.csv: rnn, gru" in found.text() and "gru 2" in found.svg()
    assert found.verdict() in found.html()


def test_a_signal_stops_all_and_the_same_call_goes_on(tmp_path, monkeypatch):
    data = tmp_path / "reviews.csv"
    rows = [f"{'good' if n % 2 else 'bad'} film {n},{'yes' if n % 2 else 'no'}" for n in range(60)]
    data.write_text("text,label\n" + "\n".join(rows))
    settings = {"hidden": 4, "quiet": True}
    given = (["rnn", "gru"], str(data), tmp_path / "runs")
    ended = Run.result
    monkeypatch.setattr(Run, "result", lambda run: {**ended(run), "stopped_by": "SIGINT"})
    with pytest.raises(UserError, match=r"Stopped in the run .*rnn-1\. All runs are kept"):
        compare_on_data(*given, steps=2, settings=settings)
    assert not (tmp_path / "runs/gru-1").exists()
    monkeypatch.undo()
    found = compare_on_data(*given, steps=2, settings=settings)
    assert set(found.metrics) == {"rnn", "gru"} and (tmp_path / "runs/gru-1").exists()


def test_the_best_is_told_apart_beyond_the_seeds():
    def made(higher, **metrics):
        return DataComparison("t", {}, "loss", higher, metrics, {}, {})

    assert made(False, a=[1.0, 1.01], b=[2.0, 2.01]).verdict().startswith("a is better than b")
    assert made(True, a=[1.0, 1.01], b=[2.0, 2.01]).verdict().startswith("b is better than a")
    assert "do not differ" in made(True, a=[1.0, 2.0], b=[1.5, 1.6]).verdict()
    assert made(True, a=[1.0]).verdict() == "a: 1 loss."


def test_what_training_refuses_is_refused(tmp_path):
    with pytest.raises(UserError):
        compare_on_data(["rnn"], str(tmp_path / "none.csv"), tmp_path / "runs", steps=1)
    data = tmp_path / "d.csv"
    data.write_text("text,label\ngood,yes\nbad,no\n")
    with pytest.raises(UserError, match="'lstn'"):
        compare_on_data(["rnn", "lstn"], str(data), tmp_path / "runs", steps=1)
    assert not (tmp_path / "runs").exists()
