"""`unroll doctor`: what is here, what is missing, and the line that fixes it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from unroll.cli.output import say, say_json
from unroll.counting import counted
from unroll.terminal import shortened
from unroll.version import __version__

PACKAGES = ("torch", "numpy", "safetensors", "tokenizers", "typer", "rich", "pydantic")


def doctor(
    json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Versions, device, threads, compiled cells, and what is missing with the line that fixes it."""
    facts, missing = examine()
    if json:
        say_json({**facts, "missing": missing})
    else:
        for name, value in facts.items():
            say(f"{name:12} {value}")
        for thing, fix in missing.items():
            say(f"missing: {thing}\n    {fix}")
        if not missing:
            say("Nothing is missing.")
    if any(name in missing for name in PACKAGES):
        raise typer.Exit(1)


def examine() -> tuple[dict[str, Any], dict[str, str]]:
    """The facts, and what is missing by name with the line that fixes it."""
    facts: dict[str, Any] = {"unroll": __version__, "python": platform.python_version()}
    missing: dict[str, str] = {}
    for package in PACKAGES:
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            missing[package] = f"pip install {package}"
    facts["system"] = f"{platform.system()} {platform.machine()}"
    facts["processors"] = os.cpu_count()
    if "torch" in facts:
        import torch

        facts["threads"] = f"{torch.get_num_threads()} (training picks its own by a short timing)"
        devices = [
            f"cuda:{k} {torch.cuda.get_device_name(k)}" for k in range(torch.cuda.device_count())
        ]
        devices += ["mps"] if torch.backends.mps.is_available() else []
        facts["device"] = ", ".join(["cpu", *devices])
        facts["cpu kernels"] = torch.backends.cpu.get_cpu_capability()
        from unroll.data.encoded import cache_folder

        folder = cache_folder()
        facts["cache"] = str(folder)
        if not is_writable(folder):
            missing["a cache folder that can be written"] = (
                "export XDG_CACHE_HOME=A_FOLDER_OF_YOURS"
            )
        examine_compiled(facts, missing)
    return facts, missing


def examine_compiled(facts: dict[str, Any], missing: dict[str, str]) -> None:
    """Whether cells can be compiled, by which compiler, and where what it builds is kept."""
    from unroll.engine.cpu import build
    from unroll.engine.cpu.build_error import COMPILER_ADVICE, ELSEWHERE, BuildError
    from unroll.engine.cpu.cache import cache_folders
    from unroll.engine.cpu.compiler import compiler_command

    reason = build.unavailable()
    facts["compiled"] = "cells are compiled" if reason is None else f"no: {reason}"
    advice = f"{ELSEWHERE}; until then other backends run"
    try:
        facts["compiler"] = compiler_version(compiler_command())
    except BuildError as error:
        advice = error.advice
        if advice == COMPILER_ADVICE:
            advice += "; apt install g++, xcode-select --install, conda install cxx-compiler"
    try:
        facts["kernel cache"] = described_cache(cache_folders()[-1])
    except BuildError as error:  # there is no home
        facts["kernel cache"] = f"none: {error.reason}"
    if reason is not None:
        missing["what compiled cells need"] = advice


def compiler_version(command: Sequence[str]) -> str:
    """The command, and the first line that it prints for --version."""
    from unroll.engine.cpu.build_error import BuildError
    from unroll.engine.cpu.process import run

    with TemporaryDirectory() as place:
        try:
            _, output = run([*command, "--version"], Path(place))
        except BuildError:  # it cannot be started
            output = ""
    line = next(iter(output.splitlines()), "its version is unknown")
    return f"{' '.join(command)}: {shortened(line, 200)}"


def described_cache(folder: Path) -> str:
    """Where compiled kernels are kept, how many, and their size."""
    try:
        kernels = [path.stat().st_size for path in folder.glob("*.so")]
    except OSError as error:
        return f"{folder} (it cannot be read: {error.strerror})"
    return f"{folder} ({counted(len(kernels), 'kernel')}, {sum(kernels) / 1e6:.1f} MB)"


def is_writable(folder: Path) -> bool:
    """Whether the folder, or the first of its parents that exists, can be written."""
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)
