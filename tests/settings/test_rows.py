"""The rows of settings that help shows are true of the settings."""

from typing import ClassVar, Literal

import pytest
from pydantic import Field

from unroll.settings import RecurrentSettings
from unroll.settings.rows import setting_rows, value_word
from unroll.tasks import TASKS


class RowSettings(RecurrentSettings):
    flags: ClassVar[dict[str, str]] = {"column": "COLUMN", "deep": ""}

    column: str | None = Field(None, description="A column.")
    deep: bool = Field(False, description="Whether it is deep.")
    rate: float = Field(0.5, description="A rate.")
    kind: Literal["a", "b"] = Field("a", description="A kind.")


def test_a_row_says_how_a_setting_is_typed_and_its_default():
    rows = {row.name: row for row in setting_rows(RowSettings)}
    assert [rows[name].typed for name in ("column", "deep", "rate", "kind", "hidden")] == [
        "--column COLUMN",
        "--deep",
        "--set rate=X",
        "--set kind=a|b",
        "--hidden N",
    ]
    assert rows["rate"].default == "0.5" and rows["column"].default is None
    assert rows["kind"].meaning == "A kind."


@pytest.mark.parametrize("name", TASKS)
def test_every_setting_has_a_row_with_a_sentence_and_every_flag_a_setting(name):
    kind = TASKS[name].settings_class()
    rows = setting_rows(kind)
    assert [row.name for row in rows] == list(kind.model_fields)
    assert all(row.meaning.endswith(".") for row in rows)
    assert set(kind.all_flags()) <= set(kind.model_fields)
    assert all("VALUE" not in row.takes for row in rows), "a type without a word"


def test_words_for_types():
    assert value_word(dict[str, int]) == "JSON" and value_word(bool | None) == "true|false"
