"""The tasks of `python -m benchmarks.memory`: the answers are right, and a step of each runs."""

import gzip
import struct
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]


@pytest.fixture
def memory(monkeypatch):
    """The modules by name; `benchmarks` is no package, and is found from the repository's root."""
    monkeypatch.syspath_prepend(ROOT)
    names = ("adding", "copying", "digits", "chaos", "networks", "training", "__main__")
    found = {name: import_module(f"benchmarks.memory.{name}") for name in names}
    yield found
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]


@pytest.fixture
def data(tmp_path, memory):
    """Ten thousand images in the files' own format: a dot at a place of its own, few labels."""
    folder = tmp_path / memory["digits"].FOLDER
    folder.mkdir(parents=True)
    images = torch.zeros(10_000, 28 * 28, dtype=torch.uint8)
    images[torch.arange(10_000), torch.arange(10_000) % 784] = 255
    labels = bytes(k % 10 for k in range(10_000))
    for name, head, body in (
        ("images-idx3", struct.pack(">4i", 2051, 10_000, 28, 28), bytes(images.numpy().tobytes())),
        ("labels-idx1", struct.pack(">2i", 2049, 10_000), labels),
    ):
        path = folder / f"t10k-{name}-ubyte.gz"
        path.write_bytes(gzip.compress(head + body, compresslevel=1))
    return tmp_path


def drawn(task, size=20):
    return task.batch(torch.Generator().manual_seed(1), size)


def test_the_sum_is_that_of_the_two_marked_numbers(memory):
    x, targets = drawn(memory["adding"].Adding(100))
    assert x.shape == (100, 20, 2)
    assert targets.shape == (1, 20, 1)
    for b in range(20):
        marked = [t for t in range(100) if x[t, b, 1] == 1]
        assert len(marked) == 2
        assert marked[0] < 50 <= marked[1]
        assert float(targets[0, b]) == pytest.approx(sum(float(x[t, b, 0]) for t in marked))


def test_the_mean_has_the_square_error_of_the_literature(memory):
    _, targets = drawn(memory["adding"].Adding(100), 10_000)
    assert float((targets - 1).square().mean()) == pytest.approx(1 / 6, abs=0.01)


def test_the_copy_is_the_input_after_the_delay(memory):
    copying = memory["copying"]
    x, targets = drawn(copying.Copying(30))
    words = x.argmax(-1)
    assert x.shape == (40, 20, 10)
    assert torch.equal(words[:5], targets)
    assert (words[5:35] == copying.SILENCE).all()
    assert (words[35] == copying.SIGNAL).all()
    assert (words[36:] == copying.SILENCE).all()


def test_test_sequences_are_the_same_every_time_and_not_learned_from(memory):
    task = memory["copying"].Copying(30)
    first, again = task.test(), task.test()
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(first, again, strict=True))
    assert not torch.equal(first[0][0][:, :20], drawn(task)[0])


def test_digits_by_rows_and_by_pixels_are_the_same_images(memory, data):
    rows, pixels = memory["digits"].tasks(data)
    x, y = rows.test()[0]
    long, same = pixels.test()[0]
    assert (x.shape, long.shape) == ((28, 100, 28), (784, 100, 1))
    assert torch.equal(x.transpose(0, 1).flatten(1), long[..., 0].T)
    assert torch.equal(y, same)
    assert y[0].tolist() == [k % 10 for k in range(9000, 9100)]
    assert long[:, 3, 0].argmax() == 9003 % 784


def test_shifts_move_an_image_and_nothing_else(memory):
    digits = memory["digits"]
    images = torch.zeros(3, 28, 28)
    images[:, 10, 20] = 1
    down, right = torch.tensor([[0], [2], [-2]]), torch.tensor([[0], [1], [-2]])
    moved = digits.shifted(images, down, right)
    assert [m.nonzero().tolist() for m in moved] == [[[10, 20]], [[12, 21]], [[8, 18]]]


def test_what_is_to_be_said_of_mackey_glass_comes_ten_steps_later(memory):
    chaos = memory["chaos"]
    task = chaos.TASKS[0]
    x, targets = drawn(task)
    assert torch.equal(x[chaos.WASHOUT + 10 :], targets[:-10])
    assert float(task.series[: chaos.TRAIN + 10].max()) == 1
    ((x, targets),) = task.test()
    assert torch.equal(x[-490:], targets[:490])
    assert len(targets) == 500


def test_a_chrono_start_remembers_up_to_the_length(memory):
    import unroll

    cell = unroll.LSTMCell(2, 8)
    memory["networks"].chrono(cell, 100)
    write, forget = cell.bias_ih.detach()[:16].chunk(2)
    assert torch.equal(write, -forget)
    assert float(forget.min()) >= 0
    assert float(forget.exp().max()) <= 99


@pytest.mark.parametrize("row", ["rnn orthogonal", "lstm", "echo_state"])
@pytest.mark.parametrize("name", ["adding", "copying", "rows", "chaos"])
def test_one_step_of_each_runs(memory, data, row, name, monkeypatch):
    monkeypatch.setenv("UNROLL_BACKEND", "loop")  # a compiler is not what is tested
    training = memory["training"]
    monkeypatch.setattr(training, "UNITS", 10)
    monkeypatch.setattr(memory["networks"], "HIDDEN", 8)
    tasks = {
        "adding": memory["adding"].Adding(10),
        "copying": memory["copying"].Copying(3),
        "rows": memory["digits"].tasks(data)[0],
        "chaos": memory["chaos"].TASKS[0],
    }
    ticks = iter([0.0, *[2.0] * 100])
    monkeypatch.setattr(training.Clock, "share", lambda clock: next(ticks))
    if name == "chaos":
        monkeypatch.setattr(memory["chaos"].Chaos, "test", lambda task: [drawn(task)])
    found = training.entry(row, tasks[name], 1.0, 0)
    assert found["steps"] == 1
    assert 0 <= found["score"] < 10


def test_a_stack_takes_a_step(memory):
    task = memory["adding"].Adding(10)
    model = memory["networks"].network("indrnn", task, 10)
    x, targets = drawn(task)
    said = model(x, 1)
    assert said.shape == targets.shape
    task.loss(said, targets).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_a_wrong_name_is_answered_with_those_that_there_are(memory, data):
    main = memory["__main__"]
    with pytest.raises(SystemExit, match=r"no cell named 'lsm'.*lstm"):
        main.chosen_rows("gru,lsm")
    with pytest.raises(SystemExit, match="there are adding 100"):
        main.chosen_tasks("subtracting", data)
