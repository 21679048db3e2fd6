import xml.etree.ElementTree as ElementTree

from unroll.inspect.scatter import Cloud, draw_scatter


def test_points_have_their_labels():
    drawing = draw_scatter(
        [Cloud("c", 1, [(0.0, 1.0, 'one "&"')])], "y", "x", shares=True, diagonal=True
    )
    circle = next(
        c for c in ElementTree.fromstring(drawing.svg()).iter() if c.tag.endswith("circle")
    )
    assert circle[0].text == 'one "&"'
    assert (
        draw_scatter([Cloud("", 0, [(2.0, 2.0, "same")])], "y", "x", labelled=True)
        .svg()
        .count("same")
        == 2
    )
