"""From C++ source text to a loaded shared object, with a private cache on disk.

An object is named by the SHA-256 of everything that decides its bytes: the source, the flags, the
compiler, the CPU. It ends with a seal (`sealed`), which is checked before every load: what is
truncated, changed or another source's object is built again and never loaded. Loading runs code,
so the cache is used only where nobody else could have put a file.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import logging
import os
import platform
import re
import shlex
import shutil
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

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
# what UNROLL_INSTRUCTION_SET may name: all that this processor has, that without AVX-512, and what
# every x86-64 processor has
INSTRUCTION_SETS = {
    "native": ("-march=native",),
    "avx2": ("-march=native", "-mno-avx512f"),
    "baseline": ("-march=x86-64",),
}
COMPILERS = ("c++", "g++", "clang++")
VARIABLES = (
    "UNROLL_CXX",
    "CXX",
    "UNROLL_INSTRUCTION_SET",
    "PATH",
    "UNROLL_CACHE",
    "XDG_CACHE_HOME",
    "HOME",
)

FORMAT = 1  # raise it when the same source, flags and compiler are to give another object
MAGIC = b"\nunroll sealed object\n"
DIGEST = 32
PATIENCE = (
    600.0  # seconds for the compiler: many cells in one build, on a busy machine, take minutes
)
LEFT_OVER = 3600.0  # seconds after which what a killed build left behind is removed
WORKPLACE = ".building-"

ELSEWHERE = "set UNROLL_CACHE to a directory that only you can write to"
COMPILER_ADVICE = "install g++ or clang++, or name a C++ compiler in the variable UNROLL_CXX"

_loaded: dict[tuple[object, ...], ctypes.CDLL] = {}
_reasons: dict[tuple[str | None, ...], str | None] = {}
_lock = threading.Lock()


def _new_lock() -> None:
    """Another thread may have held the lock when the process forked; its holder is not here."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


class BuildError(RuntimeError):
    """A kernel that could not be built or loaded: one sentence for people.

    Attributes:
        reason: why, to be read after "because".
        advice: what to do about it.
        log: all that the compiler said, where it was run.
    """

    def __init__(self, reason: str, advice: str, log: str = "") -> None:
        super().__init__(reason, advice, log)
        self.reason, self.advice, self.log = reason, advice, log

    def __str__(self) -> str:
        return f"No kernel could be compiled for the CPU because {self.reason}; {self.advice}."


def load(source: str, *, flags: Sequence[str] = ()) -> ctypes.CDLL:
    """The shared object of this C++ source, compiled if need be.

    flags: for the compiler, after the ones that all kernels have; paths in them are absolute.
    Raises: BuildError, where there is no compiler, it fails, or the cache cannot be used.
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
            compiler()
            instruction_set()
            check_folders(cache_folders())
            check_writable(cache_folders()[-1])
            _reasons[key] = None
        except BuildError as error:
            _reasons[key] = error.reason
        except OSError as error:
            _reasons[key] = f"the compiler or the cache cannot be used ({error})"
    return _reasons[key]


def recall(name: str) -> bytes | None:
    """What was remembered under this name, None where nothing whole is there."""
    folders = cache_folders()
    check_folders(folders)
    return unsealed(folders[-1] / name)


def remember(name: str, content: bytes) -> None:
    """Keep a few bytes in the cache, sealed as the objects are. Raises: BuildError."""
    folders = cache_folders()
    check_folders(folders)
    try:
        make_folders(folders)
        check_folders(folders)
        with workplace(folders[-1]) as place:
            put(sealed(content, name), folders[-1] / name, place, 0o600)
    except OSError as error:
        raise BuildError(f"the cache cannot be used ({error})", ELSEWHERE) from error


def circumstances() -> tuple[str | None, ...]:
    """What may change within a process and decides compiler and cache."""
    return tuple(map(os.environ.get, VARIABLES))


def check_system() -> None:
    if os.name != "posix":
        raise BuildError("kernels are built on Linux and macOS only", "use another backend")


def found_or_built(source: str, flags: tuple[str, ...]) -> ctypes.CDLL:
    check_system()
    command = compiler()
    flags = (*FLAGS, *instruction_set(), *flags)
    folders = cache_folders()
    folder = folders[-1]
    check_folders(folders)  # nothing is made in a folder that is refused
    make_folders(folders)
    check_folders(folders)
    about = [FORMAT, source, flags, identity(command, folder), cpu()]
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


# the compiler


def compiler() -> tuple[str, ...]:
    """The words of the command: of UNROLL_CXX, else of CXX, else the first that is found."""
    for variable in ("UNROLL_CXX", "CXX"):
        text = os.environ.get(variable, "").strip()
        if text:
            return named(text, variable)
    for name in COMPILERS:
        path = shutil.which(name)
        if path is not None:
            return (str(Path(path).absolute()),)
    listed = f"{', '.join(COMPILERS[:-1])} and {COMPILERS[-1]}"
    raise BuildError(f"there is no C++ compiler (none of {listed} is on the PATH)", COMPILER_ADVICE)


def named(text: str, variable: str) -> tuple[str, ...]:
    """A path, which may have spaces, or several words, such as `ccache g++`."""
    words = [text]
    if shutil.which(text) is None:
        with suppress(ValueError):  # quotation marks without their partners
            words = shlex.split(text) or words
    path = shutil.which(words[0])
    if path is None:
        # not another one in its place: who names a compiler means it
        raise BuildError(
            f"the variable {variable} names {text!r}, which is no program that can be run here",
            f"unset {variable}, or set it to a C++ compiler",
        )
    return str(Path(path).absolute()), *words[1:]


def identity(command: tuple[str, ...], folder: Path) -> str:
    """The words of the command and what it says of its version.

    What it says is kept on disk for as long as the compiler's file stays the same one, because
    asking takes longer than loading.
    """
    programs: list[tuple[str, int, int]] = []
    for word in command:
        found = shutil.which(word)
        if found is not None:  # of `ccache g++`, both
            program = Path(found).resolve()
            size, changed = program.stat().st_size, program.stat().st_mtime_ns
            programs.append((str(program), size, changed))
    path = folder / f"compiler-{digest([FORMAT, command, programs])}"
    version = unsealed(path)
    if version is None:
        with workplace(folder) as place:
            status, said = run([*command, "--version"], place)
            if status != 0:
                raise BuildError(
                    f"the C++ compiler {command[0]} does not tell its version "
                    f"({ended(status)}: {first_error(said)})",
                    COMPILER_ADVICE,
                    said,
                )
            version = said.encode()
            put(sealed(version, path.name), path, place, 0o600)
    return json.dumps([command, version.decode()])


def instruction_set() -> tuple[str, ...]:
    """Flags for the instruction set that UNROLL_INSTRUCTION_SET names, else for this processor's.

    Raises: BuildError, where the name is unknown or this processor does not have that set.
    """
    name = os.environ.get("UNROLL_INSTRUCTION_SET", "").strip() or "native"
    reason = None
    if name not in INSTRUCTION_SETS:
        reason = f"which is none of {', '.join(INSTRUCTION_SETS)}"
    elif name != "native" and platform.machine().lower() not in ("x86_64", "amd64"):
        reason = f"but this processor is {platform.machine()} and not x86-64"
    elif name == "avx2" and cpu_features() and not {"avx2", "fma"} <= cpu_features():
        reason = "which this processor does not have"
    if reason is not None:
        raise BuildError(
            f"the variable UNROLL_INSTRUCTION_SET names {name!r}, {reason}",
            "unset UNROLL_INSTRUCTION_SET, or set it to native",
        )
    return INSTRUCTION_SETS[name]


@functools.cache
def cpu_features() -> frozenset[str]:
    """The names of what this processor can do; none where the system has no /proc/cpuinfo."""
    with suppress(OSError), Path("/proc/cpuinfo").open(errors="replace") as file:
        for line in file:  # only up to the first CPU's: the file is long, and slow to make
            if line.startswith(("flags", "Features")):
                return frozenset(line.split())
    return frozenset()


@functools.cache
def cpu() -> str:
    """What `-march=native` depends on: homes are shared by machines of different kinds."""
    if cpu_features():
        return digest([os.uname().machine, sorted(cpu_features())])
    return digest([platform.machine(), platform.processor()])


def build(source: str, command: list[str], path: Path) -> None:
    """Compile to a temporary name, seal, and put in its place in one step.

    Two processes may do so at once: each puts a whole object there, and either will do. There is
    no fsync: the seal finds what a crash of the machine left unwritten.
    """
    sweep(path.parent)
    log.info("Compiling a kernel with %s.", command[0])
    with workplace(path.parent) as place:
        (place / "kernel.cpp").write_text(source, encoding="utf-8")
        status, said = run([*command, "-o", "kernel.so"], place)
        if status != 0:
            raise BuildError(
                f"the C++ compiler {command[0]} {ended(status)}: {first_error(said)}",
                f"try another compiler ({COMPILER_ADVICE}), or use another backend",
                said,
            )
        built = place / "kernel.so"
        content = built.read_bytes() if built.is_file() else b""
        if not content:
            raise BuildError(
                f"the C++ compiler {command[0]} reported success but wrote no object",
                COMPILER_ADVICE,
                said,
            )
        # the source is for curious people; nothing reads it
        put(source.encode(), path.with_suffix(".cpp"), place, 0o600)
        put(sealed(content, path.name), path, place, 0o700)


def run(command: Sequence[str], place: Path) -> tuple[int | None, str]:
    """The exit status, None if it had to be killed, and all that was said.

    It speaks into a file and not into a pipe: a pipe stays open for as long as any process that
    inherited it lives, such as the daemon of a compiler cache, and reading it would wait for that.
    """
    said = place / "said"
    with said.open("wb") as file:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=place,
                env={**os.environ, "LC_ALL": "C"},
                process_group=0,  # a compiler runs others; they are killed together
            )
        except OSError as error:
            raise BuildError(
                f"the C++ compiler {command[0]} cannot be run ({error.strerror or error})",
                COMPILER_ADVICE,
            ) from error
        status: int | None = None
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            kill(process)
        except BaseException:
            kill(process)
            raise
    return status, said.read_text(encoding="utf-8", errors="replace")


def kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):  # it has just ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ended(status: int | None) -> str:
    if status is None:
        return f"was killed after {PATIENCE:g} seconds without a result"
    if status < 0:
        return f"was killed ({signal.strsignal(-status) or f'signal {-status}'})"
    return "failed"


def first_error(said: str) -> str:
    """The first line that speaks of an error, else the last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = (line for line in lines if re.search(r"\b(error|undefined|cannot)\b", line, re.I))
    line = next(errors, lines[-1] if lines else "it said nothing")
    return line[:300].rstrip(".")


# the cache


def cache_folders() -> tuple[Path, ...]:
    """The folders that have to be ours, the outer first; the objects lie in the last."""
    own = os.environ.get("UNROLL_CACHE")
    if own:
        return (Path(own).absolute(),)
    base = os.environ.get("XDG_CACHE_HOME")
    unroll = (Path(base).absolute() if base else home() / ".cache") / "unroll"
    return unroll, unroll / "kernels"


def home() -> Path:
    """Never a temporary directory in its place: there, others can foresee the names."""
    text = os.environ.get("HOME")
    if not text:
        import pwd  # not on every system

        with suppress(KeyError):
            text = pwd.getpwuid(os.geteuid()).pw_dir
    if not text:
        raise BuildError("there is no home directory to keep compiled kernels in", ELSEWHERE)
    path = Path(text).absolute()
    try:
        there = path.is_dir()
    except OSError as error:
        raise BuildError(
            f"the home directory {path} cannot be read ({error.strerror or error})",
            f"set HOME, or {ELSEWHERE}",
        ) from error
    if not there:
        raise BuildError(f"the home directory {path} does not exist", f"set HOME, or {ELSEWHERE}")
    return path


def make_folders(folders: tuple[Path, ...]) -> None:
    missing = [path for path in (folders[-1], *folders[-1].parents) if look(path) is None]
    for path in reversed(missing):
        try:
            path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise unusable(path, "cannot be made", error) from error


def check_folders(folders: tuple[Path, ...]) -> None:
    """Refuse folders in which somebody else could have put an object."""
    for path in folders:
        about = look(path)
        if about is None:
            continue
        if stat.S_ISLNK(about.st_mode):
            raise BuildError(f"the cache directory {path} is a symbolic link", ELSEWHERE)
        if not stat.S_ISDIR(about.st_mode):
            raise BuildError(f"the cache directory {path} is not a directory", ELSEWHERE)
        if about.st_uid != os.geteuid():
            raise BuildError(f"the cache directory {path} belongs to another user", ELSEWHERE)
        if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise BuildError(
                f"the cache directory {path} can be written to by other users",
                f"run `chmod go-w {shlex.quote(str(path))}`, or {ELSEWHERE}",
            )


def check_writable(folder: Path) -> None:
    """Without writing: the folder, or the one that it would be made in."""
    place = next(path for path in (folder, *folder.parents) if look(path) is not None)
    if not place.is_dir():
        raise BuildError(f"{place}, where the cache would be, is not a directory", ELSEWHERE)
    if not os.access(place, os.W_OK | os.X_OK):
        raise BuildError(f"the cache directory {folder} cannot be written to", ELSEWHERE)


def look(path: Path) -> os.stat_result | None:
    """At what is there under that name, be it a link to nothing; None where nothing is."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unusable(path, "cannot be used", error) from error


def unusable(path: Path, what: str, error: OSError) -> BuildError:
    return BuildError(f"the cache directory {path} {what} ({error.strerror or error})", ELSEWHERE)


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """A folder for half-done things, beside where they will lie; nothing is loaded from it."""
    place = folder / f"{WORKPLACE}{os.getpid()}-{os.urandom(8).hex()}"
    try:
        place.mkdir(mode=0o700)
    except OSError as error:
        raise unusable(folder, "cannot be written to", error) from error
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)  # what stays is swept by a later build


def sweep(folder: Path) -> None:
    """Remove what killed builds left behind; a build that lives is younger than that."""
    for left in folder.glob(f"{WORKPLACE}*"):
        with suppress(FileNotFoundError):
            if time.time() - left.lstat().st_mtime > LEFT_OVER:
                shutil.rmtree(left, ignore_errors=True)


def put(content: bytes, path: Path, place: Path, mode: int) -> None:
    """Replace a file, at no moment half of it."""
    temporary = place / f"whole-{path.name}"
    temporary.write_bytes(content)
    temporary.chmod(mode)
    temporary.replace(path)


def digest(about: object) -> str:
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def seal(content: bytes, name: str) -> bytes:
    """It holds the file's name, so that an object under another one's name is found out."""
    return MAGIC + hashlib.sha256(name.encode() + b"\0" + content).digest()


def sealed(content: bytes, name: str) -> bytes:
    """The content and its seal in one file, so that one rename puts both there.

    Loaders ignore what follows an object.
    """
    return content + seal(content, name)


def unsealed(path: Path) -> bytes | None:
    """The content of a sealed file; None where there is none, or it is not what was written."""
    try:
        # a link is not followed, and a pipe in its place is not waited for
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s is made again: it cannot be opened (%s).", path, error.strerror)
        return None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            log.warning("%s is made again: it is not a file.", path)
            return None
        if about.st_uid != os.geteuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            log.warning("%s is made again: other users can write to it.", path)
            return None
        whole = file.read()
    content = whole[: -len(MAGIC) - DIGEST]
    if whole != sealed(content, path.name):
        log.warning("%s is made again: it is not what was written there.", path)
        return None
    return content
