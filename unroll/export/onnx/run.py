"""A trained run as a folder that needs neither unroll nor torch: model.onnx, its words, a program.

The folder is made beside its place, compared with the run, and moved there whole.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unroll.errors import UserError
from unroll.export.onnx import classify, language
from unroll.export.onnx.checking import BATCHES, LARGEST_DIFFERENCE, STEPS
from unroll.export.onnx.run_model import ABOUT, MODEL, PROGRAM, RunModel
from unroll.run import Run
from unroll.version import __version__


@dataclass(frozen=True)
class TaskExporter:
    """How the runs of one task are exported.

    Attributes:
        model: makes the model and what belongs to it, compared with the network.
        program: from the run to the module that becomes predict.py.
        compare: from the run and the loaded program with its folder to the largest difference of answers.
    """

    model: Callable[[Any], RunModel]
    program: Callable[[Any], str]
    compare: Callable[[Any, Any, Path], float]


TASKS = {
    "language": TaskExporter(language.run_model, language.program, language.compare),
    "classify": TaskExporter(classify.run_model, classify.program, classify.compare),
}


@dataclass(frozen=True)
class ExportedRun:
    """What `export_run` wrote.

    Attributes:
        path: the folder.
        task: of the run.
        nodes: what each recurrent layer became: "LSTM", "GRU", "RNN" or "Scan".
        difference: the largest difference of the model to the network, relative above 1.
        difference_of_answers: the largest difference of a probability that the program gives.
        files: their sizes in bytes, by name.
    """

    path: Path
    task: str
    nodes: tuple[str, ...]
    difference: float
    difference_of_answers: float
    files: dict[str, int]


def export_run(run: Run, folder: str | Path, *, overwrite: bool = False) -> ExportedRun:
    """Write a run as a folder with a model of ONNX and a program of numpy and onnxruntime.

    When to use it: to use a trained run where neither unroll nor torch is installed.

    The folder has `model.onnx`, `model.json` (the vocabulary, the labels, the fields of the state, what
    was compared), the simple model of the run as arrays where it has one, and `predict.py`, which gives
    the answers of `run.next` or `run.predict`.

    Args:
        run: a trained run.
        folder: to be made.
        overwrite: whether a folder that an export made before is replaced. Default: it is refused.

    Returns:
        What was written, and the largest differences that were found.

    Raises:
        UserError: for a task or a setting that is not exported, where the answers differ by more than
            1e-5, where the folder cannot be made, and where onnx or onnxruntime is missing.
    """
    exporter = TASKS.get(run.task_name)
    if exporter is None:
        raise UserError(
            f"{run.path} is a run of the task {run.task_name}, which is not exported to ONNX yet; exported "
            f"are {', '.join(TASKS)}. Its layers are: unroll.export.to_onnx(layer, path)."
        )
    path = Path(folder)
    check_place(path, overwrite)
    parts = exporter.model(run)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name[:40]}.") as place:
            made = Path(place) / "folder"
            made.mkdir()
            answers = fill(made, run, parts, exporter)
            sizes = {each.name: each.stat().st_size for each in sorted(made.iterdir())}
            if path.exists():
                path.rename(Path(place) / "before")
            made.rename(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error
    return ExportedRun(path, run.task_name, parts.nodes, parts.difference, answers, sizes)


def check_place(path: Path, overwrite: bool) -> None:
    """Refuse a folder that is there, unless it is an export that may be replaced.

    Raises:
        UserError: where something is there.
    """
    if not path.exists():
        return
    if not overwrite:
        raise UserError(f"{path} exists already; nothing was overwritten. Use --overwrite.")
    if not (path / ABOUT).is_file() or not (path / MODEL).is_file():
        raise UserError(
            f"{path} is not a folder that an export made; it was left as it is. Name another."
        )


def fill(folder: Path, run: Run, parts: RunModel, exporter: TaskExporter) -> float:
    """Write the files of an export, and compare its program with the run.

    Returns:
        The largest difference of a probability.

    Raises:
        UserError: where it is above 1e-5.
    """
    (folder / MODEL).write_bytes(parts.content)
    for name, content in parts.files.items():
        (folder / name).write_bytes(content)
    shutil.copyfile(Path(__file__).with_name(exporter.program(run)), folder / PROGRAM)
    checked = {
        "steps": list(STEPS),
        "batches": list(BATCHES),
        "largest_difference": parts.difference,
    }
    about = {**parts.about, "unroll": __version__, "checked": checked}
    (folder / ABOUT).write_text(json.dumps(about, indent=1), "utf-8")
    answers = exporter.compare(run, load_program(folder / PROGRAM), folder)
    if not answers <= LARGEST_DIFFERENCE:
        raise UserError(
            f"The answers of {PROGRAM} differ from those of the run by {answers:.1e}, more than "
            f"{LARGEST_DIFFERENCE:.0e}; nothing was written. Please report the run."
        )
    checked["largest_difference_of_answers"] = answers
    (folder / ABOUT).write_text(json.dumps(about, indent=1), "utf-8")
    return answers


def load_program(path: Path) -> Any:
    """The program of an export as a module, as Python reads it from its folder."""
    found = importlib.util.spec_from_file_location("exported_program", path)
    if found is None or found.loader is None:
        raise UserError(f"{path} cannot be loaded as a program of Python.")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
