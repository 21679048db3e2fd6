import numpy as np

from unroll.inspect.heat_map import draw_heat_map, value_colours

from .pixels import pixels


def test_a_heat_map_has_the_colours_of_its_values():
    found = value_colours(np.array([[0.0, 1.0, np.nan]]), signed=False)
    assert found[0].tolist() == [[16, 21, 27], [255, 253, 240], [16, 21, 27]]
    assert value_colours(np.array([[-2.0, 0.0, 2.0]]), signed=True)[0].tolist() == [
        [11, 92, 173], [255, 255, 255], [217, 95, 2],
    ]  # fmt: skip
    drawing = draw_heat_map(np.eye(2), "it", rows=["a<b", "c"], columns=["d", "e"])
    assert "a&lt;b" in drawing.svg() and "data:image/png;base64," in drawing.svg()
    assert (pixels(drawing.png()) == (255, 253, 240)).all(2).any()
