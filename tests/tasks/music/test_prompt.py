"""Prompts: fields apart, a body after the key, and what is refused."""

import pytest

from unroll.errors import UserError
from unroll.tasks.music.prompt import is_usable_field, parse_prompt


def test_fields_and_body():
    assert parse_prompt("") == ({}, "")
    assert parse_prompt("K:G M:6/8") == ({"K": "G", "M": "6/8"}, "")
    assert parse_prompt("T:My own tune\nK:D mixolydian\nA|d2") == (
        {"T": "My own tune", "K": "D mixolydian"}, "A|d2",
    )  # fmt: skip


def test_what_is_refused():
    for prompt, expected in (("A2 B2", "fields of ABC"), ("K:G K:D", "twice"), ("L:1/3", "1/8")):
        with pytest.raises(UserError, match=expected):
            parse_prompt(prompt)


def test_metres_with_bars_that_can_be_written():
    assert is_usable_field("M", "64/8") and not is_usable_field("M", "65/8")
    assert not is_usable_field("M", "64/4") and not is_usable_field("M", "3/6")
