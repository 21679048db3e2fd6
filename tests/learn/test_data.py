from collections import Counter

import pytest

from unroll.learn.data import TEXTS, counting, people, teddy, texts


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_the_same_each_time_and_small(name):
    text = TEXTS[name]()
    assert text == texts(name)[name] and 0 < len(text) < 600_000


def test_as_many_b_as_a():
    lines = counting().replace(".", "").split()
    assert all(line == "a" * (len(line) // 2) + "b" * (len(line) // 2) for line in lines)
    assert {len(line) // 2 for line in lines} == set(range(1, 11))


def test_verbs_agree_with_their_subject_at_every_distance():
    lines = [line.split() for line in texts("agreement.txt")["agreement.txt"].splitlines()]
    for words in lines:
        verb = words.index("were") if "were" in words else words.index("was")
        assert words[0] == "the" and words[-1] == "."
        assert (words[verb] == "were") == words[1].endswith("s")
    gaps = Counter(len(words) - 5 for words in lines)  # the, subject, verb, adjective, full stop
    assert set(gaps) == set(range(25)) and len(set(gaps.values())) == 1


def test_labels_say_which_subject_is_plural():
    rows = [row.split("\t") for row in TEXTS["agreement_labels.tsv"]().splitlines() if row]
    assert {label for word, label in rows if word == "cats"} == {"1"}
    assert {label for word, label in rows if word == "cat"} == {"0"}


def test_pronouns_follow_from_the_subject():
    for line in people().splitlines():
        words = line.split()
        pronoun = words[words.index("because") + 1]
        if words[1] == "and":
            assert pronoun == "they"
        else:
            assert pronoun == ("she" if words[0] in ("Alice", "Anna", "Mary") else "he")


def test_the_word_after_teddy_decides():
    sentences = [block.split("\n") for block in teddy().strip().split("\n\n")]
    for rows in sentences:
        tags = dict(row.split("\t") for row in rows)
        assert tags["Teddy"] == ("B-PER" if "Roosevelt" in tags else "O")
    assert len({tuple(rows) for rows in sentences}) > 20
