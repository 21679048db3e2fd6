import math

from unroll.inspect.drawing import Box, TextMark
from unroll.inspect.word_bars import (
    draw_word_bars,
    scale,
    share_of_scale,
    table_with_bars,
    text_bar,
)


def test_a_bar_is_as_long_as_the_logarithm_of_its_value():
    drawing = draw_word_bars("it", ["a", "b"], {"h": [1e-2, 1.0]}, marked=1, notes=["x", "y"])
    bars = [m for m in drawing.marks if isinstance(m, Box) and m.kind == "given"][1:]  # no legend
    assert bars[0].width < bars[1].width
    words = [m.text for m in drawing.marks if isinstance(m, TextMark)]
    assert {"it", "a", "b", "h", "1.0e-02", "x", "y"} <= set(words)
    assert any(isinstance(m, Box) and m.kind == "operation" for m in drawing.marks)


def test_zero_has_no_bar_and_says_so():
    drawing = draw_word_bars("it", ["a", " "], {"h": [0.0, 0.5]})
    assert sum(isinstance(m, Box) for m in drawing.marks) == 2
    words = [m.text for m in drawing.marks if isinstance(m, TextMark)]
    assert "0" in words and "space" in words


def test_the_scale_holds_what_is_finite_and_no_more_than_twelve_powers():
    assert scale([0.5, 0.003, 0.0, math.inf]) == (-3, 0)
    assert scale([1e-30, 0.5]) == (-12, 0)
    assert scale([0.0]) == (-1, 0)
    assert share_of_scale(math.inf, -3, 0) == 1 and share_of_scale(1e-9, -3, 0) == 0
    assert text_bar(1.0, -2, 0) == "#" * 24 and text_bar(0.0, -2, 0) == ""


def test_each_row_of_a_table_has_its_bar_and_a_sum_has_none():
    lines = table_with_bars(
        [["step", "norm"], ["1", "0.1"], ["2", "1"], ["sum", "1.1"]], [0.1, 1.0]
    )
    assert [line.count("#") for line in lines[1:]] == [12, 24, 0]
    assert lines[2].startswith("2        1  #") and lines[0] == "step  norm"
