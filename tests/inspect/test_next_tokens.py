"""What is drawn next at several temperatures."""

import math

import pytest

import unroll
from unroll.errors import UserError
from unroll.inspect.next_tokens import next_of_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("next")
    (folder / "t.txt").write_text("the pear.\nthe pair.\n" * 60)
    return unroll.train(
        folder / "t.txt",
        out=folder / "run",
        steps=3,
        hidden=8,
        threads=1,
        quiet=True,
        per_line=True,
    )


def test_the_shares_are_those_of_next_raised_to_the_power(run):
    found = next_of_run(run, "the p", temperatures=[0.5, 1, 2], top=3)
    known = [row for row in run.next("the p", 99) if row["token"] != "<unk>"]
    total = sum(row["probability"] for row in known)
    assert found.shares[1] == pytest.approx([r["probability"] / total for r in known[:3]], rel=1e-4)
    squares = [row["probability"] ** 2 for row in known]
    assert found.shares[0.5] == pytest.approx([s / sum(squares) for s in squares[:3]], rel=1e-4)
    for t, shares in found.shares.items():
        assert sum(shares) + found.rest[t] == pytest.approx(1)
    assert found.choices[0.5] < found.choices[1] < found.choices[2] <= len(known)
    entropy = -sum(p * math.log(p) for p in (r["probability"] / total for r in known))
    assert found.choices[1] == pytest.approx(math.exp(entropy), rel=1e-4)


def test_top_k_and_temperature_zero_leave_the_most_likely(run):
    found = next_of_run(run, "the p", temperatures=[0, 1], top_k=2, top=4)
    assert found.shares[0][0] == 1 and found.shares[1][2:] == [0, 0]
    assert "top k 2" in found.text() and found.svg().startswith("<svg")
    assert found.csv().splitlines()[0] == "token,temperature,probability"
    assert found.as_dict()["temperatures"][0]["next"][0]["probability"] == 1
    assert "equal choices" in found.html("unroll next")


def test_numbers_out_of_range_are_refused(run):
    for given, why in (
        ({"temperatures": []}, "expected 1 to 8"),
        ({"temperatures": [1, 1]}, "different"),
        ({"temperatures": [-1]}, "--temperature"),
        ({"top": 0}, "--top"),
    ):
        with pytest.raises(UserError, match=why):
            next_of_run(run, "the", **given)
