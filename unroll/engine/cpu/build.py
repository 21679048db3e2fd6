"""From C++ source text to a loaded shared object, with a private cache on disk.

An object is named by the SHA-256 of everything that decides its bytes: the source, the flags, the
compiler, the CPU. What `cache.py` finds truncated or changed is built again and never loaded.
"""

from __future__ import annotations

import ctypes
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from unroll.engine.cpu.build_error import COMPILER_ADVICE, ELSEWHERE, BuildError
from unroll.engine.cpu.cache import (
    FORMAT,
    cache_folders,
    check_folders,
    check_writable,
    digest,
    make_folders,
    replace_file,
    sealed,
    sweep,
    unsealed,
    workplace,
)
from unroll.engine.cpu.compiler import (
    compiler_command,
    ended,
    first_error,
    identity,
    instruction_set,
    processor,
    run,
)

log = logging.getLogger("unroll")

FLAGS = (
    "-O3",
    "-std=c++17",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-pthread",
)
VARIABLES = (
    "UNROLL_CXX",
    "CXX",
    "UNROLL_INSTRUCTION_SET",
    "PATH",
    "UNROLL_CACHE",
    "XDG_CACHE_HOME",
    "HOME",
)


_loaded: dict[tuple[object, ...], ctypes.CDLL] = {}
_reasons: dict[tuple[str | None, ...], str | None] = {}
_lock = threading.Lock()


def _new_lock() -> None:
    """Another thread may have held the lock when the process forked; its holder is not here."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


def load(source: str, *, flags: Sequence[str] = ()) -> ctypes.CDLL:
    """The shared object of this C++ source, compiled if need be.

    Args:
        source: the whole program.
        flags: for the compiler, after the flags that all kernels have; with absolute paths.

    Raises:
        BuildError: where there is no compiler, it fails, or the cache cannot be used.
    """
    key = (source, tuple(flags), circumstances())
    library = _loaded.get(key)
    if library is None:
        with _lock:
            library = _loaded.get(key)  # another thread may have loaded it meanwhile
            if library is None:
                try:
                    library = _loaded[key] = found_or_built(source, tuple(flags))
                except OSError as error:
                    raise BuildError(
                        f"the compiler or the cache cannot be used ({error})", ELSEWHERE
                    ) from error
    return library


def unavailable() -> str | None:
    """A reason in words why nothing can be built here, else None. Builds and writes nothing.

    Found once for each set of values of the variables that decide it.
    """
    key = circumstances()
    if key not in _reasons:
        try:
            check_system()
            compiler_command()
            instruction_set()
            check_folders(cache_folders())
            check_writable(cache_folders()[-1])
            _reasons[key] = None
        except BuildError as error:
            _reasons[key] = error.reason
        except OSError as error:
            _reasons[key] = f"the compiler or the cache cannot be used ({error})"
    return _reasons[key]


def circumstances() -> tuple[str | None, ...]:
    """What may change within a process and decides compiler and cache."""
    return tuple(map(os.environ.get, VARIABLES))


def check_system() -> None:
    """Raises: BuildError on a system for which no kernels are built."""
    if os.name != "posix":
        raise BuildError("kernels are built on Linux and macOS only", "use another backend")


def found_or_built(source: str, flags: tuple[str, ...]) -> ctypes.CDLL:
    """The shared object from the cache, or built now. Raises: BuildError, OSError."""
    check_system()
    command = compiler_command()
    flags = (*FLAGS, *instruction_set(), *flags)
    folders = cache_folders()
    folder = folders[-1]
    check_folders(folders)  # nothing is made in a folder that is refused
    make_folders(folders)
    check_folders(folders)
    about = [FORMAT, source, flags, identity(command, folder), processor()]
    path = folder / f"{digest(about)}.so"
    if unsealed(path) is None:
        build(source, [*command, "kernel.cpp", *flags], path)
        if unsealed(path) is None:
            raise BuildError(
                f"{path} was changed by something else right after it was built", ELSEWHERE
            )
    # Between the check and this line the file could be exchanged only by us: its folder is ours
    # and nobody else can write to it.
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise BuildError(
            f"the system does not load the built object ({error})",
            "if its file system forbids execution, set UNROLL_CACHE to a directory on another one",
        ) from error


def build(source: str, command: list[str], path: Path) -> None:
    """Compile to a temporary name, seal, and put in its place in one step.

    Two processes may do so at once: each puts a whole object there, and either will do. There is
    no fsync: the seal finds what a crash of the machine left unwritten.

    Raises:
        BuildError: where the compiler cannot be run, fails or writes no object, or where nothing
            can be made in the folder.
        OSError: where a file cannot be written.
    """
    sweep(path.parent)
    log.info("Compiling a kernel with %s.", command[0])
    with workplace(path.parent) as place:
        (place / "kernel.cpp").write_text(source, encoding="utf-8")
        status, output = run([*command, "-o", "kernel.so"], place)
        if status != 0:
            raise BuildError(
                f"the C++ compiler {command[0]} {ended(status)}: {first_error(output)}",
                f"try another compiler ({COMPILER_ADVICE}), or use another backend",
                output,
            )
        built = place / "kernel.so"
        content = built.read_bytes() if built.is_file() else b""
        if not content:
            raise BuildError(
                f"the C++ compiler {command[0]} reported success but wrote no object",
                COMPILER_ADVICE,
                output,
            )
        # the source is for curious people; nothing reads it
        replace_file(source.encode(), path.with_suffix(".cpp"), place, 0o600)
        replace_file(sealed(content, path.name), path, place, 0o700)
