import json

import pytest
import torch

from unroll.errors import UserError
from unroll.inspect import vectors_of_run
from unroll.inspect.vectors import EmbeddingTable, Vectors, embedding_tables, find_token


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


def test_neighbours_of_an_unlearned_embedding_are_no_finding():
    torch.manual_seed(1)
    vectors = torch.randn(400, 32, dtype=torch.float64)
    names = [f"w{n}" for n in range(400)]
    fresh = EmbeddingTable("words", names, vectors)
    tokens = [5, 6, 7]
    near = [(fresh, n, fresh.neighbours(n, 3)) for n in tokens]
    found = Vectors("it", {}, near, {"words": fresh.chance(tokens)})
    assert "No neighbour is nearer than chance" in found.text() and "  (w" in found.text()
    assert 0.5 < found.chance["words"] < 0.8  # the largest of 1,200 cosines of 32 random numbers
    vectors[8] = vectors[5] + 0.1 * torch.randn(32)  # now two are alike
    alike = EmbeddingTable("words", names, vectors)
    near = [(alike, n, alike.neighbours(n, 3)) for n in tokens]
    found = Vectors("it", {}, near, {"words": alike.chance(tokens)})
    assert found.verdict().startswith("1 of 3 tokens have a neighbour nearer than chance")
    assert found.table()[1][1].startswith("w8 ") and found.table()[1][2].startswith("(")


def test_a_shift_that_all_vectors_share_is_chance():
    torch.manual_seed(1)
    vectors = torch.randn(300, 16, dtype=torch.float64) + 5
    table = EmbeddingTable("words", [f"w{n}" for n in range(300)], vectors)
    assert table.chance([1, 2]) > 0.97 > table.neighbours(1, 50)[-1][1]
