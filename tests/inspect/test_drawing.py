import numpy as np

from unroll.inspect.drawing import Box, Drawing, Polyline, arrow, dashed_pieces, png_bytes

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


def test_boxes_and_arrows_are_drawn_in_both_forms():
    box = Box(4, 4, 30, 20, "lit")
    drawing = Drawing(60, 30, "it", marks=[box, *arrow((0.0, 14.0), (4.0, 14.0), "level plain")])
    assert (
        '<rect class="box lit" x="4.0" y="4.0" width="30.0" height="20.0" rx="5"/>' in drawing.svg()
    )
    image = pixels(drawing.png())
    assert tuple(image[28, 38]) == (0xFD, 0xEC, 0xDF)
    (head,) = arrow((0.0, 0.0), (10.0, 0.0), "curve c1")
    assert head.points == [(3.0, 4.0), (10.0, 0.0), (3.0, -4.0)]
