"""What looks like a text, and which settings do not fit together."""

import pytest

from unroll.errors import UserError
from unroll.settings import settings_from
from unroll.tasks.language.settings import LanguageSettings


def test_texts_folders_and_standard_input_are_recognised(tmp_path):
    (tmp_path / "a.txt").write_text("a rose")
    (tmp_path / "a.tsv").write_text("a\tb")
    guess = LanguageSettings.guess
    assert guess(tmp_path / "a.txt", {}) == "a text"
    assert guess(tmp_path, {}) == "a folder of texts"
    assert "standard input" in str(guess("-", {}))
    assert guess(tmp_path / "a.tsv", {}) is None
    assert guess(tmp_path / "a.tsv", {"per_line": True}) == "a text"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"condition": "2"}, "add --per-line"),
        ({"k1": 4}, "k1 and k2 need truncation"),
        ({"truncation": "overlapping", "k1": 9, "k2": 4}, "k1=9 is more than k2=4"),
        ({"truncation": "overlapping", "per_line": True}, "one long text"),
        ({"online": "rtrl", "state": "reset"}, "one long text"),
        ({"online": "snap1", "layers": 2}, "for one layer"),
        ({"online": "rtrl", "dropout": 0.1}, "dropout"),
    ],
)
def test_what_does_not_fit_together_is_a_sentence(values, message):
    with pytest.raises(UserError, match=message):
        settings_from(LanguageSettings, values)


def test_what_was_left_out_of_a_truncation_has_a_default():
    assert LanguageSettings(truncation="overlapping", block=40).reach == (10, 40)
    assert LanguageSettings(truncation="overlapping", k1=3, k2=9).reach == (3, 9)
