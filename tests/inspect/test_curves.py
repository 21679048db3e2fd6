import math
import xml.etree.ElementTree as ElementTree

from unroll.inspect.curves import Curve, draw_curves

from .pixels import pixels

SVG = "{http://www.w3.org/2000/svg}"


def test_a_curve_is_drawn_at_its_coordinates():
    drawing = draw_curves([Curve("a", 0, {0: 0.0, 10: 1.0})], "y", "x", logarithmic=False)
    found = pixels(drawing.png())
    assert found.shape == (2 * drawing.height, 2 * drawing.width, 3)
    blue = (found == (0x0B, 0x5C, 0xAD)).all(2)
    plane = blue.copy()
    plane[: 2 * drawing.data["top"] - 4] = False  # the legend
    rows, columns = plane.nonzero()
    assert rows[columns.argmin()] > rows[columns.argmax()]  # it rises
    assert abs(columns.min() - 2 * drawing.data["left"]) <= 4


def test_a_plain_axis_has_round_ticks_and_holds_every_value():
    drawing = draw_curves([Curve("a", 0, {0: -0.31, 5: 0.74})], "y", "x", logarithmic=False)
    words = [t.text for t in ElementTree.fromstring(drawing.svg()).iter() if t.tag.endswith("text")]
    assert {"-0.2", "0", "0.6"} <= set(words)
    assert drawing.data["low"] < -0.31 and drawing.data["high"] > 0.74


def test_curves_are_interrupted_at_values_that_cannot_be_drawn():
    line = Curve("a<b", 0, {0: 1.0, 1: 0.0, 2: math.inf, 3: 0.1, 4: 0.1})
    picture = draw_curves([line], "y", "x").svg()
    path = next(
        p for p in ElementTree.fromstring(picture).iter(f"{SVG}path") if p.get("data-label")
    )
    assert path.get("d").count("M") == 2 and path.get("data-label") == "a<b"
    assert "nothing to draw" in draw_curves([Curve("a", 0, {0: 0.0})], "y", "x").svg()
