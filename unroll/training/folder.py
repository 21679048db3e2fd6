"""The run folder: config, weights, vocabulary, baselines, metrics, model card, checkpoints."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unroll.errors import UserError
from unroll.training.files import Damaged, as_json, check_folder, update_manifest, write_folder

FORMAT = 1


def check_baseline(path: Path, name: str) -> None:
    """Compare the file of a run's baseline with the manifest.

    Raises:
        UserError: where it is damaged.
    """
    try:
        check_folder(path, only={name})
    except Damaged as damage:
        raise UserError(
            f"The baseline of the run is damaged: {damage}. Resume the run to rebuild it."
        ) from damage


def read_baseline(path: Path, name: str) -> bytes:
    """The file of a run's baseline, compared with the manifest first.

    Args:
        path: the run folder.
        name: of the file in it.

    Raises:
        UserError: where it is damaged.
    """
    check_baseline(path, name)
    return (path / name).read_bytes()


class RunFolder:
    """The folder of a run, which may be moved.

    Attributes:
        path: where it is.

    Raises:
        UserError: from every method, where the folder is not a run or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, files: Mapping[str, bytes], overwrite: bool) -> RunFolder:
        """Make a new run.

        Args:
            path: the folder.
            files: its first files by name.
            overwrite: whether a run that is there is replaced.

        Raises:
            UserError: where it cannot be made.
        """
        cls.check_free(path, overwrite)
        try:
            write_folder(path, files)
        except OSError as error:
            raise UserError(
                f"The run folder {path} cannot be made: {error.strerror or error}. Name another by "
                "--out."
            ) from error
        return cls(path)

    @staticmethod
    def check_free(path: Path, overwrite: bool) -> None:
        """An existing folder is never touched unless asked, and then only a run.

        Args:
            path: where a run shall be made.
            overwrite: whether a run that is there is replaced.

        Raises:
            UserError: where something is there that stays.
        """
        if not path.exists():
            return
        if not overwrite:
            raise UserError(
                f"{path} exists already; nothing was overwritten. Continue it by --resume, replace "
                "it by --overwrite, or name another folder by --out."
            )
        if not (path / "config.json").exists() and (path.is_file() or any(path.iterdir())):
            raise UserError(
                f"{path} is not a run folder; --overwrite only replaces runs. Name another "
                "folder by --out."
            )

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run.

        Args:
            path: of its folder.

        Returns:
            The run folder; no file of it has been read.

        Raises:
            UserError: where there is no such folder, or it has no config.json.
        """
        if not path.is_dir():
            raise UserError(
                f"There is no run folder {path}; expected one that `unroll train` made. Check the "
                "path."
            )
        if not (path / "config.json").is_file():
            raise UserError(
                f"{path} is not a run folder: it has no config.json. Expected a folder that "
                "`unroll train` made."
            )
        return cls(path)

    def config(self) -> dict[str, Any]:
        """What the run is: its task, settings and data.

        Returns:
            The content of config.json, with the names of this version.

        Raises:
            UserError: where config.json is damaged, or of a format that this version does not read.
        """
        try:
            check_folder(self.path, only={"config.json"})
            config: dict[str, Any] = json.loads((self.path / "config.json").read_bytes())
        except (Damaged, ValueError) as error:
            raise UserError(
                f"The run {self.path} cannot be read: {error}. Restore the file from a copy."
            ) from error
        data = config.get("data", {})
        if "held_out" in data:  # its name in runs that version 0.1 made
            data["validation_set"] = data.pop("held_out")
        if config.get("format") != FORMAT:
            raise UserError(
                f"{self.path} is of format {config.get('format')}; this version reads format "
                f"{FORMAT}. Use the version of unroll that made it: {config.get('unroll')}."
            )
        return config

    def check(self, but: Set[str] = frozenset()) -> None:
        """Compare every file with the manifest.

        Args:
            but: files that are compared elsewhere.

        Raises:
            Damaged: with the name of the file.
        """
        names = set(json.loads((self.path / "manifest.json").read_bytes())) - but
        check_folder(self.path, only=names)

    def save(self, files: Mapping[str, bytes]) -> None:
        """Replace files of the run, which can be loaded at every moment."""
        update_manifest(self.path, files)

    def update_config(self, **changes: Any) -> None:
        """Change entries of config.json."""
        self.save({"config.json": as_json(self.config() | changes)})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """A block in which no other process trains in the folder.

        Raises:
            UserError: where another process does.
        """
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UserError(
                    f"Another process is training in {self.path}. Wait for it, or name another "
                    "folder by --out."
                ) from error
            yield
