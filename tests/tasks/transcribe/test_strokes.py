"""The way of a pen as even steps; what is no such table is a sentence with its line."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from unroll.tasks.transcribe.strokes import BadStrokes, read_strokes


def frames(tmp_path, text, name="s.csv", **options):
    path = tmp_path / name
    path.write_text(text)
    return read_strokes(path, **options)


def csv(places, scale=1.0):
    return "".join(f"{scale * x},{scale * y},{pen}\n" for x, y, pen in places)


TWO = [(0, 0, 1), (0, 10, 0), (5, 5, 0), (20, 0, 1), (20, 8, 0), (24, 8, 0)]


def test_steps_are_even_and_end_where_the_pen_ends(tmp_path):
    found = frames(tmp_path, csv(TWO))
    drawn = found[found[:, 2] == 0]
    assert found.shape[1] == 3 and found[:, 2].sum() == 1  # one move with the pen up
    lengths = drawn[:, :2].norm(dim=1)
    assert lengths.max() <= 0.0501 and lengths.median() > 0.04
    torch.testing.assert_close(found[:, :2].sum(0), torch.tensor([2.4, 0.8]))
    (lift,) = found[found[:, 2] == 1]
    torch.testing.assert_close(lift, torch.tensor([1.5, -0.5, 1.0]))


def test_neither_size_nor_speed_matters(tmp_path):
    found = frames(tmp_path, csv(TWO))
    torch.testing.assert_close(frames(tmp_path, csv(TWO, 37.5)), found)
    slow = []
    for (x0, y0, _), (x1, y1, pen) in pairwise(TWO):
        slow += [(x0 + k / 7 * (x1 - x0), y0 + k / 7 * (y1 - y0), pen) for k in range(1, 8)]
    torch.testing.assert_close(frames(tmp_path, csv([TWO[0], *slow])), found)


def test_headers_and_columns(tmp_path):
    found = frames(tmp_path, csv(TWO))
    named = "time,pen,Y,X\n" + "".join(f"{k},{p},{y},{x}\n" for k, (x, y, p) in enumerate(TWO))
    torch.testing.assert_close(frames(tmp_path, named), found)
    tabs = csv(TWO).replace(",", "\t")
    torch.testing.assert_close(frames(tmp_path, tabs, "s.tsv"), found)
    numbers = "x,y,stroke\n" + "".join(
        f"{x},{y},{stroke}\n" for (x, y, _), stroke in zip(TWO, [1, 1, 1, 2, 2, 2], strict=True)
    )
    torch.testing.assert_close(frames(tmp_path, numbers), found)
    down = frames(tmp_path, "0,0\n0,10\n")
    assert len(down) == 20 and not down[:, 2].any()


@pytest.mark.parametrize("places", [[(3, 3, 0)], [(3, 3, 0)] * 4, [(0, 3, 0), (9, 3, 0)]])
def test_a_dot_and_a_dash(tmp_path, places):
    found = frames(tmp_path, csv(places))
    assert len(found) >= 1 and bool(torch.isfinite(found).all())
    assert float(found[:, 0].sum()) == (1.0 if places[-1][0] == 9 else 0.0)


def test_a_circle(tmp_path):
    turn = np.linspace(0, 2 * math.pi, 400)
    found = frames(tmp_path, csv([(math.cos(a), math.sin(a), 0) for a in turn]))
    assert len(found) == pytest.approx(math.pi / 0.05, abs=2)
    torch.testing.assert_close(found[:, :2].sum(0), torch.zeros(2), rtol=0, atol=1e-5)


@pytest.mark.parametrize("between", ["\t", " ", "  "])
def test_text_with_tabs_or_spaces(tmp_path, between):
    (tmp_path / "l.txt").write_text("x y pen\n0 0 1\n0 10 0\n".replace(" ", between))
    assert read_strokes(tmp_path / "l.txt", step=0.5).tolist() == [[0, 0.5, 0], [0, 0.5, 0]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no pen position"),
        ("x,y\n", "has no pen position"),
        ("left,top\n1,2\n", "line 1: left, top; expected numbers, or a header"),
        ("5\n6\n", "line 1: 5; expected numbers, or a header"),
        ("x,y\n1,2\n1,\n", "line 3: y is ''; expected a number"),
        ("x,y\n1,2\nnan,3\n", "line 3: x is 'nan'; expected a number"),
        ("1,2\n1\n", "line 2: y is ''"),
        ("1,2,7\n", "line 1: pen is 7; expected 1, up, or 0, down"),
    ],
)
def test_bad_tables(tmp_path, text, sentence):
    with pytest.raises(BadStrokes, match=sentence):
        frames(tmp_path, text)


def test_too_long_and_not_there(tmp_path):
    with pytest.raises(BadStrokes, match="more than 20,000 frames"):
        frames(tmp_path, "0,0\n0,1\n1000000,1\n")
    with pytest.raises(BadStrokes, match="There is no file"):
        read_strokes(tmp_path / "none.csv")


def test_positions_without_bound_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1e308,0\n-1e308,1\n")
    with pytest.raises(BadStrokes, match="line 2: x is '1e308'; expected a number of at most 1e30"):
        read_strokes(path)
    with pytest.raises(BadStrokes, match="is a device, not a regular file"):
        read_strokes(Path("/dev/zero"))
