"""The C++ compiler: which one, for which processor, and what it says."""

from __future__ import annotations

import functools
import json
import os
import platform
import re
import shlex
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from unroll.engine.cpu.build_error import COMPILER_ADVICE, HUNG_ADVICE, BuildError
from unroll.engine.cpu.cache import FORMAT, digest, replace_file, workplace
from unroll.engine.cpu.process import ended, run
from unroll.private_cache import sealed, unsealed
from unroll.terminal import printable, shortened

# what UNROLL_INSTRUCTION_SET may name: all that this processor has, that without AVX-512, and what
# every x86-64 processor has
INSTRUCTION_SETS = {
    "native": ("-march=native",),
    "avx2": ("-march=native", "-mno-avx512f"),
    "baseline": ("-march=x86-64",),
}
COMPILERS = ("c++", "g++", "clang++")
MOST_ERROR = 80  # characters of an error that are told
MOST_VERSION = 4096  # characters of what a compiler says of its version


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
            f"the variable {variable} names {shortened(repr(text), 80)}, which is no program that can "
            "be run here",
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
                why = "" if status is None else f": {first_error(output)}"
                raise BuildError(
                    f"the C++ compiler {shown_command(command)} does not tell its version "
                    f"({ended(status)}{why})",
                    HUNG_ADVICE if status is None else COMPILER_ADVICE,
                    output,
                    lasting=True,
                )
            version = output[:MOST_VERSION].encode()
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


def first_error(output: str) -> str:
    """The first line that speaks of an error, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = (line for line in lines if re.search(r"\b(error|undefined|cannot)\b", line, re.I))
    line = next(errors, lines[-1] if lines else "it printed nothing")
    return shortened(printable(line), MOST_ERROR).rstrip(".")


def shown_command(command: Sequence[str]) -> str:
    """The program of a command, for people."""
    return shortened(printable(command[0]), 60)
