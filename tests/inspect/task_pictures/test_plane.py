import math

from unroll.inspect.task_pictures.plane import (
    HEIGHT,
    LEFT,
    WIDTH,
    Plane,
    legend_lines,
    shorten,
    ticks,
    value_range,
)


def test_values_have_their_places():
    plane = Plane("it", (0.0, 10.0), (0.0, 1.0), percent=True)
    plane.curve([(0, 0.0), (5, math.nan), (10, 1.0)], 0, "this run")
    plane.area([(0, 0), (0, 1), (5, 1)], 1, "band")
    plane.dot(5, 0.5, 2, "here")
    drawing = plane.drawing()
    assert plane.x(0) == LEFT and plane.y(1) < plane.y(0) and drawing.width == WIDTH
    svg = drawing.svg()
    assert "this run" in svg and "<title>here</title>" in svg and "100%" in svg
    assert drawing.height >= HEIGHT and drawing.png()[:4] == b"\x89PNG"


def test_a_legend_goes_on_in_a_second_line():
    assert len(legend_lines([(0, "line", "a" * 30), (1, "dot", "b" * 30)])) == 2


def test_ranges_and_labels():
    assert ticks(0, 1, 5) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] and ticks(3, 3, 5) == [3]
    assert value_range([math.nan]) == (0.0, 1.0) and value_range([1.0, 1.0]) == (0.94, 1.06)
    assert shorten("a  long\ntext", 6) == "a lon…"
