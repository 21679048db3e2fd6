"""The run folder: config, weights, vocabulary, baselines, metrics, model card, checkpoints."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping, Set
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from unroll.errors import UserError
from unroll.saved_files import (
    MOST_BYTES,
    Damaged,
    check_folder,
    check_record,
    parse_json,
    read_manifest,
    read_whole,
)
from unroll.training.files import (
    as_json,
    fill_folder,
    sweep_files,
    sweep_folders,
    sync_folder,
    update_manifest,
)
from unroll.training.lock import IsLocked, Lock, take_lock, try_lock

FORMAT = 1
CHECKPOINTS = "checkpoints"
# A run that is being made, or that --overwrite is deleting, lies beside its later place.
NEW, OLD = ".unroll-new-", ".unroll-old-"
BESIDE = re.compile(r"\.unroll-(new|old)-[0-9a-f]{8}")
LONGEST_NAME = 255  # bytes of the name of a folder
LEFT_OVER = 3600.0  # seconds after which such a folder without a lock is nobody's


class DataRecord(BaseModel):
    """What config.json records of the data; each task adds facts of its own."""

    model_config = ConfigDict(extra="allow")

    path: str
    sha256: str
    validation_set: str


class ConfigRecord(BaseModel):
    """What config.json holds."""

    model_config = ConfigDict(extra="allow")

    format: int
    unroll: str
    torch: str
    task: str
    settings: dict[str, Any]
    data: DataRecord
    given: dict[str, Any] = {}
    columns: dict[str, str] = {}


def read_baseline(path: Path, name: str) -> bytes:
    """The file of a run's baseline, compared with the manifest first.

    Args:
        path: the run folder.
        name: of the file in it.

    Raises:
        UserError: where it is damaged.
    """
    try:
        return read_whole(path, name)
    except Damaged as damage:
        raise damaged_baseline(damage) from damage


def damaged_baseline(damage: object) -> UserError:
    """The error of a baseline that cannot be used."""
    return UserError(f"The baseline of the run is damaged: {damage}. Resume the run to rebuild it.")


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
        """Make a new run in which nothing is trained yet.

        Args:
            path: the folder.
            files: its first files by name.
            overwrite: whether a run that is there is replaced.

        Raises:
            UserError: where it cannot be made.
        """
        folder = cls(path)
        with folder.published(files, None, overwrite=overwrite):
            return folder

    @contextmanager
    def published(
        self,
        files: Mapping[str, bytes],
        checkpoint: tuple[str, Mapping[str, bytes]] | None,
        *,
        overwrite: bool = False,
        numbered: bool = False,
    ) -> Iterator[None]:
        """A block in which the folder is there, whole, and no other process trains in it.

        Args:
            files: its first files by name.
            checkpoint: the name of its first checkpoint, and the files of that.
            overwrite: whether a run that is there is replaced.
            numbered: whether a taken name gets a number: `path` changes then.

        Raises:
            UserError: where the folder cannot be made, or another process trains in it.
        """
        with ExitStack() as held:
            try:
                self._publish(files, checkpoint, overwrite, numbered, held)
            except OSError as error:
                raise UserError(
                    f"The run folder {self.path} cannot be made: {described(error)}. Name another "
                    "by --out."
                ) from error
            yield

    def _publish(
        self,
        files: Mapping[str, bytes],
        checkpoint: tuple[str, Mapping[str, bytes]] | None,
        overwrite: bool,
        numbered: bool,
        held: ExitStack,
    ) -> None:
        """Make the folder beside its place, lock it there, and move it in one step."""
        if not numbered:
            self.check_free(self.path, overwrite)
        # a link that the user names leads to the folder; the link stays
        place = Path(os.path.realpath(self.path)) if self.path.is_symlink() else self.path
        place.parent.mkdir(parents=True, exist_ok=True)
        sweep_beside(place.parent)
        before = None
        if overwrite and place.is_dir():
            before = held.enter_context(take_lock(place))
        made = self._make_locked(place, held)
        try:
            fill_folder(made, files, self.path)
            if checkpoint is not None:
                name, content = checkpoint
                (made / CHECKPOINTS).mkdir()
                (made / CHECKPOINTS / name).mkdir()
                fill_folder(made / CHECKPOINTS / name, content, self.path / CHECKPOINTS / name)
                sync_folder(made / CHECKPOINTS)
            self._move(made, place, before, numbered)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        sync_folder(place.parent)

    def _make_locked(self, place: Path, held: ExitStack) -> Path:
        """A new folder beside a place, locked for as long as `held` is."""
        while True:
            made = place.with_name(f"{NEW}{secrets.token_hex(4)}")
            made.mkdir()
            try:
                held.enter_context(take_lock(made, self.path))
            except IsLocked:  # another process took it for one that a kill left, and drops it
                continue
            return made

    def _move(self, made: Path, place: Path, before: Lock | None, numbered: bool) -> None:
        """Move the new folder into its place.

        Args:
            made: the new folder.
            place: where it goes.
            before: the lock of the run that is there and shall be replaced.
            numbered: whether a taken name gets a number.

        Raises:
            UserError: where another process was first.
            OSError: where the system does not allow it.
        """
        if before is not None:
            old = place.with_name(f"{OLD}{secrets.token_hex(4)}")
            place.rename(old)
            try:
                made.rename(place)
            except BaseException:
                old.rename(place)
                raise
            shutil.rmtree(old, ignore_errors=True)
            return
        base, number = place.name, 2
        while True:
            try:
                if os.path.lexists(place):
                    raise FileExistsError
                made.rename(place)  # fails where another process has just made this run
                return
            except OSError:
                if not os.path.lexists(place):
                    raise
            if not numbered:
                self.check_free(self.path, False)
            place = place.with_name(f"{base}-{number}")
            self.path, number = self.path.with_name(place.name), number + 1

    @staticmethod
    def check_free(path: Path, overwrite: bool) -> None:
        """An existing folder is never touched unless asked, and then only a run.

        Args:
            path: where a run shall be made.
            overwrite: whether a run that is there is replaced.

        Raises:
            UserError: where something is there that stays, or the path cannot be one.
        """
        check_path(path)
        if not os.path.lexists(path):
            return
        if not overwrite:
            raise UserError(
                f"{path} exists already; nothing was overwritten. Continue it by --resume, replace "
                "it by --overwrite, or name another folder by --out."
            )
        if not (path / "config.json").exists() and (not path.is_dir() or any(path.iterdir())):
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
        check_path(path)
        if not path.is_dir():
            raise UserError(
                f"There is no run folder {path}; expected one that `unroll train` made. Check the "
                "path."
            )
        if not os.path.lexists(path / "config.json"):
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
        path = self.path / "config.json"
        try:
            config = parse_json(read_whole(self.path, path.name, MOST_BYTES), path)
            check_format(self.path, config)
            data = config.get("data") if isinstance(config, dict) else None
            if isinstance(data, dict) and "held_out" in data:  # its name in runs of version 0.1
                data["validation_set"] = data.pop("held_out")
            return check_record(config, ConfigRecord, path).model_dump(exclude_unset=True)
        except Damaged as error:
            raise UserError(
                f"The run {self.path} cannot be read: {error}. Restore the file from a copy."
            ) from error

    def check(self, but: Set[str] = frozenset()) -> None:
        """Compare every file with the manifest.

        Args:
            but: files that are compared elsewhere.

        Raises:
            Damaged: with the name of the file.
        """
        check_folder(self.path, only=set(read_manifest(self.path)) - but)

    def save(self, files: Mapping[str, bytes]) -> None:
        """Replace files of the run, which can be loaded at every moment.

        Raises:
            UserError: where a folder is in the place of a file.
        """
        for name in files:
            if (self.path / name).is_dir() and not (self.path / name).is_symlink():
                raise UserError(
                    f"{self.path / name} is a folder; expected a file of the run. Move it away."
                )
        update_manifest(self.path, files)

    def update_config(self, **changes: Any) -> None:
        """Change entries of config.json."""
        self.save({"config.json": as_json(self.config() | changes)})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """A block in which no other process trains in the folder; what a kill left there is dropped.

        Raises:
            UserError: where another process does, or `checkpoints` leads out of the run.
        """
        with take_lock(self.path):
            check_checkpoints(self.path)
            sweep_folders(self.path / CHECKPOINTS)
            sweep_files(self.path, {"metrics.jsonl", "snapshots.jsonl"})
            sweep_beside(self.path.parent)
            yield


def is_free(path: Path) -> bool:
    """Whether there is nothing of this name.

    Raises:
        UserError: where the path cannot be one of a folder.
    """
    check_path(path)
    return not os.path.lexists(path)


def check_format(path: Path, config: object) -> None:
    """Refuse a config of another format; what is no config is refused elsewhere.

    Raises:
        UserError: with the version of unroll that made it.
    """
    if isinstance(config, dict) and config.get("format") != FORMAT:
        raise UserError(
            f"{path} is of format {str(config.get('format'))[:40]}; this version reads format "
            f"{FORMAT}. Use the version of unroll that made it: {str(config.get('unroll'))[:40]}."
        )


def check_path(path: Path) -> None:
    """Refuse a name that no folder can have.

    Raises:
        UserError: where it holds a NUL, is too long, or leads through something that is no folder.
    """
    try:
        if any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        shown = str(path) if len(str(path)) <= 80 else f"{str(path)[:40]}...{str(path)[-20:]}"
        raise UserError(
            f"{shown!r} cannot be the path of a run folder: {described(error)}. Name another."
        ) from error


def check_checkpoints(path: Path) -> None:
    """Refuse a run whose checkpoints lie elsewhere: what a run deletes is its own.

    Raises:
        UserError: where `checkpoints` is a link or a file.
    """
    folder = path / CHECKPOINTS
    if folder.is_symlink() or (os.path.lexists(folder) and not folder.is_dir()):
        what = "a symbolic link" if folder.is_symlink() else "no folder"
        raise UserError(
            f"{folder} is {what}; expected a folder of the run itself. Put the folder in its place."
        )


def described(error: Exception) -> str:
    """The reason of an error of the system, in words."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def sweep_beside(parent: Path) -> None:
    """Drop what a killed process left beside a run: runs that were being made or replaced.

    Args:
        parent: the folder that holds runs. A folder in it that a process works in is locked by it.
    """
    try:
        lefts = [left for left in parent.iterdir() if BESIDE.fullmatch(left.name)]
    except OSError:  # a folder that may not be listed
        return
    for left in lefts:
        with suppress(FileNotFoundError):  # another process has just moved or dropped it
            sweep_left(left)


def sweep_left(left: Path) -> None:
    """Drop one folder that a killed process left, where no process works in it.

    Raises:
        FileNotFoundError: where it is no longer there.
    """
    about = left.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        return
    if not os.path.lexists(left / ".lock"):
        if time.time() - about.st_mtime > LEFT_OVER:
            shutil.rmtree(left, ignore_errors=True)
        return
    with try_lock(left) as free:
        if free:
            shutil.rmtree(left, ignore_errors=True)
