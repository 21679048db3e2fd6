"""Checkpoints: everything an exact resume needs, as tensors and JSON, never a pickle."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from unroll.cells import State, fields, map_state
from unroll.saved_files import (
    MOST_BYTES,
    Damaged,
    check_folder,
    check_record,
    parse_json,
    read_manifest,
    read_whole,
    unlisted,
)
from unroll.training.average import Average
from unroll.training.files import as_json, write_folder
from unroll.training.progress import TrainingProgress

NAME = re.compile(r"step-(\d{9})", re.ASCII)
SLOT = re.compile(r"optimizer\.(\d{1,6})\.(\w+)", re.ASCII)
WEIGHTS, TENSORS, PROGRESS = "model.safetensors", "training.safetensors", "training.json"
# what an optimizer keeps of each parameter
MOMENTS: dict[type[torch.optim.Optimizer], set[str]] = {
    torch.optim.AdamW: {"step", "exp_avg", "exp_avg_sq"},
    torch.optim.SGD: {"momentum_buffer"},
}


def pack(tensors: dict[str, Tensor]) -> bytes:
    """Tensors as safetensors, copied to the CPU; two names of one tensor are two copies.

    Args:
        tensors: by name, of any shape `[...]`.

    Returns:
        The content of a .safetensors file.
    """
    return save_tensors({k: t.detach().cpu().contiguous().clone() for k, t in tensors.items()})


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays by name as the content of a .safetensors file."""
    return pack({k: torch.from_numpy(np.asarray(a, order="C")) for k, a in arrays.items()})


def checkpoint_files(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: State | None,
    progress: TrainingProgress,
    average: Average | None = None,
) -> tuple[str, dict[str, bytes]]:
    """The name of a checkpoint, and its files.

    Args:
        model: whose weights are kept.
        optimizer: with its moments.
        state: carried into the next batch, or None.
        progress: every number that goes from step to step.
        average: of the weights, where there is one.
    """
    tensors = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available() and any(p.is_cuda for p in model.parameters()):
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    for index, slots in optimizer.state_dict()["state"].items():
        for name, value in slots.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{index}.{name}"] = value
    if average is not None:
        tensors |= {f"average.{k}": tensor for k, tensor in enumerate(average.tensors)}
    if state is not None:
        for k, (_, tensor) in enumerate(fields(state)):
            tensors[f"state.{k}"] = tensor
    return f"step-{progress.steps_of_all:09d}", {
        WEIGHTS: pack(dict(model.state_dict())),
        TENSORS: pack(tensors),
        PROGRESS: as_json(asdict(progress)),
    }


def save_checkpoint(run: Path, checkpoint: tuple[str, dict[str, bytes]], keep: int) -> Path:
    """Write a checkpoint, complete or not at all, and drop the oldest.

    Args:
        run: the run folder.
        checkpoint: its name and its files.
        keep: how many checkpoints stay.

    Returns:
        The folder of the checkpoint.
    """
    name, files = checkpoint
    folder = run / "checkpoints" / name
    write_folder(folder, files)
    for old in checkpoints(run)[keep:]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def checkpoints(run: Path) -> list[Path]:
    """The checkpoints of a run, newest first, whole or not."""
    folder = run / "checkpoints"
    if folder.is_symlink() or not folder.is_dir():
        return []
    inside = (p for p in folder.iterdir() if p.is_dir() and not p.is_symlink())
    found = [(m, p) for p in inside if (m := NAME.fullmatch(p.name))]
    return [p for _, p in sorted(found, key=lambda item: int(item[0][1]), reverse=True)]


def sound_checkpoints(run: Path, warnings: list[str]) -> Iterator[Path]:
    """The whole checkpoints, newest first.

    Args:
        run: the run folder.
        warnings: gets a sentence for each checkpoint that is damaged.
    """
    for folder in checkpoints(run):
        try:
            check_folder(folder)
            if missing := {WEIGHTS, TENSORS, PROGRESS} - set(read_manifest(folder)):
                raise unlisted(folder, min(missing))
        except Damaged as damage:
            warnings.append(describe_damage(folder, damage))
        else:
            yield folder


def describe_damage(folder: Path, damage: object) -> str:
    """The sentence on a checkpoint that is passed over."""
    return f"The checkpoint {folder.name} is damaged: {damage}. It is not used."


def read_progress(folder: Path) -> TrainingProgress:
    """The progress that a checkpoint holds.

    Raises:
        Damaged: where its file holds anything else.
    """
    path = folder / PROGRESS
    numbers = parse_json(read_whole(folder, PROGRESS, MOST_BYTES), path, finite=False)
    if isinstance(numbers, dict) and "held_out" in numbers:  # checkpoints up to version 0.1
        numbers["validation"] = numbers.pop("held_out")
    if isinstance(numbers, dict) and "seconds" in numbers:  # where all of them were of training
        numbers.setdefault("training_seconds", numbers["seconds"])
    return check_record(numbers, TrainingProgress, path)


def load_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    template: State | None,
    average: Average | None = None,
) -> tuple[State | None, TrainingProgress]:
    """Load a checkpoint: weights, optimizer, average and random generators.

    Args:
        folder: of the checkpoint.
        model: gets the weights.
        optimizer: gets its moments.
        template: a state of the right structure, as the model starts with.
        average: gets the averaged weights, where there is one.

    Returns:
        The carried state, or None, and the progress.

    Raises:
        Damaged: where a file holds something else, or of another model.
    """
    path = folder / TENSORS
    progress = read_progress(folder)
    tensors = read_tensors(folder, TENSORS)
    load_model(folder, model)
    load_optimizer(path, optimizer, tensors)
    load_generators(path, tensors)
    if average is not None:
        average.load(group_of(path, "average", tensors, average.tensors))
    if template is None or "state.0" not in tensors:
        return None, progress
    carried = iter(group_of(path, "state", tensors, [tensor for _, tensor in fields(template)]))
    return map_state(lambda t: next(carried).to(t.device), template), progress


def load_newest(
    run: Path,
    warnings: list[str],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    template: State | None,
    average: Average | None = None,
) -> tuple[Path, State | None, TrainingProgress] | None:
    """Load the newest checkpoint that is whole and of this model.

    Args:
        run: the run folder.
        warnings: gets a sentence for each checkpoint that is damaged.
        model: gets the weights.
        optimizer: gets its moments.
        template: a state of the right structure, as the model starts with.
        average: gets the averaged weights, where there is one.

    Returns:
        Its folder, the carried state or None, and the progress; None where there is no such checkpoint.
    """
    for folder in sound_checkpoints(run, warnings):
        try:
            state, progress = load_checkpoint(folder, model, optimizer, template, average)
        except Damaged as damage:
            warnings.append(describe_damage(folder, damage))
        else:
            return folder, state, progress
    return None


def load_optimizer(
    path: Path, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]
) -> None:
    """Give an optimizer its moments.

    Args:
        path: of the file, for errors.
        optimizer: over the parameters of the model.
        tensors: of the checkpoint: `optimizer.K.NAME` is of parameter K.

    Raises:
        Damaged: where they are not those of this optimizer.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    names = MOMENTS[type(optimizer)]
    slots: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if not key.startswith("optimizer."):
            continue
        match = SLOT.fullmatch(key)
        if match is None or int(match[1]) >= len(parameters) or match[2] not in names:
            raise Damaged(f"{path} holds {key[:60]!r}, which this optimizer does not have")
        parameter = parameters[int(match[1])]
        shape = torch.Size() if match[2] == "step" else parameter.shape
        if tensor.shape != shape or tensor.dtype not in (parameter.dtype, torch.float32):
            raise Damaged(f"{path} does not hold this model: {key} is {kind_of(tensor)}")
        slots.setdefault(int(match[1]), {})[match[2]] = tensor
    for index, slot in slots.items():
        if missing := names - set(slot):
            raise Damaged(f"{path} has no optimizer.{index}.{min(missing)}")
    record: dict[str, Any] = optimizer.state_dict()
    record["state"] = slots
    optimizer.load_state_dict(record)


def load_generators(path: Path, tensors: dict[str, Tensor]) -> None:
    """Give torch's generators their states.

    Raises:
        Damaged: where they are missing, or no states of generators.
    """
    if "random.cpu" not in tensors:
        raise Damaged(f"{path} has no random.cpu")
    try:
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random.cuda"])
    except (RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[0][:80]
        raise Damaged(f"{path} holds no state of a random generator ({reason})") from error


def group_of(
    path: Path, name: str, tensors: dict[str, Tensor], templates: list[Tensor]
) -> list[Tensor]:
    """The tensors NAME.0, NAME.1, ... of a checkpoint.

    Args:
        path: of the file, for errors.
        name: of the group.
        tensors: of the checkpoint.
        templates: tensors of the shapes and types that they have to have.

    Raises:
        Damaged: where one is missing, of another shape, or not finite.
    """
    found = []
    for k, template in enumerate(templates):
        tensor = tensors.get(f"{name}.{k}")
        if tensor is None:
            raise Damaged(f"{path} has no {name}.{k}")
        if (tensor.shape, tensor.dtype) != (template.shape, template.dtype):
            raise Damaged(f"{path} does not hold this model: {name}.{k} is {kind_of(tensor)}")
        check_finite(path, f"{name}.{k}", tensor)
        found.append(tensor)
    return found


def kind_of(tensor: Tensor) -> str:
    """The type and shape of a tensor, in words."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def read_tensors(folder: Path, name: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file that the manifest of its folder lists.

    Raises:
        Damaged: where it is not one, or not what was saved.
    """
    content = read_whole(folder, name)
    try:
        return load_tensors(content)
    except (SafetensorError, RuntimeError, ValueError, KeyError, OverflowError) as error:
        reason = " ".join(str(error).split())[:120]
        raise Damaged(f"{folder / name} does not hold this model: {reason}") from error


def read_arrays(folder: Path, name: str) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file that the manifest of its folder lists.

    Raises:
        Damaged: where it is not one, or not what was saved.
    """
    content = read_whole(folder, name)
    try:
        return {key: tensor.numpy() for key, tensor in load_tensors(content).items()}
    # TypeError: of a type that numpy does not have
    except (
        SafetensorError, RuntimeError, ValueError, KeyError, OverflowError, TypeError,
    ) as error:  # fmt: skip
        reason = " ".join(str(error).split())[:80]
        raise Damaged(f"{folder / name} is damaged: {reason}") from error


def check_finite(path: Path, name: str, tensor: Tensor) -> None:
    """Refuse weights that are not numbers, which would answer nonsense.

    Raises:
        Damaged: with the name of the weights.
    """
    if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
        raise Damaged(f"{path} holds weights that are not finite numbers: {name}")


def load_model(folder: Path, model: nn.Module, name: str = WEIGHTS) -> None:
    """Load the weights in the model.safetensors of a run or a checkpoint, or in another file of it.

    Args:
        folder: with a manifest that lists the file.
        model: gets the weights.
        name: of the file.

    Raises:
        Damaged: where the file is not what was saved, is of another model, or holds NaN or infinity.
    """
    path = folder / name
    tensors = read_tensors(folder, name)
    own = model.state_dict()
    for key in {**own, **tensors}:
        found = kind_of(tensors[key]) if key in tensors else "missing"
        expected = kind_of(own[key]) if key in own else "no such name"
        if found != expected:
            raise Damaged(
                f"{path} does not hold this model: {key[:60]} is {found}; expected {expected}"
            )
        check_finite(path, key, tensors[key])
        if key.rpartition(".")[2] == "temperature" and not bool((tensors[key] > 0).all()):
            raise Damaged(f"{path} holds a temperature that is not above 0: {key}")
    model.load_state_dict(tensors)
