import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from unroll.inspect.curves import Curve, curves
from unroll.inspect.drawing import Drawing, Path, dashed, png_bytes
from unroll.inspect.heat import colours, heat_map
from unroll.inspect.scatter import Cloud, scatter

images = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install pillow")


def pixels(data):
    return np.asarray(images.open(io.BytesIO(data)).convert("RGB"))


def test_a_png_of_pixels_is_read_back():
    values = np.random.default_rng(1).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    assert (pixels(png_bytes(values)) == values).all()


def test_a_curve_is_drawn_where_it_belongs():
    drawing = curves([Curve("a", 0, {0: 0.0, 10: 1.0})], "y", "x", powers=False)
    found = pixels(drawing.png())
    assert found.shape == (2 * drawing.height, 2 * drawing.width, 3)
    blue = (found == (0x0B, 0x5C, 0xAD)).all(2)
    plane = blue[:, : round(2 * drawing.data["right"])]
    rows, columns = plane.nonzero()
    assert rows[columns.argmin()] > rows[columns.argmax()]  # it rises
    assert abs(columns.min() - 2 * drawing.data["left"]) <= 4


def test_a_plain_axis_has_round_ticks_and_holds_every_value():
    drawing = curves([Curve("a", 0, {0: -0.31, 5: 0.74})], "y", "x", powers=False)
    words = [t.text for t in ElementTree.fromstring(drawing.svg()).iter() if t.tag.endswith("text")]
    assert {"-0.2", "0", "0.6"} <= set(words)
    assert drawing.data["low"] < -0.31 and drawing.data["high"] > 0.74


def test_dashes_have_their_lengths_and_go_on_round_corners():
    pieces = dashed([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)], (7, 4))
    assert pieces == [((0, 0), (7, 0)), ((10, 1), (10, 8))]
    assert dashed([(0.0, 0.0), None, (1.0, 1.0)], ()) == []


def test_a_heat_map_has_the_colours_of_its_values():
    found = colours(np.array([[0.0, 1.0, np.nan]]), signed=False)
    assert found[0].tolist() == [[16, 21, 27], [255, 253, 240], [16, 21, 27]]
    assert colours(np.array([[-2.0, 0.0, 2.0]]), signed=True)[0].tolist() == [
        [11, 92, 173], [255, 255, 255], [217, 95, 2],
    ]  # fmt: skip
    drawing = heat_map(np.eye(2), "it", rows=["a<b", "c"], columns=["d", "e"])
    assert "a&lt;b" in drawing.svg() and "data:image/png;base64," in drawing.svg()
    assert (pixels(drawing.png()) == (255, 253, 240)).all(2).any()


def test_points_say_what_they_are():
    drawing = scatter([Cloud("c", 1, [(0.0, 1.0, 'one "&"')])], "y", "x", unit=True, diagonal=True)
    circle = next(
        c for c in ElementTree.fromstring(drawing.svg()).iter() if c.tag.endswith("circle")
    )
    assert circle[0].text == 'one "&"' and drawing.png()[:4] == b"\x89PNG"
    assert (
        scatter([Cloud("", 0, [(2.0, 2.0, "same")])], "y", "x", named=True).svg().count("same") == 2
    )


def test_nothing_to_draw_is_a_picture_too():
    assert Drawing(10, 10, "it", marks=[Path([None], "curve c0")]).png()[:4] == b"\x89PNG"
