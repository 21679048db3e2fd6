import json

import pytest

import unroll
from unroll.errors import UserError
from unroll.inspect import Saliency
from unroll.inspect.saliency import saliency_of_run
from unroll.tasks.classify.attributions import attribute_inputs


def test_a_classification_shows_its_attributions(classifier):
    with unroll.backend("loop"):
        found = saliency_of_run(classifier, "a good film")
        said = classifier.predict("a good film")
        (expected,) = attribute_inputs(classifier.trained, ["a good film"])
    assert isinstance(found, Saliency) and found.steps == ["a", "good", "film"]
    name = classifier.preprocessor.floor.title
    assert found.parts == {"network": expected.network, name: expected.simple}
    sums = [a + b for a, b in zip(expected.network, expected.simple, strict=True)]
    assert found.weights == pytest.approx(sums)
    assert found.probabilities == pytest.approx(said["probabilities"])
    assert sum(found.pooled) == pytest.approx(1.0) and found.kind == "attention"
    assert found.title.endswith("a good film") and "attribution" in found.text()
    assert found.table()[0] == ["step", "attribution", *found.parts, "attention pooling"]
    assert "<svg" in found._repr_html_() and f"network and {name}" in found.html()
    assert json.loads(json.dumps(found.as_dict()))["steps"][1]["step"] == "good"
    assert found.conditions["predicted"] == found.conditions["class"] == said["label"]


def test_words_of_a_model_of_characters_are_named_where_the_simple_model_counts(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = [f"{('good', 'bad')[n % 2]} film {n % 9},{('pos', 'neg')[n % 2]}" for n in range(60)]
    (tmp_path / "films.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    small = {
        "hidden": 4,
        "steps": 1,
        "level": "char",
        "threads": 1,
        "backend": "loop",
        "quiet": True,
    }
    both = saliency_of_run(unroll.train("films.csv", "both", **small), "a good film")
    assert both.steps == ["a", "good", "film"] and len(both.pooled) == 3
    alone = saliency_of_run(
        unroll.train("films.csv", "alone", floor="none", **small), "a good film"
    )
    assert alone.steps == list("a good film") and len(alone.parts) == 1
    assert alone.conditions["network"] is None


def test_rows_are_those_of_the_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = [f"{n // 3},{n % 7},{n % 3 + n // 3 % 2},{'ab'[n // 3 % 2]}" for n in range(180)]
    (tmp_path / "steps.csv").write_text("id,x,y,label\n" + "\n".join(rows) + "\n")
    run = unroll.train(
        "steps.csv", "run", task="classify", id="id", label="label", columns="x,y", hidden=4, steps=1,
        threads=1, backend="loop", quiet=True,
    )  # fmt: skip
    found = saliency_of_run(run, [[1.0, 2.0], [0.0, 1.0]])
    assert found.steps == ["row 1", "row 2"] and list(found.parts) == ["network"]
    assert "not attributed to rows" in found.conditions["attributed"]
    assert found.probabilities == pytest.approx(
        run.predict([[[1.0, 2.0], [0.0, 1.0]]])[0]["probabilities"]
    )


def test_a_text_without_words_is_refused(classifier):
    with pytest.raises(UserError, match="text with words"):
        saliency_of_run(classifier, " ")
