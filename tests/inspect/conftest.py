import pytest
import torch

import unroll
from unroll.inspect.cell_gradients import measure_cell
from unroll.training.report import QuietReport

QUOTED = 'The wind said "all (red and gold) leaves" and went on.\nA rose (white) grew by "it".\n'


@pytest.fixture
def followed():
    """Follow the gradient of one cell over random inputs: white noise goes in at the loss."""

    def follow(cell, steps=12, batch=3, noise=True, clip=None):
        x = torch.randn(steps, batch, cell.input_size, dtype=torch.float64)
        target = torch.randn(batch, cell.output_size, dtype=torch.float64)
        return (
            measure_cell("it", cell.double().eval(), "as given", x, target, noise, clip),
            x,
            target,
        )

    return follow


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """The folders of small runs, by task; their data lie beside them."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "text.txt").write_text(QUOTED * 60)
    kinds = ("good film number {},pos\n", "bad film number {},neg\n")
    rows = [kinds[n % 2].format(n % 7) for n in range(80)]
    (folder / "films.csv").write_text("text,label\n" + "".join(rows))
    (folder / "pairs.tsv").write_text(
        "".join(f"a{n % 5} b{n % 3} c\tC B{n % 3} A{n % 5}\n" for n in range(90))
    )
    sentence = "{}\tB-person\nsees\tO\n{}\tB-person\n.\tO\n\n"
    names = [sentence.format("ABC"[n % 3] + "nn", "ABC"[n % 2] + "ob") for n in range(60)]
    (folder / "names.conll").write_text("".join(names))
    small = {"hidden": 8, "embedding": 8, "threads": 1, "backend": "loop"}
    made = {
        "language": (
            "text.txt",
            {"layers": 2, "steps": 20, "block": 16, "evaluate_every": 10, "floor": "none"},
        ),
        "classify": ("films.csv", {"steps": 4, "pooling": "attention", "cell": "gru"}),
        "translate": ("pairs.tsv", {"steps": 4, "level": "word"}),
        "tag": ("names.conll", {"steps": 4}),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        for task, (data, settings) in made.items():
            watch = {"watch": "gradients"} if task == "language" else {}
            unroll.train(data, task, task=task, report=QuietReport(), **small, **settings, **watch)
        yield {task: folder / task for task in made}


@pytest.fixture(scope="session")
def language(runs):
    return unroll.load(runs["language"])


@pytest.fixture(scope="session")
def classifier(runs):
    return unroll.load(runs["classify"])


@pytest.fixture(scope="session")
def translator(runs):
    return unroll.load(runs["translate"])


@pytest.fixture(scope="session")
def tagger(runs):
    return unroll.load(runs["tag"])
