from dataclasses import dataclass
from functools import partial

import pytest

from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    format_conditions,
    format_number,
    html_table,
    round_digits,
    text_table,
)
from unroll.inspect.page import Section


class TwoPictures(Finding):
    """A finding with a wide and a narrow picture."""

    def __init__(self):
        self.title, self.conditions = "two <pictures>", {"length": 3, "clip": None}

    def as_dict(self):
        return {}

    def text(self):
        return ""

    def pictures(self):
        return {
            name: Picture(partial(Drawing, width, 9, name), [["name"], [name]])
            for name, width in (("wide", 90), ("narrow", 10))
        }

    def table(self):
        return [["name"], ["wide"]]

    def section(self):
        return Section("alignment", self.title, {"conditions": "", "table": ""})


def test_the_first_picture_is_the_default():
    found = TwoPictures()
    assert 'viewBox="0 0 90 9"' in found.svg() and 'viewBox="0 0 10 9"' in found.svg("narrow")
    assert found.csv() == "name\nwide\n" and found.csv("narrow") == "name\nnarrow\n"
    assert "two &lt;pictures&gt;" in found.html("a <command>")
    assert "a &lt;command&gt;" in found.html("a <command>")
    assert found._repr_html_().startswith("<h3>two &lt;pictures&gt;</h3><svg")


def test_a_finding_without_its_methods_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        Finding()


def test_tables():
    rows = [["", "a<b"], ["name", "1"]]
    assert text_table(rows) == "      a<b\nname    1"
    assert (
        html_table(rows).count("<th") - html_table(rows).count("<thead") == 2
    )  # the corner is none
    assert "a&lt;b" in html_table(rows)


def test_numbers():
    assert [format_number(n) for n in (None, float("nan"), 0, 0.12345, 12345.0)] == [
        "-", "-", "0", "0.123", "1.23e+04",
    ]  # fmt: skip
    assert round_digits(1.23456) == 1.235 and round_digits(float("inf")) is None
    assert format_conditions({"warm_up": 2, "clip": None, "batch": 8}) == "warm up 2, batch 8"


def test_a_finding_is_short_also_where_it_is_a_data_class():
    @dataclass(frozen=True)
    class Many(TwoPictures):
        numbers: list[int]

    found = Many.__new__(Many)
    object.__setattr__(found, "title", "<many> \x1b" + "title " * 100)
    object.__setattr__(found, "numbers", list(range(10_000)))
    assert len(repr(found)) < 400 and "pictures: wide, narrow" in repr(found)
    assert "\x1b" not in repr(found)
    assert len(repr(found.picture())) < 100 and found.picture()._repr_html_().startswith("<svg")


def test_a_finding_without_pictures_shows_its_table():
    class NoPictures(TwoPictures):
        def pictures(self):
            return {}

    assert "<svg" not in NoPictures()._repr_html_() and "<table>" in NoPictures()._repr_html_()


def test_an_empty_corner_of_a_table_is_no_heading():
    html = html_table([["", "a"], ["b", "1"]])
    assert html.startswith('<table><thead><tr><td></td><th scope="col">a</th></tr>')
