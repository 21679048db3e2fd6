"""A checkpoint holds all that goes on, to the bit; a damaged one is passed over with a sentence."""

import copy
import math
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import load
from torch import Tensor, nn

from unroll.saved_files import Damaged
from unroll.settings import TrainingSettings
from unroll.training.checkpoint import (
    checkpoint_files,
    checkpoints,
    load_checkpoint,
    load_model,
    pack,
    read_progress,
    save_checkpoint,
    sound_checkpoints,
)
from unroll.training.files import as_json, update_manifest, write_folder
from unroll.training.optimizer import make_optimizer
from unroll.training.progress import TrainingProgress


class Pair(NamedTuple):
    h: Tensor
    c: Tensor


def make(optimizer="adamw", seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    return model, make_optimizer(model, TrainingSettings(optimizer=optimizer), 0.1)


def step(model, optimizer):
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("steps", [0, 3])
def test_a_round_trip_goes_on_to_the_bit(tmp_path, optimizer, steps):
    one, other = make(optimizer), make(optimizer, seed=1)
    for _ in range(steps):
        step(*one)
    state = (Pair(torch.randn(1, 2), torch.randn(1, 2)), (torch.randn(1, 5),))
    progress = TrainingProgress(
        step=steps, seconds=1.5, best=0.25, rate_scale=0.5, validation={"loss": 1.0}
    )
    folder = save_checkpoint(tmp_path, checkpoint_files(*one, state, progress), keep=2)
    assert folder.name == f"step-{steps:09d}"
    for _ in range(2):
        step(*one)
    after = torch.rand(3)

    template = (Pair(torch.zeros(1, 2), torch.zeros(1, 2)), (torch.zeros(1, 5),))
    found, said = load_checkpoint(folder, *other, template)
    assert said == progress == read_progress(folder)
    assert isinstance(found[0], Pair) and isinstance(found[1], tuple)
    pairs = [(found[0].h, state[0].h), (found[0].c, state[0].c), (found[1][0], state[1][0])]
    assert all(torch.equal(a, b) for a, b in pairs)
    for _ in range(2):
        step(*other)
    assert all(map(torch.equal, one[0].parameters(), other[0].parameters()))
    assert torch.equal(torch.rand(3), after)


def test_no_carried_state_comes_back_as_none(tmp_path):
    folder = save_checkpoint(tmp_path, checkpoint_files(*make(), None, TrainingProgress()), keep=2)
    assert load_checkpoint(folder, *make(), torch.zeros(2))[0] is None


def test_the_newest_are_kept_and_what_is_no_checkpoint_is_left_alone(tmp_path):
    assert checkpoints(tmp_path) == []
    run = make()
    for k in (0, 5, 10, 1_000_000):
        save_checkpoint(tmp_path, checkpoint_files(*run, None, TrainingProgress(step=k)), keep=2)
        (tmp_path / "checkpoints" / "notes").mkdir(exist_ok=True)
        (tmp_path / "checkpoints" / "step-000000099").touch()
    assert [int(p.name[5:]) for p in checkpoints(tmp_path)] == [1_000_000, 10]
    assert (tmp_path / "checkpoints" / "notes").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors", "training.json"])
def test_a_damaged_newest_checkpoint_is_passed_over_with_a_sentence(tmp_path, name):
    run = make()
    for k in (5, 10):
        save_checkpoint(tmp_path, checkpoint_files(*run, None, TrainingProgress(step=k)), keep=2)
    newest = checkpoints(tmp_path)[0] / name
    newest.write_bytes(newest.read_bytes()[:-1] + b"?")
    said = []
    (sound,) = sound_checkpoints(tmp_path, said)
    assert sound.name == "step-000000005"
    (sentence,) = said
    assert sentence.startswith("The checkpoint step-000000010 is damaged") and name in sentence


def test_half_of_a_checkpoint_is_not_one(tmp_path):
    save_checkpoint(tmp_path, checkpoint_files(*make(), None, TrainingProgress(step=5)), keep=2)
    (checkpoints(tmp_path)[0] / "manifest.json").unlink()
    said = []
    assert list(sound_checkpoints(tmp_path, said)) == [] and "manifest.json is missing" in said[0]


def test_weights_that_do_not_fit_are_damage(tmp_path):
    folder = save_checkpoint(tmp_path, checkpoint_files(*make(), None, TrainingProgress()), keep=2)
    other = nn.Linear(3, 5)
    before = copy.deepcopy(other.state_dict())
    with pytest.raises(Damaged, match="does not hold this model"):
        load_model(folder, other)
    assert torch.equal(other.weight, before["weight"])
    update_manifest(folder, {"model.safetensors": b"\x80\x04pickle"})
    with pytest.raises(Damaged, match="does not hold this model"):
        load_model(folder, other)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path, value):
    model, optimizer = make()
    model[2].bias.data.fill_(value)
    name, files = checkpoint_files(model, optimizer, None, TrainingProgress())
    write_folder(tmp_path / name, files)
    with pytest.raises(Damaged, match=r"model\.safetensors holds weights .* not finite.*: 2\.bias"):
        load_model(tmp_path / name, make()[0])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"random.cpu": None}, "has no random.cpu"),
        ({"random.cpu": torch.zeros(3, dtype=torch.uint8)}, "no state of a random generator"),
        ({"random.cpu": torch.zeros(3)}, "no state of a random generator"),
        ({"optimizer.0.exp_avg": torch.zeros(2)}, "optimizer.0.exp_avg is float32 [2]"),
        ({"optimizer.0.exp_avg": None}, "has no optimizer.0.exp_avg"),
        ({"optimizer.99.exp_avg": torch.zeros(1)}, "holds 'optimizer.99.exp_avg'"),
        ({"optimizer.x": torch.zeros(1)}, "holds 'optimizer.x'"),
        ({"state.0": torch.zeros(3, 3)}, "state.0 is float32 [3, 3]"),
        ({"state.0": torch.full((1, 2), math.nan)}, "not finite numbers: state.0"),
    ],
)
def test_tensors_of_another_run_are_refused_by_name(tmp_path, change, word):
    model, optimizer = make()
    step(model, optimizer)
    name, files = checkpoint_files(model, optimizer, (torch.zeros(1, 2),), TrainingProgress())
    tensors = load(files["training.safetensors"]) | change
    files["training.safetensors"] = pack({k: t for k, t in tensors.items() if t is not None})
    write_folder(tmp_path / name, files)
    with pytest.raises(Damaged) as error:
        load_checkpoint(tmp_path / name, *make(), (torch.zeros(1, 2),))
    assert word in str(error.value) and "training.safetensors" in str(error.value)


@pytest.mark.parametrize(
    "record", [[], 5, {"step": "a"}, {"step": -1}, {"step": 1 << 80}, {"more": 1}, {"best": "nan"}]
)
def test_progress_of_another_form_is_refused(tmp_path, record):
    write_folder(tmp_path / "step", {"training.json": as_json(record)})
    with pytest.raises(Damaged, match=r"training\.json"):
        read_progress(tmp_path / "step")


def test_checkpoints_through_links_are_none(tmp_path):
    real = save_checkpoint(tmp_path / "one", checkpoint_files(*make(), None, TrainingProgress()), 2)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "checkpoints").symlink_to(tmp_path / "one" / "checkpoints")
    assert checkpoints(tmp_path / "two") == [] and checkpoints(tmp_path / "one") == [real]


def test_tied_weights_are_saved_and_stay_tied(tmp_path):
    def tied():
        model = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
        model["b"].weight = model["a"].weight
        return model, make_optimizer(model, TrainingSettings(), 0.1)

    one, other = tied(), tied()
    folder = save_checkpoint(tmp_path, checkpoint_files(*one, None, TrainingProgress()), keep=2)
    load_checkpoint(folder, *other, None)
    assert other[0]["b"].weight is other[0]["a"].weight
    assert torch.equal(other[0]["a"].weight, one[0]["a"].weight)


def test_a_temperature_that_is_not_above_0_is_refused(tmp_path):
    model = nn.Linear(2, 2)
    model.register_buffer("temperature", torch.zeros(()))
    write_folder(tmp_path / "run", {"model.safetensors": pack(dict(model.state_dict()))})
    with pytest.raises(Damaged, match="temperature that is not above 0"):
        load_model(tmp_path / "run", model)
