"""`unroll doctor`: what is here, what is missing, and the line that fixes it."""

from __future__ import annotations

import json as json_module
import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from unroll.version import __version__

PACKAGES = ("torch", "numpy", "safetensors", "tokenizers", "typer", "rich", "pydantic")
COMPILERS = ("c++", "g++", "clang++")


def doctor(
    json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Versions, device, threads, compiler, and what is missing with the line that fixes it."""
    facts, missing = examine()
    if json:
        typer.echo(json_module.dumps({**facts, "missing": missing}))
    else:
        for name, value in facts.items():
            typer.echo(f"{name:12} {value}")
        for thing, fix in missing.items():
            typer.echo(f"missing: {thing}\n    {fix}")
        if not missing:
            typer.echo("Nothing is missing.")
    if any(name in missing for name in PACKAGES):
        raise typer.Exit(1)


def examine() -> tuple[dict[str, Any], dict[str, str]]:
    """The facts, and what is missing by name with the line that mends it."""
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
        if not writable(folder):
            missing["a cache folder that can be written"] = (
                "export XDG_CACHE_HOME=A_FOLDER_OF_YOURS"
            )
    compiler = next((path for name in COMPILERS if (path := shutil.which(name))), None)
    if compiler is None:
        missing["a C++ compiler (for compiled cells)"] = (
            "apt install g++, or: xcode-select --install, or: conda install cxx-compiler"
        )
    else:
        facts["compiler"] = compiler_version(compiler)
    return facts, missing


def compiler_version(path: str) -> str:
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return f"{path}: {(answer.stdout or answer.stderr).splitlines()[0]}"


def writable(folder: Path) -> bool:
    """Whether the folder, or the first of its parents that exists, can be written."""
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)
