from unroll.inspect.drawing import Box, TextMark
from unroll.inspect.unrolled_diagram import MOST, draw_unrolled


def texts(drawing):
    return [mark.text for mark in drawing.marks if isinstance(mark, TextMark)]


def test_the_loop_and_a_cell_for_each_step():
    drawing = draw_unrolled("lstm", ["h", "c"], list("hello"))
    assert sum(isinstance(mark, Box) for mark in drawing.marks) == 1 + 5
    assert texts(drawing).count("l") == 2
    assert {"h, c", "h0, c0", "h1, c1", "h5, c5", "=", "x", "y", "y5"} <= set(texts(drawing))


def test_a_long_sequence_ends_in_dots():
    drawing = draw_unrolled("rnn", ["h"], ["a"] * 100)
    assert sum(isinstance(mark, Box) for mark in drawing.marks) == 1 + MOST
    assert "… 100" in texts(drawing)
