import math

import pytest

from unroll.errors import UserError
from unroll.inspect.probing.rules import LabelledFile, joined, parse_probe


def values(rule, tokens, spaced=False):
    return parse_probe(f"it={rule}").values(tokens, spaced)


def test_inside_a_match():
    words = "the cats ate . <eos> the cat ate .".split()
    assert values(r"\b(cats|dogs)\b.*", words, True) == [0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert values(r"cats.*?(?=ate)", words, True) == [0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert values(r'(?<=").*?(?=")', list('a "bc" d')) == [0, 0, 0, 1, 1, 0, 0, 0]
    assert values("^a", list("a\na")) == [1, 0, 1]  # lines
    assert values("cat", ["cats"], True) == [0]  # the token ends outside


def test_two_groups_leave_the_rest_without_a_label():
    found = values("(?P<yes>w+)|(?P<no>v+)", list("awvb"))
    assert found[1:3] == [1, 0] and math.isnan(found[0]) and math.isnan(found[3])


def test_a_counter_starts_again_in_each_line():
    assert values("count(a)-count(b)", list("aaba\nab")) == [1, 2, 1, 2, 0, 1, 0]
    assert values(r"count(\()-count(\))", list("a(b(c)")) == [0, 1, 1, 2, 2, 1]
    assert values("count(cats?)", ["cat", "the", "cats"], True) == [1, 1, 2]


def test_pieces_of_words_and_boundaries():
    assert joined([" the", " cat", "s", "."], False) == (" the cats.", [4, 8, 9, 10])
    assert joined(["<s>", "a", "<eos>", "b"], True) == ("a\nb", [0, 1, 2, 3])


def test_files_and_built_in_probes():
    assert parse_probe("p=@a.tsv").file == LabelledFile("a.tsv")
    assert parse_probe("p=@a.conllu:6:Number=Plur").file == LabelledFile(
        "a.conllu", 6, "Number=Plur"
    )
    found = parse_probe("some/words.tsv")
    assert found.name == "words" and found.file == LabelledFile("some/words.tsv")
    assert parse_probe("inside brackets").values(list("(a)"), False) == [1, 1, 0]


@pytest.mark.parametrize("given", ["", "=x", "p=", "p=(", "p=count(()", "p=@a:0", "p=@a:1:("])
def test_what_is_no_probe(given):
    with pytest.raises(UserError, match="--probe got"):
        parse_probe(given)
