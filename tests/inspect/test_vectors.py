import json

import pytest
import torch

from unroll.errors import UserError
from unroll.inspect import vectors_of_run
from unroll.inspect.vectors import EmbeddingTable, embedding_tables, find_token


def table(*names):
    vectors = torch.tensor(
        [[9.0, 9.0], [9.0, -9.0], [1.0, 0.0], [3.0, 0.3], [0.0, 1.0], [-1.0, 0.0]]
    )
    return EmbeddingTable("words", ["<unk>", "<s>", *names], vectors.double())


def test_the_nearest_has_the_greatest_cosine():
    near = table("king", "queen", "rose", "not").neighbours(2, 3)
    assert [n for n, _ in near] == [3, 1, 4]
    assert near[0][1] == pytest.approx(3 / (9.09**0.5))


def test_a_token_is_looked_up_as_given_then_in_lower_case_then_after_a_space():
    some = [table("king", " queen", "Rose", "rose")]
    assert (
        [n for _, n in find_token("king", some)] == [2] == [n for _, n in find_token("King", some)]
    )
    assert [n for _, n in find_token("queen", some)] == [3] and [
        n for _, n in find_token("Rose", some)
    ] == [4]
    assert find_token("kin", some) == []


def test_each_task_has_its_tables(language, classifier, translator):
    names = [[t.name for t in embedding_tables(run)] for run in (language, classifier, translator)]
    assert names == [["tokens"], ["tokens"], ["source", "target"]]
    for run, weight in (
        (language, language.model.embedding),
        (translator, translator.model.source),
    ):
        table = embedding_tables(run)[0]
        rows = weight.weight[: len(table.names)]  # without the start of a text, which is no token
        assert torch.equal(table.vectors, rows.detach().double())


def test_text_json_and_pictures(translator):
    found = vectors_of_run(translator, ["b1", "B1"], top=3)
    assert [t.name for t, *_ in found.near] == ["source", "target"]
    facts = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert facts["near"][1]["of"] == "B1" and len(facts["near"][1]["neighbours"]) == 3
    assert "Near B1 (target):" in found.text()
    assert list(found.pictures()) == ["near", "map source", "map target"]
    assert found.svg("map target").count("<circle") >= 4 and len(found.csv().splitlines()) == 7
    assert "<table>" in found._repr_html_()


def test_the_default_tokens_are_the_most_frequent(language):
    found = vectors_of_run(language)
    assert len(found.near) == 5 and found.svg().count("<circle") > 10


def test_unknown_tokens_are_refused(translator, language):
    with pytest.raises(UserError, match=r"'b9'; expected a token of the run; similar tokens: b"):
        vectors_of_run(translator, ["b9"])
    with pytest.raises(UserError, match="--top got 0"):
        vectors_of_run(language, top=0)
