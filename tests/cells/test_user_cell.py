"""A cell from a file; tests/cli/test_cells.py has every way in which such a file can be wrong."""

from pathlib import Path

import pytest

from unroll import UserError
from unroll.cells.user_cell import (
    describe_user_cell_error,
    load_user_cell,
    parse_cell_file,
    read_source,
)

SOURCE = b"""import unroll


class OneCell(unroll.Cell):
    def forward(self, x, h):
        return h, h / self.missing


def half(input_size, hidden_size):
    return OneCell(input_size, hidden_size // 2)
"""


@pytest.mark.parametrize(
    ("word", "parsed"),
    [
        ("lstm", None),
        ("mine.py", (Path("mine.py"), None)),
        ("mine.py:", (Path("mine.py"), None)),
        ("a/mine.py:OneCell", (Path("a/mine.py"), "OneCell")),
        ("mine.txt:OneCell", None),
    ],
)
def test_a_word_is_a_file_with_or_without_a_name(word, parsed):
    assert parse_cell_file(word) == parsed


def test_a_class_a_function_and_the_only_class_are_found():
    path = Path("mine.py")
    assert load_user_cell(SOURCE, path, None).name == "OneCell"
    assert load_user_cell(SOURCE, path, "OneCell").make(3, 4).hidden_size == 4
    assert load_user_cell(SOURCE, path, "half").make(3, 4).hidden_size == 2


def test_the_same_source_is_run_once():
    first, second = (load_user_cell(SOURCE, Path("mine.py"), "OneCell") for _ in range(2))
    assert first.make is second.make


def test_an_error_of_the_cell_names_its_line():
    cell = load_user_cell(SOURCE, Path("mine.py"), "OneCell")
    with pytest.raises(AttributeError) as caught:
        cell.make(3, 4)(None, None)
    sentence = cell.describe_error(caught.value)
    assert sentence.startswith("mine.py, line 6: AttributeError: 'OneCell' object has no attribute")
    assert "line 6: AttributeError" in describe_user_cell_error(caught.value)


def test_an_error_from_elsewhere_is_not_the_cells():
    assert describe_user_cell_error(ValueError("elsewhere")) is None


def test_a_file_that_cannot_be_read_or_is_not_python_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"none\.py, which cannot be read: No such file"):
        read_source(tmp_path / "none.py")
    (tmp_path / "wrong.py").write_text("a = 1\nclass\n")
    with pytest.raises(UserError, match=r"wrong\.py, line 2"):
        read_source(tmp_path / "wrong.py")
