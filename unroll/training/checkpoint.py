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
    """Where a run stands; every number that the loop carries from step to step.

    step: steps taken, and the number of the next batch. seconds: spent training.
    tokens: targets seen. skipped: steps whose loss or gradient was not finite, in all;
    skipped_in_row: just now. rollbacks: returns to a checkpoint. rate_scale: what they and the
    plateau schedule left of the learning rate. best: the lowest held-out loss, at best_step.
    waited: evaluations since. fresh: the carried state must start anew.
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
    """Tensors as safetensors, copied to the CPU; two names of one tensor are two copies."""
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
    """Write checkpoints/step-N, whole or not at all, and drop the oldest beyond `keep`."""
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


def sound_checkpoints(run: Path, said: list[str]) -> Iterator[Path]:
    """The whole checkpoints, newest first; a sentence in `said` names each that is not."""
    for folder in checkpoints(run):
        try:
            check_folder(folder)
        except Damaged as damage:
            said.append(f"The checkpoint {folder.name} is damaged: {damage}. It is not used.")
        else:
            yield folder


def read_progress(folder: Path) -> TrainingProgress:
    """The numbers of a checkpoint."""
    found = json.loads((folder / "training.json").read_bytes())
    if "held_out" in found:  # checkpoints up to version 0.1
        found["validation"] = found.pop("held_out")
    return TrainingProgress(**found)


def load_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    template: State | None,
    average: Average | None = None,
) -> tuple[State | None, TrainingProgress]:
    """Put a checkpoint back: weights, optimizer, random numbers. Returns carried state, progress.

    template: a state of the right structure, as the model starts with.
    Raises: Damaged where the tensors do not fit the model.
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
    """Weights from a safetensors file.

    Raises: Damaged where it is not one, or is of another model.
    """
    try:
        model.load_state_dict(load_tensors(path.read_bytes()))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise Damaged(f"{path} does not hold this model: {error}") from error
