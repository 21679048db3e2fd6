"""Lines of writing: ink is 1 whatever the colours; changed lines are a function of the generator."""

from io import BytesIO

import numpy as np
import pytest
import torch

from unroll.data.images import BadImage
from unroll.tasks.transcribe.line_images import distort_line, read_line, smallest_width_ratio

Image = pytest.importorskip("PIL.Image")


def written(paper=255, ink=0, width=120, height=40, mode="L"):
    """A page with two strokes."""
    pixels = np.full((height, width), paper, np.uint8)
    pixels[8:32, 20:26] = ink
    pixels[18:22, 60:100] = ink
    file = BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "TIFF")
    return file.getvalue()


def test_dark_on_light_is_as_light_on_dark():
    line = read_line(written())
    assert line.shape == (1, 32, 96) and line.min() == 0 and line.max() == 1
    assert line[0, 16, 18] == 1 and line[0, 2, 40] == 0
    torch.testing.assert_close(read_line(written(0, 255)), line)
    torch.testing.assert_close(read_line(written(200, 40)), line, rtol=0, atol=0.02)
    torch.testing.assert_close(read_line(written(90, 190, mode="RGB")), line, rtol=0, atol=0.02)


def test_nothing_written_is_nothing():
    assert not read_line(written(200, 200)).any()
    assert not read_line(written(200, 195)).any()  # dust


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (7, 3), (4000, 40)])
def test_any_size(size):
    line = read_line(written(width=size[0], height=size[1]))
    assert line.shape[:2] == (1, 32) and line.shape[2] == max(1, round(32 * size[0] / size[1]))


def test_a_band_is_no_line():
    with pytest.raises(BadImage, match=r"page is 150 times as wide as high.*Split it into lines"):
        read_line(written(width=1500, height=10), name="page")


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def test_changed_lines():
    line = read_line(written())
    assert torch.equal(distort_line(line, drawn(1), 0), line)
    for seed in range(20):
        one = distort_line(line, drawn(seed))
        assert torch.equal(one, distort_line(line, drawn(seed)))
        assert not torch.equal(one, distort_line(line, drawn(seed + 100)))
        assert one.min() >= 0 and one.max() <= 1 and one.shape[:2] == (1, 32)
        assert 0.8 * 96 <= one.shape[2] <= 1.2 * 96
        assert 0.4 < float(one.mean() / line.mean()) < 2.5  # the strokes are still there
        for strength in (1.0, 3.0, 9.0):
            assert distort_line(line, drawn(seed), strength).shape[2] >= round(
                96 * smallest_width_ratio(strength)
            )
    assert distort_line(torch.rand(1, 32, 1), drawn(0), 3.0).shape[2] >= 1


def test_global_random_numbers_are_left_alone():
    line, before = read_line(written()), torch.get_rng_state()
    distort_line(line, drawn(1))
    assert torch.equal(before, torch.get_rng_state())
