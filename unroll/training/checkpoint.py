"""Checkpoints: everything an exact resume needs, as tensors and JSON, never a pickle."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from unroll.cells import State, fields, map_state
from unroll.training.average import Average
from unroll.training.files import Damaged, as_json, check_folder, write_folder

NAME = re.compile(r"step-(\d{9})")


@dataclass
class TrainingProgress:
    """How far a run is: every number that the loop carries from step to step.

    Attributes:
        step: steps taken, and the number of the next batch.
        seconds: spent training.
        tokens: targets seen.
        skipped: steps whose loss or gradient was not finite, in all.
        skipped_in_row: the last of them without a good step between.
        rollbacks: returns to a checkpoint.
        rate_scale: what returns and the plateau schedule left of the learning rate, 0 to 1.
        best: the lowest validation loss; None before the first.
        best_step: where it was measured.
        waited: evaluations since.
        fresh: whether the next batch starts from the initial state.
        finished: whether training ended by itself.
        validation: the last validation metrics.
    """

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    skipped: int = 0
    skipped_in_row: int = 0
    rollbacks: int = 0
    rate_scale: float = 1.0
    best: float | None = None
    best_step: int = 0
    waited: int = 0
    fresh: bool = True
    finished: bool = False
    validation: dict[str, float] = field(default_factory=dict)


def pack(tensors: dict[str, Tensor]) -> bytes:
    """Tensors as safetensors, copied to the CPU; two names of one tensor are two copies.

    Args:
        tensors: by name, of any shape `[...]`.

    Returns:
        The content of a .safetensors file.
    """
    return save_tensors({k: t.detach().cpu().contiguous().clone() for k, t in tensors.items()})


def save_checkpoint(
    run: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: State | None,
    progress: TrainingProgress,
    keep: int,
    average: Average | None = None,
) -> Path:
    """Write checkpoints/step-N, complete or not at all, and drop the oldest.

    Args:
        run: the run folder.
        model: whose weights are kept.
        optimizer: with its moments.
        state: carried into the next batch, or None.
        progress: every number that goes from step to step.
        keep: how many checkpoints stay.
        average: of the weights, where there is one.

    Returns:
        The folder of the checkpoint.
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
    folder = run / "checkpoints" / f"step-{progress.step:09d}"
    write_folder(
        folder,
        {
            "model.safetensors": pack(dict(model.state_dict())),
            "training.safetensors": pack(tensors),
            "training.json": as_json(asdict(progress)),
        },
    )
    for old in checkpoints(run)[keep:]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def checkpoints(run: Path) -> list[Path]:
    """The checkpoints of a run, newest first, whole or not."""
    folder = run / "checkpoints"
    if not folder.is_dir():
        return []
    found = [(m, p) for p in folder.iterdir() if (m := NAME.fullmatch(p.name)) and p.is_dir()]
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
        except Damaged as damage:
            warnings.append(f"The checkpoint {folder.name} is damaged: {damage}. It is not used.")
        else:
            yield folder


def read_progress(folder: Path) -> TrainingProgress:
    """The progress that a checkpoint holds."""
    numbers = json.loads((folder / "training.json").read_bytes())
    if "held_out" in numbers:  # checkpoints up to version 0.1
        numbers["validation"] = numbers.pop("held_out")
    return TrainingProgress(**numbers)


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
        Damaged: where the tensors do not fit the model.
    """
    progress = read_progress(folder)
    load_model(folder / "model.safetensors", model)
    tensors = load_tensors((folder / "training.safetensors").read_bytes())
    record: dict[str, Any] = optimizer.state_dict()
    slots: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            slots.setdefault(int(index), {})[name] = tensor
    record["state"] = slots
    optimizer.load_state_dict(record)
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    if average is not None:
        average.load([tensors[f"average.{k}"] for k in range(len(average.tensors))])
    if template is None or "state.0" not in tensors:
        return None, progress
    carried = (tensors[f"state.{k}"] for k in range(len(tensors)))
    return map_state(lambda t: next(carried).to(t.device), template), progress


def load_model(path: Path, model: nn.Module) -> None:
    """Load the weights of a safetensors file.

    Raises:
        Damaged: where it is not one, or is of another model.
    """
    try:
        model.load_state_dict(load_tensors(path.read_bytes()))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise Damaged(f"{path} does not hold this model: {error}") from error
