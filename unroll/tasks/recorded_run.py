"""What a run folder has to hold before the run is used: its settings, and files that are whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unroll.errors import UserError
from unroll.saved_files import Damaged
from unroll.settings import RecurrentSettings, settings_from
from unroll.tasks import settings_of
from unroll.training.folder import RunFolder
from unroll.training.refit import CHOSEN


def recorded_settings(folder: RunFolder, config: Mapping[str, Any]) -> RecurrentSettings:
    """The settings that a run was trained with.

    Raises:
        UserError: where config.json holds settings that the task does not have.
    """
    try:
        return settings_from(settings_of(config["task"]), config["settings"])
    except UserError as error:
        raise UserError(f"{folder.path / 'config.json'}: {str(error)[:200]}") from error


def check_needed(folder: RunFolder) -> None:
    """Compare what a run cannot do without with its manifest; weights are compared when loaded.

    Raises:
        UserError: with the name of the damaged file.
    """
    elsewhere = {"model.safetensors", CHOSEN, "result.json", "README.md", *baselines_of(folder)}
    try:
        folder.check(but=elsewhere)
    except Damaged as error:
        raise UserError(
            f"The run {folder.path} is damaged: {error}. Restore the file from a copy."
        ) from error


def baselines_of(folder: RunFolder) -> set[str]:
    """The files of a run's baselines, which can be fitted again to the data."""
    return {path.name for path in folder.path.glob("baseline.*")} | {"baseline.safetensors"}
