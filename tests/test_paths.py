"""Words that cannot be a path."""

import pytest

import unroll
from unroll.errors import UserError
from unroll.paths import refuse_impossible_path


@pytest.mark.parametrize(
    "path", ["", " ", "a\0b", "a" * 300, "ü" * 200, "a/" * 3000, "x/" + "a" * 256]
)
def test_impossible_paths_are_refused_in_a_sentence(path):
    with pytest.raises(UserError, match=r"^--out ") as caught:
        refuse_impossible_path(path, "--out")
    assert len(str(caught.value)) < 300 and "\0" not in str(caught.value)


@pytest.mark.parametrize("path", ["-", "a b", "é/日.txt", "a" * 255, "\udcff.txt", ".."])
def test_other_paths_pass(path):
    refuse_impossible_path(path, "--out")


@pytest.mark.parametrize("path", ["", "a\0b", "a" * 300])
def test_python_refuses_them_too(path, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("some text to learn from.\n" * 50)
    for call in (
        lambda: unroll.train(path, quiet=True),
        lambda: unroll.train(text, path, steps=1, quiet=True),
        lambda: unroll.train(text, tmp_path / "run", valid=path, steps=1, quiet=True),
        lambda: unroll.train(text, path, resume=True, quiet=True),
        lambda: unroll.load(path),
    ):
        with pytest.raises(UserError):
            call()
