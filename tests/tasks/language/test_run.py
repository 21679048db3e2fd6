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


@pytest.fixture(scope="module")
def poems(tmp_path_factory):
    place = tmp_path_factory.mktemp("poems")
    (place / "poem.txt").write_text("the apple and the pear\na rose is a rose\n" * 60)
    options = {"steps": 20, "hidden": 8, "threads": 1, "quiet": True}
    runs = [unroll.train(place / "poem.txt", place / f"run{k}", seed=k, **options) for k in (1, 2)]
    alone = unroll.train(place / "poem.txt", place / "alone", floor="none", **options)
    return [*runs, alone]


@pytest.mark.parametrize("which", [0, 2])
def test_a_state_answers_as_the_text_does(poems, which):
    run = poems[which]
    text, rest = "the apple and ", "the pear"
    state = run.read(text)
    assert run.generate(text, 60, seed=3)[len(text) :] == run.generate("", 60, seed=3, state=state)
    pieces = run.read("and ", state=run.read("the apple "))
    assert pieces.to_bytes() == state.to_bytes()
    for one, two in zip(run.next(text + rest), run.next(rest, state=state), strict=True):
        assert one["token"] == two["token"]
        assert one["probability"] == pytest.approx(two["probability"], rel=1e-4)
    whole, first = run.score(text + rest), run.score(text)
    found = run.score(rest, state=state)["log_probability"]
    assert found == pytest.approx(whole["log_probability"] - first["log_probability"], abs=1e-4)
    # from bytes, and from the same state again: nothing has changed it
    again = run.state_from_bytes(state.to_bytes())
    assert run.generate("", 60, seed=3, state=again) == run.generate("", 60, seed=3, state=state)


def test_a_state_of_another_run_is_refused_in_a_sentence(poems):
    one, two, _ = poems
    state = one.read("the ")
    for use in (two.read, two.next, two.score, two.generate):
        with pytest.raises(UserError, match="belongs to another run"):
            use("a", state=state)
    with pytest.raises(UserError, match="belongs to other weights"):
        two.state_from_bytes(state.to_bytes())
    with pytest.raises(UserError, match=r"expected one that run.read\(text\) returned"):
        one.next("a", state=state.to_bytes())


def test_a_state_keeps_its_condition(run):
    state = run.read("an", condition="m")
    assert run.next("", 3, state=state) == run.next("", 3, condition="m", state=state)
    assert run.state_from_bytes(state.to_bytes()).category == 1
    with pytest.raises(UserError, match="was read under another one"):
        run.next("", 3, condition="f", state=state)


@pytest.fixture(scope="module")
def hello(tmp_path_factory):
    """A run of the text hello, of a hundred steps of a small LSTM."""
    place = tmp_path_factory.mktemp("hello")
    (place / "hello.txt").write_text("hello\n")
    return unroll.train(place / "hello.txt", place / "run", steps=100, threads=1, quiet=True)


def test_hello_is_learned_from_five_letters(hello):
    for before, after in (("", "h"), ("h", "e"), ("he", "l"), ("hel", "l"), ("hell", "o")):
        ranked = hello.next(before)
        assert ranked[0]["token"] == after and ranked[0]["probability"] > 0.95
        assert {row["token"] for row in ranked} == set("hello")
        assert sum(row["probability"] for row in ranked) == pytest.approx(1, abs=1e-5)
    assert hello.generate("h", temperature=0) == hello.generate(temperature=0) == "hello"
    assert hello.generate("h", 6, temperature=0).startswith("hello")
    assert [row["token"] for row in hello.score("hello")["tokens"]] == list("hello")
    assert hello.model.bias.shape == (4,) and hello.model.embedding.weight.shape[0] == 5
    again = unroll.load(hello.path)
    assert again.next("hel") == hello.next("hel") and again.vocabulary.characters == "ehlo"


def test_hello_says_that_nothing_is_held_out(hello):
    assert hello.config["data"]["validation_set"] == "the training set"
    assert hello.preprocessor.floor is None and "refit" not in hello.result()
    assert hello.settings.valid_size == 0 and hello.settings.unknown == "never"
    # unigrams of h, e, l, l, o after a start: 2/5 of l, 1/5 of others, smoothed by 4/9
    other, twice = ((c + 4 / 4) / (5 + 4) for c in (1, 2))
    nats = -(3 * math.log(other) + 2 * math.log(twice)) / 5
    assert hello.result()["baselines"]["unigram"]["nats_per_token"] == pytest.approx(nats)


def test_a_character_outside_of_hello_is_named(hello, tmp_path):
    with pytest.raises(UserError, match="never seen: 'x'"):
        hello.next("hex")
    with pytest.raises(
        UserError, match="the character 'x', and the vocabulary of this run is closed"
    ):
        hello.score("hex")
    (tmp_path / "x.txt").write_text("hex")
    with pytest.raises(UserError, match="the character 'x'"):
        hello.evaluate(tmp_path / "x.txt")


def test_a_resumed_hello_ends_as_one_that_was_not_stopped(hello, tmp_path):
    source, options = hello.path.parent / "hello.txt", {"threads": 1, "quiet": True}
    whole = unroll.train(source, tmp_path / "whole", steps=20, schedule="constant", **options)
    unroll.train(source, tmp_path / "half", steps=10, schedule="constant", **options)
    half = unroll.train(source, tmp_path / "half", resume=True, steps=20, quiet=True)
    assert half.next("hel") == whole.next("hel")


def test_two_lines_of_hello_end(tmp_path):
    (tmp_path / "two.txt").write_text("hello\nhello\n")
    run = unroll.train(
        tmp_path / "two.txt", tmp_path / "run", per_line=True, steps=60, threads=1, quiet=True
    )
    assert run.generate("h", temperature=0) == "hello"
    assert run.next("hello")[0]["token"] == "\n"
    assert [row["token"] for row in run.score("hello")["tokens"]] == [*"hello", "\n"]


@pytest.mark.parametrize("text", ["a", "\n", "ab", "aaaa"])
@pytest.mark.parametrize("options", [{}, {"per_line": True}, {"level": "word"}])
def test_the_shortest_texts_train(tmp_path, text, options):
    if text == "\n" and options.get("per_line"):
        pytest.skip("a file without lines")
    (tmp_path / "a.txt").write_text(text)
    run = unroll.train(
        tmp_path / "a.txt", tmp_path / "run", steps=2, threads=1, quiet=True, **options
    )
    assert run.result()["nats_per_token"] >= 0 and isinstance(run.generate(seed=1), str)
