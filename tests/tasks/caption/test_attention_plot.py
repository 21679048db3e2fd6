"""The drawing of the attention over an image."""

import re
from xml.etree import ElementTree

from PIL import Image

from unroll.tasks.caption.attention_plot import AttendedImage, draw_attention, read_as_png


def test_the_drawing_is_well_formed_and_needs_no_other_file():
    one = AttendedImage(
        b"png", 10, 40, "a <dog>", "x & y", ["a", "<eos>"], [[0.0, 1.0], [0.5, 0.5]], (1, 2)
    )
    text = draw_attention([one, one])
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg") and "a &lt;dog&gt;" in text
    assert text.count('class="attended"') == 2 * 3 and text.count("<use ") == 2 * 2
    assert set(re.findall(r'(?:href|src)="([^"]{0,22})', text)) == {
        "data:image/png;base64,", "#image0", "#image1",
    }  # fmt: skip


def test_an_image_becomes_a_png_that_is_not_too_wide(tmp_path):
    Image.new("L", (960, 100)).save(tmp_path / "wide.jpg")
    png, height, width = read_as_png(tmp_path / "wide.jpg")
    assert png.startswith(b"\x89PNG") and (height, width) == (50, 480)
