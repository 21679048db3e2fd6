"""A trained language model scores, continues and generates text, under a condition where it has one."""

import math

import pytest

import unroll
from unroll.errors import UserError
from unroll.tasks.language.run import LanguageRun


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("conditions")
    (place / "names.tsv").write_text("anna\tf\nadam\tm\n" * 40)
    options = {"per_line": True, "condition": "2", "steps": 40, "hidden": 8, "threads": 1}
    return unroll.train(place / "names.tsv", place / "run", quiet=True, seed=2, **options)


def test_a_language_run_is_one(run):
    assert isinstance(run, LanguageRun) and run.categories == ["f", "m"]


def test_scores_are_the_product_of_what_comes_next(run):
    scored = run.score("anna", condition="f")
    assert scored["log_probability"] == pytest.approx(
        sum(token["log_probability"] for token in scored["tokens"])
    )
    (first,) = [row for row in run.next("", 50, condition="f") if row["token"] == "a"]
    assert math.log(first["probability"]) == pytest.approx(
        scored["tokens"][0]["log_probability"], abs=1e-5
    )


def test_the_same_seed_generates_the_same_text(run):
    one, two = (run.generate("a", 10, seed=5, condition="m") for _ in range(2))
    assert one == two and one.startswith("a")


@pytest.mark.parametrize(
    ("condition", "message"), [(None, "say which by --condition"), ("x", "knows f, m")]
)
def test_a_condition_that_is_missing_or_unknown_is_refused(run, condition, message):
    with pytest.raises(UserError, match=message):
        run.score("anna", condition=condition)


def test_what_is_no_text_is_refused(run):
    for method in (run.generate, run.stream, run.next, run.score):
        with pytest.raises(UserError, match="got None; expected a text: str"):
            method(None, condition="f")
