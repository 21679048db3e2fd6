"""A small captioner that the tests of this folder share, and tables of images."""

import pytest
from PIL import Image, ImageDraw

import unroll

COLOURS = {"red": (220, 0, 0), "green": (0, 160, 0), "blue": (0, 0, 220), "black": (0, 0, 0)}
SIZES = {
    "channels": "8,16", "hidden": 32, "embedding": 16, "cell": "gru", "dropout": 0.0,
    "word_dropout": 0.0, "shift": 1, "batch_size": 16, "learning_rate": 1e-2, "consensus": 12,
    "label_smoothing": 0.0, "apart": "images",
}  # fmt: skip


def write_squares(folder, count, first=0):
    """Squares of four colours, left or right, up or down; the rows of a table that describes them."""
    rows = []
    for k in range(first, first + count):
        name = list(COLOURS)[k % 4]
        x, y = (k // 4) % 2, (k // 8) % 2
        image = Image.new("RGB", (24, 16), (250, 250, 250))
        at = (2 + 12 * x + k % 3, 1 + 8 * y)
        ImageDraw.Draw(image).rectangle((*at, at[0] + 5, at[1] + 5), COLOURS[name])
        image.save(folder / f"{k}.png")
        where = f"{['upper', 'lower'][y]} {['left', 'right'][x]}"
        rows.append(f"{k}.png\tA {name} square in the {where} corner.\n")
    return rows


@pytest.fixture(scope="session")
def sizes():
    return SIZES


@pytest.fixture(scope="session")
def draw_squares():
    """Calls: folder, count, number of the first -> the rows of a table of squares."""
    return write_squares


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run that captions the squares; its folder also holds captions.tsv and test.tsv."""
    folder = tmp_path_factory.mktemp("caption")
    heading = "image\tcaption\n"
    (folder / "captions.tsv").write_text(heading + "".join(write_squares(folder, 160)))
    (folder / "test.tsv").write_text(heading + "".join(write_squares(folder, 16, 200)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return unroll.train(
            "captions.tsv", folder / "run", steps=160, threads=1, quiet=True, **SIZES
        )


@pytest.fixture
def place(trained, monkeypatch):
    """The folder of the run, made the current one."""
    monkeypatch.chdir(trained.path.parent)
    return trained.path.parent


@pytest.fixture
def run(place, trained):
    return trained


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, made the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_table(folder):
    """Writes a table of images, each of its own grey, with two captions for every third."""

    def write(count=30, name="captions.csv", more=""):
        lines = ["image,caption"]
        for k in range(count):
            Image.new("L", (24, 16), 8 * k).save(folder / f"{k}.png")
            lines.append(f"{k}.png,A picture number {k}.")
            if k % 3 == 0:
                lines.append(f"{k}.png,It is {k}!")
        (folder / name).write_text("\n".join(lines) + "\n" + more)
        return name

    return write
