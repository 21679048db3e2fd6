"""Words and tags in columns: read, refused, written back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.tag.conll import find_tag_columns, read_sentences, sentence_lines

UNIVERSAL = """\
# newdoc id = one
# text = I don't.
1\tI\tI\tPRON\tPRP\t_\t2\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
2\tdo\tdo\tAUX\tVBP\t_\t0\troot\t_\t_
3\tn't\tnot\tPART\tRB\t_\t2\tadvmod\t_\t_
3.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_

# text = #
1\t#\t#\tSYM\t#\t_\t0\troot\t_\t_
"""
NEWS = """\
-DOCSTART- -X- -X- O

U.N. NNP I-NP I-ORG
official NN I-NP O

# NN I-NP O
1 CD I-NP O
"""


def read(tmp_path, text, problems=None, *, keep=False, tags=True, **columns):
    path = tmp_path / "a.conll"
    path.write_bytes(text.encode())
    found = find_tag_columns(path, "a.conll", **columns)
    return list(
        read_sentences(path, "a.conll", found, problems or Problems(), keep=keep, tags=tags)
    ), found


def test_universal_dependencies(tmp_path):
    found, columns = read(tmp_path, UNIVERSAL)
    assert columns.universal
    assert [s.words for s in found] == [("I", "do", "n't"), ("#",)]
    assert [s.tags for s in found] == [("PRON", "AUX", "PART"), ("SYM",)]
    assert [s.line(k) for s in found for k in range(len(s.words))] == [3, 5, 6, 10]
    assert read(tmp_path, UNIVERSAL, tag="xpos")[0][0].tags == ("PRP", "VBP", "RB")


def test_columns_with_documents(tmp_path):
    found, columns = read(tmp_path, NEWS)
    assert (columns.word, columns.tag, columns.width) == (0, 3, 4)
    assert [s.words for s in found] == [("U.N.", "official"), ("#", "1")]
    assert found[0].tags == ("I-ORG", "O")
    assert found[1].line(0) == 6
    found, _ = read(tmp_path, NEWS, word=2, tag="3")
    assert found[0].words == ("NNP", "NN")
    assert found[0].tags == ("I-NP", "I-NP")


def test_a_document_that_begins_without_a_blank_line_ends_the_sentence(tmp_path):
    found, _ = read(tmp_path, "a O\n-DOCSTART- O\nb O\n")
    assert [s.words for s in found] == [("a",), ("b",)]


def test_line_ends_and_blanks_do_not_matter(tmp_path):
    plain, _ = read(tmp_path, "a\tX\nb\tY\n\nc\tZ\n")
    other, _ = read(tmp_path, "\ufeff\r\na\tX\r\nb\tY\r\n\t\r\n\r\n  \r\nc\tZ")
    assert [(s.words, s.tags) for s in other] == [(s.words, s.tags) for s in plain]


@pytest.mark.parametrize("text", [UNIVERSAL, NEWS, "\n\na\tX\n\n\n# c\nb\tY\n\n", "a O\n# b\n"])
def test_a_file_comes_back_with_other_tags(tmp_path, text):
    found, columns = read(tmp_path, text, keep=True)
    assert [line for s in found for line in s.lines] == text.removesuffix("\n").split("\n")
    tags = [[f"T{k}" for k in range(len(s.words))] for s in found]
    lines = [
        line for s, t in zip(found, tags, strict=True) for line in sentence_lines(s, t, columns)
    ]
    again, wide = read(tmp_path, "\n".join(lines) + "\n")
    assert [list(s.tags) for s in again] == [t for t in tags if t]
    assert [s.words for s in again] == [s.words for s in found if s.words]
    assert wide.width == columns.width + (not columns.universal)
    if columns.universal:  # nothing else has changed
        changed = [
            k for k, (a, b) in enumerate(zip(lines, text.split("\n"), strict=False)) if a != b
        ]
        assert len(changed) == sum(map(len, tags))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tX\nb\n", "line 2: 1 column; expected 2"),
        ("a X\nb Y Z\n", "line 2: 3 columns; expected 2"),
        ("a\tX\n\tY\n", "line 2: the word in column 1 is empty"),
        ("a\tX\nb\t\n", "line 2: 'b' has no tag in column 2"),
        (UNIVERSAL.replace("AUX", "_"), "line 5: 'do' has no tag in column 4"),
    ],
)
def test_bad_rows_are_reported_with_their_line(tmp_path, text, expected):
    with pytest.raises(UserError, match=expected):
        read(tmp_path, text)
    problems = Problems(skip=True)
    kept, _ = read(tmp_path, text + "\n" + text.split("\n")[0] + "\n", problems)
    assert problems.count >= 1
    assert expected in problems.messages()[1]
    assert "_" in text or kept


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("", {}, "holds no words"),
        ("\n \n", {}, "holds no words"),
        ("a\tX\n", {"word": 3}, "word=3 is not a column of a.conll, which has 2"),
        ("a\tX\n", {"tag": "3"}, "tag=3 is not a column"),
        ("a\tX\n", {"tag": "upos"}, "tag=upos is for CoNLL-U"),
        ("a\tX\n", {"tag": "1"}, "name the same column"),
    ],
)
def test_missing_columns_are_refused(tmp_path, text, given, expected):
    with pytest.raises(UserError, match=expected):
        read(tmp_path, text, **given)


def test_tags_need_not_be_there_to_predict(tmp_path):
    found, columns = read(tmp_path, "a\n\nb\n", tags=False)
    assert columns.tag is None
    assert [(s.words, s.tags) for s in found] == [(("a",), None), (("b",), None)]
    assert read(tmp_path, UNIVERSAL.replace("AUX", "_"), tags=False)[0]


cells = st.text(
    st.characters(codec="utf-8", exclude_categories=("Z", "C"), exclude_characters="#-"),
    min_size=1,
)


@given(
    st.lists(st.lists(st.tuples(cells, cells, cells), min_size=1), min_size=1),
    st.sampled_from(["\t", " "]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read(tmp_path_factory, sentences, parting, end):
    text = (end * 2).join(end.join(parting.join(row) for row in s) for s in sentences)
    found, _ = read(tmp_path_factory.mktemp("conll"), text)
    assert [s.words for s in found] == [tuple(row[0] for row in s) for s in sentences]
    assert [s.tags for s in found] == [tuple(row[-1] for row in s) for s in sentences]


@given(st.text(st.sampled_from("a1#-.\t \n_O"), max_size=60))
def test_no_file_is_more_than_a_sentence_of_trouble(tmp_path_factory, text):
    try:
        found, _ = read(tmp_path_factory.mktemp("conll"), text, keep=True)
    except UserError:
        return
    assert [x for s in found for x in s.lines] == (
        text.removesuffix("\n").split("\n") if text else []
    )


def test_a_line_that_is_not_utf_8_costs_its_sentence_alone(tmp_path):
    """Wherever it stands: first, within, alone, last."""
    good, bad = b"a X\nb Y\n", b"caf\xe9 X\n"
    path = tmp_path / "mixed.conll"
    for broken in (bad + good, b"a X\n" + bad + b"b Y\n", bad, good + bad):
        for parts in ([broken, good], [good, broken, good], [good, broken]):
            path.write_bytes(b"\n".join(parts))
            problems = Problems(skip=True)
            columns = find_tag_columns(path, path.name)
            found = list(read_sentences(path, path.name, columns, problems))
            assert [s.words for s in found] == [("a", "b")] * (len(parts) - 1), parts
            assert problems.count == 1 and "not UTF-8" in problems.messages()[1]
            with pytest.raises(UserError, match=r"line \d+: not UTF-8"):
                list(read_sentences(path, path.name, columns, Problems()))


def sentences_of(path, **options):
    columns = find_tag_columns(path, path.name, **options)
    return list(read_sentences(path, path.name, columns, Problems())), columns


@pytest.mark.parametrize(
    "text",
    [
        "In\tO\t\nRome\tB-a\t\n\nShe\tO\t\n",
        "In\tO\nRome\tB-a\t \n\nShe\tO\t\t\n",
        "In \tO\r\nRome\tB-a \r\n \r\nShe\tO\r\n",
        "In O  \nRome B-a\t\n\u00a0\nShe O\n",
        "In\u00a0O\nRome\u00a0B-a\n\nShe\u00a0O\n",
        "In\u3000O\nRome\u3000B-a\n\u3000\nShe\u3000O\n",
        "# one\nIn O\nRome B-a\n\n# two\nShe O\n",
        "Word\tTag\nIn\tO\nRome\tB-a\n\nShe\tO\n",
        "-DOCSTART- O\n\nIn O\nRome B-a\n\n-DOCSTART- O\n\nShe O\n",
    ],
)
def test_untidy_columns_are_read_as_tidy_ones(tmp_path, text):
    path = tmp_path / "a.conll"
    path.write_bytes(text.encode())
    found, _ = sentences_of(path)
    assert [(s.words, s.tags) for s in found] == [
        (("In", "Rome"), ("O", "B-a")),
        (("She",), ("O",)),
    ]


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\u2009"])
@pytest.mark.parametrize("separator", ["\t", " "])
def test_a_space_may_be_a_word(tmp_path, space, separator):
    path = tmp_path / "a.conll"
    path.write_text(f"10{separator}O\n{space}{separator}O\n%{separator}B-a\n")
    (found,), columns = sentences_of(path)
    assert found.words == ("10", space, "%")
    (kept,) = read_sentences(path, "a", columns, Problems(), tags=False, keep=True)
    assert sentence_lines(kept, ["O"] * 3, columns)[1] == f"{space}{separator}O{separator}O"


def test_a_first_row_that_is_odd_does_not_set_the_width(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("In O x\nRome B-a\nis O\n")
    with pytest.raises(UserError, match="line 1: 3 columns; expected 2, as in most rows"):
        sentences_of(path)
