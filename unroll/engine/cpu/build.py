"""From C++ source text to a loaded shared object, with a private cache on disk.

An object is named by the SHA-256 of everything that decides its bytes: the source, the flags, the
compiler, the CPU. What `cache.py` finds truncated or changed is built again and never loaded.
"""

from __future__ import annotations

import ctypes
import logging
import os
import struct
import threading
from collections.abc import Sequence
from pathlib import Path

from unroll.engine.cpu.build_error import COMPILER_ADVICE, ELSEWHERE, HUNG_ADVICE, BuildError
from unroll.engine.cpu.cache import (
    FORMAT,
    cache_folders,
    check_folders,
    check_writable,
    digest,
    make_folders,
    replace_file,
    sweep,
    workplace,
)
from unroll.engine.cpu.compiler import (
    compiler_command,
    first_error,
    identity,
    instruction_set,
    processor,
    shown_command,
)
from unroll.engine.cpu.process import ended, patience, run
from unroll.private_cache import sealed, unsealed
from unroll.terminal import printable, shortened

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
    "UNROLL_CXX_SECONDS",
    "CXX",
    "UNROLL_INSTRUCTION_SET",
    "PATH",
    "UNROLL_CACHE",
    "XDG_CACHE_HOME",
    "HOME",
)


_loaded: dict[tuple[object, ...], ctypes.CDLL] = {}
_reasons: dict[tuple[str | None, ...], BuildError | None] = {}
_failures: dict[tuple[str | None, ...], BuildError] = {}
_lock = threading.Lock()


def _new_lock() -> None:
    """Another thread may have held the lock when the process forked; its holder is not here."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


def load(
    source: str, *, flags: Sequence[str] = (), functions: Sequence[str] = (), kernels: int = 1
) -> ctypes.CDLL:
    """The shared object of this C++ source, compiled if need be.

    Args:
        source: the whole program.
        flags: for the compiler, after the flags that all kernels have; with absolute paths.
        functions: names that the object must have; another one is neither kept nor used.
        kernels: how many the source holds; the compiler is waited for accordingly.

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
                    library = found_or_built(source, tuple(flags), functions, kernels)
                except (BuildError, OSError) as error:
                    found = noted(error)
                    if found is error:
                        raise
                    raise found from error
                _loaded[key] = library
    return library


def noted(error: BuildError | OSError) -> BuildError:
    """The error of a build, kept for `failure`; one that lasts is the reason of all later builds."""
    if isinstance(error, OSError):
        said = shortened(printable(str(error)), 120)
        error = BuildError(f"the compiler or the cache cannot be used ({said})", ELSEWHERE)
    key = circumstances()
    _failures[key] = error
    if error.lasting:
        _reasons[key] = error
    return error


def failure() -> BuildError | None:
    """The last error of a build, or the one that any would have, as compiler and cache are now."""
    key = circumstances()
    return _failures.get(key) or _reasons.get(key)


def unavailable() -> str | None:
    """A reason in words why nothing can be built here, else None. Builds and writes nothing.

    Found once for each set of values of the variables that decide it.
    """
    key = circumstances()
    if key not in _reasons:
        _reasons[key] = None
        try:
            check_system()
            compiler_command()
            instruction_set()
            patience()
            check_folders(cache_folders())
            check_writable(cache_folders()[-1])
        except (BuildError, OSError) as error:
            _reasons[key] = noted(error)
    found = _reasons[key]
    return None if found is None else found.reason


def circumstances() -> tuple[str | None, ...]:
    """What may change within a process and decides compiler and cache."""
    return tuple(map(os.environ.get, VARIABLES))


def check_system() -> None:
    """Raises: BuildError on a system for which no kernels are built."""
    if os.name != "posix":
        raise BuildError("kernels are built on Linux and macOS only", "use another backend")


def found_or_built(
    source: str, flags: tuple[str, ...], functions: Sequence[str], kernels: int
) -> ctypes.CDLL:
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
    if unsealed(path) is not None:
        library = opened(path)
        if not lacking(library, functions):
            return library
        log.warning("%s is built again: it lacks functions.", path)
    build(source, [*command, "kernel.cpp", *flags], path, functions, kernels)
    if unsealed(path) is None:
        raise BuildError(
            f"{path} was changed by something else right after it was built", ELSEWHERE
        )
    # Between the check and this line the file could be exchanged only by us: its folder is ours
    # and nobody else can write to it.
    return opened(path)


def opened(path: Path) -> ctypes.CDLL:
    """A shared object, loaded. Raises: BuildError where the system refuses it."""
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise BuildError(
            f"the system does not load the built object ({shortened(printable(str(error)), 100)})",
            "if its file system forbids execution, set UNROLL_CACHE to a directory on another one",
        ) from error


def lacking(library: ctypes.CDLL, functions: Sequence[str]) -> list[str]:
    """Those of the functions that a loaded object does not have."""
    return [name for name in functions if not hasattr(library, name)]


def check_object(path: Path, functions: Sequence[str]) -> None:
    """Check an object that a compiler has just written, before it is kept.

    Raises:
        BuildError: where it is empty, cut off or none, or lacks functions.
    """
    content = path.read_bytes() if path.is_file() else b""
    wrong = None
    if not content:
        wrong = "reported success but wrote no object"
    elif is_cut_off(content):
        wrong = "reported success but wrote an object that is cut off"
    elif lacking(opened(path), functions):
        wrong = "reported success but wrote an object without the functions of the kernel"
    if wrong is not None:
        raise BuildError(f"the C++ compiler {wrong}", COMPILER_ADVICE)


def is_cut_off(content: bytes) -> bool:
    """Whether an ELF object ends before its table of sections, which is its end.

    To load one may end the process.
    """
    if not content.startswith(b"\x7fELF\x02\x01") or len(content) < 64:  # 64 bits, little-endian
        return content.startswith(b"\x7fELF") and len(content) < 64
    (start,) = struct.unpack_from("<Q", content, 40)
    size, count = struct.unpack_from("<HH", content, 58)
    return bool(start + size * count > len(content))


def build(
    source: str, command: list[str], path: Path, functions: Sequence[str] = (), kernels: int = 1
) -> None:
    """Compile to a temporary name, seal, and put in its place in one step.

    Two processes may do so at once: each puts a whole object there, and either will do. There is
    no fsync: the seal finds what a crash of the machine left unwritten.

    Raises:
        BuildError: where the compiler cannot be run, fails or writes no object, or where nothing
            can be made in the folder.
        OSError: where a file cannot be written.
    """
    sweep(path.parent)
    log.debug("Compiling a kernel with %s.", command[0])
    with workplace(path.parent) as place:
        (place / "kernel.cpp").write_text(source, encoding="utf-8")
        status, output = run([*command, "-o", "kernel.so"], place, kernels)
        if status != 0:
            hangs = status is None
            advice = "name another one in the variable UNROLL_CXX, or use another backend"
            why = "" if hangs else f": {first_error(output)}"
            raise BuildError(
                f"the C++ compiler {shown_command(command)} {ended(status)}{why}",
                HUNG_ADVICE if hangs else advice,
                output,
                lasting=hangs,
            )
        built = place / "kernel.so"
        check_object(built, functions)
        # the source is for curious people; nothing reads it
        replace_file(source.encode(), path.with_suffix(".cpp"), place, 0o600)
        replace_file(sealed(built.read_bytes(), path.name), path, place, 0o700)
