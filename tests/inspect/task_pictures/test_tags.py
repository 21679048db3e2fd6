import json

import pytest

from unroll.inspect import results_of_run
from unroll.inspect.task_pictures.tags import tag_results
from unroll.tasks.pictures import TaggedSentence, TaggedSentences

SENTENCES = [
    TaggedSentence(["the", "cat"], ["D", "N"], ["D", "V"]),
    TaggedSentence(["a", "<dog>", "runs"], ["D", "N", "V"], ["D", "N", "V"]),
]


def test_words_are_counted_by_hand():
    found = tag_results(TaggedSentences(SENTENCES, {}, 2), "it", {})
    assert found.accuracy() == 4 / 5 and found.confusion() == [("N", "V", 1)]
    assert found.by_tag() == [("D", 2, 2, 2), ("N", 2, 1, 1), ("V", 1, 1, 2)]
    assert found.different() == SENTENCES[:1]
    assert "cat: N as V" in found.text() and "<del>N</del> <ins>V</ins>" in found.html()
    assert set(found.pictures()) == {"confusion", "tags"}
    for name in found.pictures():
        assert found.svg(name) and found.png(name) and found.csv(name)
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_the_spans_of_a_run_are_those_of_its_metrics(tagger):
    ((name, found),) = results_of_run(tagger).parts.items()
    result = tagger.result()
    assert name == "tags" and found.accuracy() == pytest.approx(result["accuracy"])
    types = {name: scores[2] for name, scores in found.tagged.types.items()}
    assert types == {name: pytest.approx(one["f1"]) for name, one in result["types"].items()}
    assert set(found.pictures()) == {"confusion", "types"} and found.svg("types")
