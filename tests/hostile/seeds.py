"""A small valid input of each reader: what the mutations start from."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

Make = Callable[[Path], str]  # writes into an empty folder, returns the name of the data


@dataclass(frozen=True)
class Seed:
    """A valid input.

    Attributes:
        task: that reads it.
        make: writes it into a folder, and returns the name of the data in it.
        records: how many records a check finds in it.
        counted: the fact of a check that says so.
        settings: as `unroll.train` takes them.
        needs: a package without which it cannot be written.
        header: lines before the first record.
        between: what separates records. Empty: they are files.
    """

    task: str
    make: Make
    records: int
    counted: str
    settings: dict[str, object] = field(default_factory=dict)
    needs: str | None = None
    header: int = 0
    between: str = "\n"


STROKES: dict[str, object] = {"strokes": "file", "text": "text"}


def write(folder: Path, name: str, *lines: str) -> str:
    (folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    return name


def text(folder: Path) -> str:
    draw = random.Random(1)
    words = ["a rose", "the sky", "« naïve »", "the sea", "日本"]
    lines = (f"{draw.choice(words)} is {draw.choice(words)}." for _ in range(40))
    return write(folder, "data.txt", *lines)


def reviews() -> list[tuple[str, str]]:
    draw = random.Random(3)
    kinds = ((["lovely", "good, warm"], "5"), (["dull", 'so "called"'], "1"))
    return [
        (f"the {draw.choice(words)} {draw.choice(['film', 'play'])} {n}", stars)
        for n in range(20)
        for words, stars in kinds
    ]


def comma_table(folder: Path) -> str:
    rows = ('"{}",{}'.format(text.replace('"', '""'), stars) for text, stars in reviews())
    return write(folder, "data.csv", "review,stars", *rows)


def json_lines(folder: Path) -> str:
    rows = (json.dumps({"text": text, "label": stars}) for text, stars in reviews())
    return write(folder, "data.jsonl", *rows)


def packed_table(folder: Path) -> str:
    write(folder, "data.tsv", *(f"{text}\t{stars}" for text, stars in reviews()))
    packed = gzip.compress((folder / "data.tsv").read_bytes(), mtime=0)
    (folder / "data.tsv").unlink()
    (folder / "data.tsv.gz").write_bytes(packed)
    return "data.tsv.gz"


def workbook(folder: Path) -> str:
    import openpyxl

    book = openpyxl.Workbook()
    for row in [("review", "stars"), *reviews()]:
        book.active.append(row)
    book.save(folder / "data.xlsx")
    return "data.xlsx"


def parquet(folder: Path) -> str:
    import pyarrow
    import pyarrow.parquet

    texts, stars = zip(*reviews(), strict=True)
    table = pyarrow.table({"review": texts, "stars": stars})
    pyarrow.parquet.write_table(table, folder / "data.parquet")
    return "data.parquet"


def arrays(folder: Path) -> str:
    draw = np.random.default_rng(11)
    labels = np.arange(20) % 2
    steps = draw.normal((2 * labels - 1)[:, None, None] * np.ones((5, 2)), 0.2)
    np.savez(folder / "data.npz", X=steps, y=labels)
    return "data.npz"


def sequences(folder: Path) -> str:
    draw = np.random.default_rng(5)
    rows = ["name,x,y,label"]
    for n in range(20):
        for k in range(4 + n % 3):
            x, y = draw.normal(k if n % 2 else -k, 0.2), draw.normal(0, 0.5)
            rows.append(f"s{n},{x:.2f},{y:.2f},{['down', 'up'][n % 2]}")
    return write(folder, "data.csv", *rows)


def tagged(folder: Path) -> str:
    draw, lines = random.Random(6), []
    for _ in range(24):
        lines += [f"{draw.choice(['She', 'He'])} O", f"{draw.choice(['saw', 'left'])} O"]
        first, *more = draw.choice(["Rome", "New York", "San Marino", "Oslo"]).split()
        lines += [f"{first} B-place", *(f"{word} I-place" for word in more), ". O", ""]
    return write(folder, "data.conll", *lines)


def pairs(folder: Path) -> str:
    one, two = ["one", "two", "three", "four"], ["eins", "zwei", "drei", "vier"]
    lines = [f"{one[a]} and {one[b]}\t{two[a]} und {two[b]}" for a in range(4) for b in range(4)]
    return write(folder, "data.tsv", *lines, *(f"{one[a]}\t{two[a]}" for a in range(4)))


def series(folder: Path) -> str:
    draw, rows = np.random.default_rng(8), ["day,y,price"]
    for k, day in enumerate(np.datetime64("2024-01-01") + np.arange(90)):
        y = 10 + 3 * np.sin(2 * np.pi * k / 7) + draw.normal(0, 0.3)
        rows.append(f"{day},{y:.2f},{2 + (k % 5 == 0)}")
    return write(folder, "data.csv", *rows)


def tunes(folder: Path) -> str:
    draw, lines = random.Random(14), []
    for n in range(1, 21):
        body = "".join(draw.choice(['"G"GA_Bc|', "c/2B3/2 (3ABc G|", "[GB]2 z2|"]) for _ in "1234")
        lines += [f"X:{n}", f"T:Tune {n}", "M:4/4", "L:1/4", f"K:{'GDC'[n % 3]}", f"|:{body}:|", ""]
    return write(folder, "data.abc", *lines[:-1])


def midi(folder: Path) -> str:
    import mido

    (folder / "data").mkdir()
    for n in range(6):
        track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=3, denominator=4)])
        for k in range(6):
            pitch = 60 + (n + 2 * k) % 12
            track.append(mido.Message("note_on", note=pitch))
            track.append(mido.Message("note_off", note=pitch, time=480))
        mido.MidiFile(tracks=[track]).save(folder / "data" / f"{n}.mid")
    return "data"


def sounds(folder: Path) -> str:
    import soundfile

    draw, rows, rate = np.random.default_rng(10), ["path,words"], 2000
    for n in range(8):
        t = np.arange(rate // 5) / rate
        samples = 0.3 * np.sin(2 * np.pi * (200 + 500 * (n % 2)) * t)
        samples += 0.001 * draw.standard_normal(len(samples))
        ending = ["wav", "flac"][n // 2 % 2]
        soundfile.write(folder / f"{n}.{ending}", samples, rate)
        rows.append(f"{n}.{ending},{['low', 'high'][n % 2]}")
    return write(folder, "data.csv", *rows)


def images(folder: Path) -> str:
    from PIL import Image

    rows = ["image\tcaption"]
    for n in range(8):
        pixels = np.full((8, 16, 3), 250, np.uint8)
        pixels[2:6, n : n + 4] = [(220, 0, 0), (0, 160, 0)][n % 2]
        ending = ["png", "jpg"][n // 2 % 2]
        Image.fromarray(pixels).save(folder / f"{n}.{ending}")
        rows.append(f"{n}.{ending}\ta {['red', 'green'][n % 2]} square")
    return write(folder, "data.tsv", *rows)


def clips(folder: Path) -> str:
    import av

    draw, rows = np.random.default_rng(12), ["path,action"]
    for n in range(6):
        frames = np.full((4, 16, 16, 3), 40, np.uint8)
        at, top = int(draw.integers(16)), int(draw.integers(12))
        for frame in frames:
            frame[top : top + 4, [(at + k) % 16 for k in range(4)]] = 250
            at += 2 if n % 2 else -2
        with av.open(str(folder / f"{n}.mp4"), "w") as file:
            stream = file.add_stream("mpeg4", rate=10, width=16, height=16)
            stream.pix_fmt = "yuv420p"
            for frame in frames:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
            file.mux(stream.encode())
        rows.append(f"{n}.mp4,{['left', 'right'][n % 2]}")
    return write(folder, "data.csv", *rows)


def gestures(folder: Path) -> str:
    draw, rows = np.random.default_rng(13), []
    for n in range(24):
        path = np.cumsum(draw.normal((0, 0.5 if n % 2 else -0.5), 0.3, (6, 2)), 0) + 9
        rows.append(",".join([str(n % 2), *(f"{v:.2f}" for v in path.flat)]))
    return write(folder, "data.csv", *rows)


def strokes(folder: Path) -> str:
    draw, rows = np.random.default_rng(15), ["file,text"]
    for n in range(8):
        points = np.cumsum(draw.integers(-3, 4, (10, 2)), 0)
        pens = [1, 0, 0, 0, 0] * 2
        lines = (f"{x},{y},{pen}" for (x, y), pen in zip(points.tolist(), pens, strict=True))
        write(folder, f"{n}.csv", "x,y,pen", *lines)
        rows.append(f"{n}.csv,{['ab', 'ba'][n % 2]}")
    return write(folder, "data.csv", *rows)


SEEDS: dict[str, Seed] = {
    "text": Seed("language", text, 732, "characters", between=""),
    "comma table": Seed("classify", comma_table, 40, "rows", header=1),
    "json lines": Seed("classify", json_lines, 40, "rows"),
    "packed table": Seed("classify", packed_table, 40, "rows", between=""),
    "workbook": Seed("classify", workbook, 40, "rows", needs="openpyxl", between=""),
    "parquet": Seed("classify", parquet, 40, "rows", needs="pyarrow", between=""),
    "arrays": Seed("classify", arrays, 20, "rows", between=""),
    "sequences": Seed("classify", sequences, 20, "rows", {"id": "name"}, between=""),
    "tagged words": Seed("tag", tagged, 24, "sentences", between="\n\n"),
    "pairs": Seed("translate", pairs, 20, "pairs"),
    "series": Seed("forecast", series, 90, "steps", {"target": "y", "horizon": 3}, between=""),
    "tunes": Seed("music", tunes, 20, "tunes", between="\n\n"),
    "midi": Seed("music", midi, 6, "tunes", needs="mido", between=""),
    "sounds": Seed("transcribe", sounds, 8, "rows", needs="soundfile", header=1),
    "images": Seed("caption", images, 8, "rows", needs="PIL", header=1),
    "clips": Seed("frames", clips, 6, "rows", needs="av", header=1),
    "rows of numbers": Seed("frames", gestures, 24, "rows"),
    "strokes": Seed("transcribe", strokes, 8, "rows", STROKES, header=1),
}
