"""The C++ compiler: which one, for which processor, and what it says."""

from __future__ import annotations

import functools
import json
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from unroll.engine.cpu.build_error import COMPILER_ADVICE, BuildError
from unroll.engine.cpu.cache import FORMAT, digest, replace_file, sealed, unsealed, workplace

# what UNROLL_INSTRUCTION_SET may name: all that this processor has, that without AVX-512, and what
# every x86-64 processor has
INSTRUCTION_SETS = {
    "native": ("-march=native",),
    "avx2": ("-march=native", "-mno-avx512f"),
    "baseline": ("-march=x86-64",),
}
COMPILERS = ("c++", "g++", "clang++")

# seconds for the compiler: many cells in one build, on a busy machine, take minutes
PATIENCE = 600.0


def compiler_command() -> tuple[str, ...]:
    """The words of the command: of UNROLL_CXX, else of CXX, else the first that is found.

    Raises:
        BuildError: where there is no compiler, or a variable names no program.
    """
    for variable in ("UNROLL_CXX", "CXX"):
        text = os.environ.get(variable, "").strip()
        if text:
            return command_words(text, variable)
    for name in COMPILERS:
        path = shutil.which(name)
        if path is not None:
            return (str(Path(path).absolute()),)
    listed = f"{', '.join(COMPILERS[:-1])} and {COMPILERS[-1]}"
    raise BuildError(f"there is no C++ compiler (none of {listed} is on the PATH)", COMPILER_ADVICE)


def command_words(text: str, variable: str) -> tuple[str, ...]:
    """A path, which may have spaces, or several words, such as `ccache g++`.

    Raises:
        BuildError: where the first word is no program that can be run.
    """
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

    Raises:
        BuildError: where the compiler cannot be run or does not tell its version, or where nothing
            can be made in the folder.
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
            status, output = run([*command, "--version"], place)
            if status != 0:
                raise BuildError(
                    f"the C++ compiler {command[0]} does not tell its version "
                    f"({ended(status)}: {first_error(output)})",
                    COMPILER_ADVICE,
                    output,
                )
            version = output.encode()
            replace_file(sealed(version, path.name), path, place, 0o600)
    return json.dumps([command, version.decode()])


def instruction_set() -> tuple[str, ...]:
    """Flags for the instruction set that UNROLL_INSTRUCTION_SET names, else for this processor's.

    Raises:
        BuildError: where the name is unknown or this processor does not have that set.
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
def processor() -> str:
    """What `-march=native` depends on: homes are shared by machines of different kinds."""
    if cpu_features():
        return digest([os.uname().machine, sorted(cpu_features())])
    return digest([platform.machine(), platform.processor()])


def run(command: Sequence[str], place: Path) -> tuple[int | None, str]:
    """The exit status, None if it had to be killed, and everything that was printed.

    It speaks into a file and not into a pipe: a pipe stays open for as long as any process that
    inherited it lives, such as the daemon of a compiler cache, and reading it would wait for that.

    Raises:
        BuildError: where the command cannot be started.
    """
    printed = place / "said"
    with printed.open("wb") as file:
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
    return status, printed.read_text(encoding="utf-8", errors="replace")


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a compiler and what it started."""
    with suppress(ProcessLookupError, PermissionError):  # it has just ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ended(status: int | None) -> str:
    """How a process ended, in words."""
    if status is None:
        return f"was killed after {PATIENCE:g} seconds without a result"
    if status < 0:
        return f"was killed ({signal.strsignal(-status) or f'signal {-status}'})"
    return "failed"


def first_error(output: str) -> str:
    """The first line that speaks of an error, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = (line for line in lines if re.search(r"\b(error|undefined|cannot)\b", line, re.I))
    line = next(errors, lines[-1] if lines else "it printed nothing")
    return line[:300].rstrip(".")
