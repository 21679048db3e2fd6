"""A room uses rooms on floors below it, never above, and never a neighbour."""

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "unroll"
FLOORS = {
    "errors": 0, "version": 0, "counting": 0, "cells": 0.25, "settings": 0.5,
    "engine": 1, "data": 1, "layers": 2, "models": 3, "decoding": 3,
    "training": 4, "tasks": 5, "run": 6, "inspect": 7, "cli": 8,
}  # fmt: skip
BESIDE = {"testing": 2.5, "__main__": 9}


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("unroll."):
            yield node.module.split(".")[1]


def test_rooms_use_only_floors_below():
    floors = FLOORS | BESIDE
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        here = room(path)
        if here == "__init__":
            continue
        for there in imported(path):
            if there != here and floors[there] >= floors[here]:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {there}")
    assert not wrong


def test_backends_do_not_know_each_other():
    backends = {"loop", "torch_kernels", "cpu", "parallel"}
    for name in backends:
        files = [PACKAGE / "engine" / f"{name}.py", *(PACKAGE / "engine" / name).glob("*.py")]
        texts = [file.read_text() for file in files if file.exists()]
        assert texts
        for other in backends - {name}:
            known = re.compile(rf"engine\.{other}\b|from unroll\.engine import .*\b{other}\b")
            assert not any(known.search(text) for text in texts), (name, other)


def test_no_pickle_and_no_torch_load():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert "import pickle" not in text, path
        assert text.count("torch.load(") == text.count("weights_only=True"), path
