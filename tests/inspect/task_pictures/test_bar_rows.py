import math

from unroll.inspect.task_pictures.bar_rows import BarRow, draw_bar_rows


def test_the_longest_bar_fills_the_width():
    drawing = draw_bar_rows([BarRow("a", 1, "one"), BarRow("b", 2, "two")], "it", level=1)
    first, second = (mark for mark in drawing.marks if hasattr(mark, "opacity"))
    wide = [mark.points[1][0] - mark.points[0][0] for mark in (first, second)]
    assert abs(wide[1] - 2 * wide[0]) < 1e-6 and "level" in drawing.svg()


def test_a_value_that_is_no_number_has_no_length():
    assert "none" in draw_bar_rows([BarRow("a", math.nan, "none")], "it").svg()


def test_long_names_stand_above_their_bars():
    long = "a name that does not fit before its bar"
    rows = [BarRow(long, 1, "1"), BarRow("b", 1, "1")]
    assert long in draw_bar_rows(rows, "it").svg()
    assert draw_bar_rows(rows, "it").height > draw_bar_rows(rows[1:] * 2, "it").height
