"""Every mode that Pillow has becomes the colours a person would see; what is no image is a sentence."""

import os
from io import BytesIO

import numpy as np
import pytest
import torch

from unroll.data.images import BadImage, read_image

Image = pytest.importorskip("PIL.Image")

RED, GREY = (200, 40, 20), 130


def png(image, **options):
    file = BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def half(mode, colour, other):
    """4 x 2 pixels: the left half one colour, the right half another."""
    image = Image.new(mode, (4, 2), colour)
    image.paste(other, (2, 0, 4, 2))
    return image


def sides(data, colours=3):
    """The left and the right half of what was read, each in 0 to 255."""
    image = read_image(data, colours) * 255
    assert image.shape == (colours, 2, 4) and image.dtype == torch.float32
    assert 0 <= image.min() and image.max() <= 255
    return image[:, 0, 0].round().tolist(), image[:, 1, 3].round().tolist()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "YCbCr", "LAB", "RGBX"])
def test_modes_with_colours(mode, tmp_path):
    plain = half("RGB", RED, (0, 0, 255))
    if mode == "LAB":  # Pillow converts from it by a profile alone
        ImageCms = pytest.importorskip("PIL.ImageCms")
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(plain, srgb, lab, outputMode="LAB")
    else:
        image = plain.quantize(4) if mode == "P" else plain.convert(mode)
    path = tmp_path / "image.tiff"
    image.save(path)
    left, right = sides(path)
    near = 25 if mode == "LAB" else 3
    np.testing.assert_allclose(left, RED, atol=near)
    np.testing.assert_allclose(right, (0, 0, 255), atol=near)
    np.testing.assert_allclose(sides(path, colours=1)[1], 29, atol=10)  # the luma of blue


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "I", "F"])
def test_modes_of_grey(mode, tmp_path):
    scale = 257 if mode in ("I;16", "I") else 1
    values = np.repeat([[0, 0, GREY, GREY]], 2, 0)
    kinds = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    if mode in kinds:
        values = values * scale
        values[0, 0] = 0
        image = Image.fromarray(values.astype(kinds[mode]))
    else:
        image = Image.fromarray(values.astype(np.uint8)).convert(mode, dither=0)
    path = tmp_path / "image.tiff"
    image.save(path)
    with Image.open(path) as saved:
        assert saved.mode == mode
    expected = 255 if mode == "1" else GREY
    for colours in (1, 3):
        left, right = sides(path, colours)
        assert left == [0] * colours
        assert right == pytest.approx([expected] * colours, abs=1)


def test_what_is_transparent_is_white():
    clear = half("RGBA", (*RED, 255), (0, 0, 0, 0))
    assert sides(png(clear)) == (list(RED), [255.0] * 3)
    assert sides(png(half("RGBA", (*RED, 255), (0, 0, 0, 128))))[1] == pytest.approx([127] * 3)
    assert sides(png(half("LA", (GREY, 255), (0, 0))), 1) == ([GREY], [255.0])
    palette = half("RGB", RED, (0, 0, 255)).quantize(4)
    clear_one = palette.getpixel((3, 0))
    assert sides(png(palette, transparency=clear_one))[1] == [255.0] * 3
    grey = half("L", GREY, 7)
    assert sides(png(grey, transparency=7), 1) == ([GREY], [255.0])


def test_a_camera_on_its_side():
    image = half("RGB", (0, 0, 0), (255, 255, 255)).resize((40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    file = BytesIO()
    image.save(file, "JPEG", exif=exif, quality=95)
    read = read_image(file.getvalue())
    assert read.shape == (3, 40, 20)
    assert read[:, 0].mean() < 0.1 < 0.9 < read[:, -1].mean()


@pytest.mark.parametrize(
    ("asked", "shape"),
    [((10, 5), (10, 5)), ((10, None), (10, 20)), ((None, 2), (1, 2)), ((None, 1), (1, 1))],
)
def test_sizes(asked, shape):
    data = png(Image.new("L", (40, 20), 90))
    read = read_image(data, 1, *asked)
    assert read.shape == (1, *shape)
    assert torch.allclose(read, torch.tensor(90 / 255))


def test_the_first_of_several_pictures_is_read(tmp_path):
    frames = [Image.new("RGB", (4, 2), colour) for colour in (RED, (0, 0, 0))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert sides(tmp_path / "a.gif")[0] == pytest.approx(RED, abs=2)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "webp", "tif"])
def test_cut_off_anywhere_is_a_sentence(suffix, tmp_path):
    rng = np.random.default_rng(0)
    whole = tmp_path / f"whole.{suffix}"
    Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8)).save(whole)
    data = whole.read_bytes()
    for share in (0.0, 0.01, 0.1, 0.5, 0.8):
        path = tmp_path / f"cut.{suffix}"
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(BadImage, match=rf"cut.{suffix} is no image that can be read"):
            read_image(path)


def test_what_is_no_image(tmp_path):
    (tmp_path / "a.png").write_text("A text.")
    with pytest.raises(BadImage, match=r"a.png is no image"):
        read_image(tmp_path / "a.png")
    with pytest.raises(BadImage, match="There is no file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(BadImage, match="line 3 is no image"):
        read_image(b"", name="line 3")
    with pytest.raises(BadImage, match=r"is no image|There is no file|a folder"):
        read_image(tmp_path)


def test_too_many_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr("unroll.data.images.MOST_PIXELS", 100)
    with pytest.raises(BadImage, match="20 x 10 pixels; expected at most 100"):
        read_image(png(Image.new("L", (20, 10))), name="big")


def test_an_image_is_checked_before_it_is_scaled(tmp_path):
    Image.new("L", (4_000_000, 1)).save(tmp_path / "wide.png")
    assert (tmp_path / "wide.png").stat().st_size < 10_000
    with pytest.raises(
        BadImage, match=r"128,000,000 x 32 pixels once it is scaled; expected at most"
    ):
        read_image(tmp_path / "wide.png", 1, height=32)
    with pytest.raises(BadImage, match="4000000 times as wide as high"):
        read_image(tmp_path / "wide.png", 1, height=32, widest=128)


def test_what_is_no_file_and_what_starts_a_program_is_no_image(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(BadImage, match="is a named pipe, not a regular file; expected an image"):
        read_image(tmp_path / "pipe.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.eps")
    with pytest.raises(BadImage, match="cannot identify image file"):
        read_image(tmp_path / "a.eps")


def test_whatever_the_decoder_raises_is_a_bad_image(monkeypatch):
    def broken(*given, **named):
        raise KeyError("tag")

    monkeypatch.setattr("PIL.ImageOps.exif_transpose", broken)
    with pytest.raises(BadImage, match=r"the image is no image that can be read \('tag'\)"):
        read_image(png(Image.new("L", (2, 2))))
