import numpy as np

from unroll.inspect.drawing import Area, Dot, Drawing, Pixels, Polyline, TextMark
from unroll.inspect.task_pictures.stacked import TITLE, moved, stacked


def test_drawings_stand_one_above_the_other():
    first = Drawing(100, 30, "a", marks=[TextMark(1, 2, "x")])
    second = Drawing(100, 40, "b", marks=[Dot(1, 2, 3, 0)])
    whole = stacked("both", [first, second])
    assert whole.height == TITLE + 70 and whole.marks[0].text == "both"
    assert whole.marks[1].y == TITLE + 2 and whole.marks[2].y == TITLE + 30 + 2


def test_every_kind_of_mark_moves():
    line = moved(Polyline([(0.0, 1.0), None], "grid"), 5.0)
    assert line.points == [(0.0, 6.0), None]
    assert moved(Area([(0.0, 1.0)], 0), 5.0).points == [(0.0, 6.0)]
    assert moved(Pixels(0, 1, 2, 3, np.zeros((1, 1, 3), np.uint8)), 5.0).y == 6.0
