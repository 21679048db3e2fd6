import numpy as np

from unroll.inspect.drawing import Drawing, Polyline, dashed_pieces, png_bytes

from .pixels import pixels


def test_a_png_of_pixels_is_read_back():
    values = np.random.default_rng(1).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    assert (pixels(png_bytes(values)) == values).all()


def test_dashes_have_their_lengths_and_go_on_round_corners():
    pieces = dashed_pieces([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)], (7, 4))
    assert pieces == [((0, 0), (7, 0)), ((10, 1), (10, 8))]
    assert dashed_pieces([(0.0, 0.0), None, (1.0, 1.0)], ()) == []


def test_an_empty_line_is_drawn_as_nothing():
    assert pixels(Drawing(10, 10, "it", marks=[Polyline([None], "curve c0")]).png()).shape == (
        20,
        20,
        3,
    )
