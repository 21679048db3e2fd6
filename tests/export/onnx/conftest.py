"""Small runs, trained once each when a test first asks for them, and their exports."""

import numpy as np
import pytest

import unroll
from unroll.export.onnx.run import export_run

QUIET = {"steps": 12, "hidden": 8, "threads": 1, "quiet": True, "backend": "loop"}
POEM = 'The apple, and the pear.\nA rose is a rose: "is it?"\n\nO rose!\n' * 40


@pytest.fixture(scope="session")
def language_runs(tmp_path_factory):
    """By name: characters with n-grams, alone, words of a shortlist, lines under a condition."""
    place = tmp_path_factory.mktemp("exported_language")
    (place / "poem.txt").write_text(POEM)
    (place / "names.tsv").write_text("anna\tf\nadam\tm\nada\tf\nbob\tm\n" * 20)
    made = {
        "characters": ("poem.txt", {}),
        "alone": ("poem.txt", {"floor": "none", "cell": "min_gru", "layers": 2}),
        "words": ("poem.txt", {"level": "word", "shortlist": 6, "min_count": 1}),
        "sentences": ("poem.txt", {"level": "word", "end": "sentence", "lower": True, "tie": True}),
        "names": ("names.tsv", {"per_line": True, "condition": "2", "cell": "gru"}),
        "pieces": ("poem.txt", {"level": "bpe", "vocabulary_size": 300, "floor": "none"}),
    }

    class Runs(dict):
        def __missing__(self, name):
            data, options = made[name]
            self[name] = unroll.train(place / data, place / name, **{**QUIET, **options})
            return self[name]

    return Runs()


@pytest.fixture(scope="session")
def classify_runs(tmp_path_factory):
    """By name: words with a linear model, characters alone, several labels, numbers."""
    place = tmp_path_factory.mktemp("exported_classify")
    rows = [f"the film was {w} indeed {n},{w}" for n in range(30) for w in ("fine", "poor", "odd")]
    (place / "reviews.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    both = [
        f"a {a} and {b} film {n},{a};{b}"
        for n in range(20)
        for a, b in (("fine", "odd"), ("poor", "odd"))
    ]
    (place / "several.csv").write_text("text,label\n" + "\n".join(both) + "\n")
    random, parts = np.random.default_rng(0), []
    for n in range(40):
        steps = np.arange(12 + n % 5)
        wave = np.sin(steps * (0.4 if n % 2 else 1.1)) + 0.1 * random.standard_normal(len(steps))
        parts += [f"{n},{x:.4f},{-x:.4f},{'slow' if n % 2 else 'fast'}" for x in wave]
    (place / "waves.csv").write_text("id,x,y,label\n" + "\n".join(parts) + "\n")
    made = {
        "words": ("reviews.csv", {}),
        "characters": ("reviews.csv", {"level": "char", "floor": "none", "pooling": "last"}),
        "several": ("several.csv", {"separator": ";", "pooling": "attention"}),
        "numbers": ("waves.csv", {"id": "id", "pooling": "mean"}),
        "counts": ("reviews.csv", {"floor": "none", "counts": True}),
    }

    class Runs(dict):
        def __missing__(self, name):
            data, options = made[name]
            given = {**QUIET, **options, "task": "classify"}
            self[name] = unroll.train(place / data, place / name, **given)
            return self[name]

    return Runs()


@pytest.fixture(scope="session")
def exported(language_runs, classify_runs, tmp_path_factory):
    """Exports by task and name."""
    place = tmp_path_factory.mktemp("exports")

    class Exports(dict):
        def __missing__(self, key):
            task, name = key
            run = (language_runs if task == "language" else classify_runs)[name]
            self[key] = export_run(run, place / f"{task}-{name}")
            return self[key]

    return Exports()
