"""Which files look like words with tags."""

import pytest

from unroll.errors import UserError
from unroll.settings import settings_from
from unroll.tasks.tag.settings import TagSettings

COLUMNS = "New B-x\nYork I-x\nis O\n\nIt O\nis O\n"


@pytest.mark.parametrize(
    ("name", "text", "given", "mine"),
    [
        ("a.conll", "", {}, True),
        ("a.conllu.gz", "", {}, True),
        ("a.txt", COLUMNS, {}, True),
        ("a.tsv", COLUMNS.replace(" ", "\t"), {}, True),
        ("a.txt", "A rose is\na rose is a rose.\n\nTwo words\n", {}, False),
        ("a.tsv", "go\tva\nrun\tcours\n", {}, False),
        ("a.tsv", "# pairs\ngo\tva\nrun\tva\n", {}, False),
        ("a.csv", "text,label\nfine,1\n", {}, False),
        ("a.dat", "x", {"tag": "2"}, True),
        ("a.txt", "", {}, False),
    ],
)
def test_guess(tmp_path, name, text, given, mine):
    (tmp_path / name).write_text(text)
    assert (TagSettings.guess(tmp_path / name, given) is not None) == mine
    assert (TagSettings.guess(tmp_path / name, given) is not None) == mine


@pytest.mark.parametrize("tag", ["0", "-1", ""])
def test_a_column_is_a_number_or_a_name(tag):
    with pytest.raises(UserError, match="expected a number from 1"):
        settings_from(TagSettings, {"tag": tag})


def test_columns_in_any_case():
    assert settings_from(TagSettings, {"tag": "XPOS", "word": "2"}).tag == "xpos"
    assert settings_from(TagSettings, {"tag": 3}).tag == "3"
