"""ABC: pieces lose nothing, and bad tunes are named."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.music.abc import abc_tunes, field_value, split_pieces

HEAD = "X:1\nT:A\nM:4/4\nL:1/8\nK:{}\n"


def tunes(text, path, skip=False):
    path.write_text(text)
    problems = Problems(skip)
    return list(abc_tunes(path, path.name, problems)), problems


@settings(max_examples=60)
@given(st.text(max_size=80))
def test_pieces_are_the_text_whatever_it_is(text):
    assert "".join(piece.text for piece in split_pieces(text)) == text


def test_a_line_of_notes_is_no_field():
    kinds = [piece.kind for piece in split_pieces("K:G\nG:|\nA::B|\n")]
    assert kinds[:3] == ["field", "note", "bar"] and "bar" in kinds[4:6]


def test_the_tunes_of_a_file(tmp_path):
    text = "% a book\n\nX:1\nT:One\nK:G\nGAB\n\n\nX:2\nT:Two\nK:D\n\nd2|]"
    found, _ = tunes(text, tmp_path / "two.abc")
    assert [tune.text for tune in found] == ["X:1\nT:One\nK:G\nGAB\n", "X:2\nT:Two\nK:D\n\nd2|]\n"]
    assert found[1].where == "two.abc, line 9" and field_value(found[1].text, "T") == "Two"


def test_bad_files_are_named_in_a_sentence(tmp_path):
    text = "X:1\nT:no key\nABC\nX:2\nK:G\n% nothing\nX:3\nK:G\nG|\n"
    with pytest.raises(UserError, match=r"line 1: the tune has no K: field"):
        tunes(text, tmp_path / "bad.abc")
    found, problems = tunes(text, tmp_path / "bad.abc", skip=True)
    assert len(found) == 1 and problems.count == 2
    assert "no notes" in " ".join(problems.messages())
    with pytest.raises(UserError, match="no tune in ABC"):
        tunes("hello\n", tmp_path / "no.abc")
    (tmp_path / "latin.abc").write_bytes("X:1\nT:Café\nK:G\nG\n".encode("latin-1"))
    with pytest.raises(UserError, match="iconv -f LATIN1"):
        list(abc_tunes(tmp_path / "latin.abc", "latin.abc", Problems()))


def test_a_line_that_is_not_text_spoils_its_tune_alone(tmp_path):
    one = "X:1\nT:A\nK:G\nGAB|\n"
    path = tmp_path / "old.abc"
    path.write_bytes(
        (one + one + one).encode().replace(b"T:A", b"T:\xe9", 2).replace(b"\xe9", b"A", 1)
    )
    problems = Problems(skip=True)
    assert len(list(abc_tunes(path, "old.abc", problems))) == 2
    assert "old.abc, line 6: not UTF-8" in problems.messages()[1]
    packed = tmp_path / "cut.abc.gz"
    packed.write_bytes(
        gzip.compress("".join(f"X:{n}\nK:G\n{n}G|\n" for n in range(9999)).encode())[:-999]
    )
    problems = Problems(skip=True)
    found = list(abc_tunes(packed, "cut.abc.gz", problems))
    assert problems.count == 1 and "not a complete gzip file" in problems.messages()[1]
    assert all(tune.text.endswith("G|\n") for tune in found)  # none that is cut
    with pytest.raises(UserError) as told:
        tunes("X:1\nGAB|\n\n" + one, tmp_path / "two.abc")
    assert str(told.value).count("--skip-bad") == 1
