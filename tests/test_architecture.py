"""The house: a room uses rooms on floors below it, tasks do not know each other, no file is in a circle."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "unroll"
FLOORS = {
    "errors": 0, "version": 0, "counting": 0, "terminal": 0, "paths": 0.05, "growing_file": 0,
    "private_cache": 0, "saved_files": 0.1, "cells": 0.25, "settings": 0.5, "engine": 1, "data": 1,
    "in_memory": 1.5, "layers": 2, "models": 3,
    "training": 4, "tasks": 5, "run": 6, "inspect": 7, "sklearn": 7, "export": 7,
    "compare": 7.5, "learn": 7.75, "cli": 8,
}  # fmt: skip
BESIDE = {"testing": 2.5, "__main__": 9}
MOST_FILES_OF_DATA = 25


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path):
    """The modules of the package that a file imports, inside functions and for type checkers too."""
    waiting = list(ast.parse(path.read_text()).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unroll"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        else:
            waiting += ast.iter_child_nodes(node)


def test_rooms_use_only_floors_below():
    floors = FLOORS | BESIDE
    wrong = []
    for name, path in MODULES.items():
        if name == "unroll":
            continue
        here = name.split(".")[1]
        for used in imports(path):
            there = used.split(".")[1] if "." in used else here
            if there != here and floors[there] >= floors[here]:
                wrong.append(f"{name} imports {used}")
    assert not wrong


def test_tasks_do_not_import_each_other():
    wrong = []
    for name, path in MODULES.items():
        parts = name.split(".")
        if parts[:2] != ["unroll", "tasks"] or len(parts) < 4:
            continue
        for used in imports(path):
            other = used.split(".")
            if other[:2] == parts[:2] and len(other) > 3 and other[2] != parts[2]:
                wrong.append(f"{name} imports {used}")
    assert not wrong


def test_no_file_imports_itself_through_others():
    graph = {name: set(imports(path)) - {name} for name, path in MODULES.items()}
    # a package's own file lists what its modules hold; its modules may be used from inside
    for name, path in MODULES.items():
        if path.name == "__init__.py" and name in graph:
            graph[name] = {used for used in graph[name] if not used.startswith(f"{name}.")}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_backends_do_not_know_each_other():
    backends = {"loop", "torch_kernels", "cpu", "parallel"}
    for name in backends:
        files = [PACKAGE / "engine" / f"{name}.py", *(PACKAGE / "engine" / name).glob("*.py")]
        texts = [file.read_text() for file in files if file.exists()]
        assert texts
        for other in backends - {name}:
            known = re.compile(rf"engine\.{other}\b|from unroll\.engine import .*\b{other}\b")
            assert not any(known.search(text) for text in texts), (name, other)


def test_the_data_room_holds_only_what_tasks_share():
    assert len(list((PACKAGE / "data").glob("*.py"))) <= MOST_FILES_OF_DATA


def test_no_pickle_and_no_torch_load():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert "import pickle" not in text, path
        assert text.count("torch.load(") == text.count("weights_only=True"), path


def test_a_class_name_is_used_once():
    where = {}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                where.setdefault(node.name, set()).add(name)
    assert {name: places for name, places in where.items() if len(places) > 1} == {}


MOST_LINES_OF_A_FUNCTION = 60
LONG_FUNCTIONS = {}  # "module.function": the reason why it is longer, at most five
MOST_LINES_OF_A_FILE = 450


def code_lines(function, lines):
    """Lines of code of a function: neither blank, nor comment, nor docstring."""
    first = function.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    text = range(first.lineno, first.end_lineno + 1) if is_text else ()
    return sum(
        n not in text and bool(lines[n - 1].strip()) and not lines[n - 1].strip().startswith("#")
        for n in range(function.lineno, function.end_lineno + 1)
    )


def test_functions_and_files_can_be_read_at_once():
    long_functions, long_files = [], []
    for name, path in MODULES.items():
        lines = path.read_text().split("\n")
        if len(lines) > MOST_LINES_OF_A_FILE:
            long_files.append(name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                too_long = code_lines(node, lines) > MOST_LINES_OF_A_FUNCTION
                if too_long and f"{name}.{node.name}" not in LONG_FUNCTIONS:
                    long_functions.append(f"{name}.{node.name}")
    assert not long_functions and not long_files and len(LONG_FUNCTIONS) <= 5


# modules without a test file of their own: why
TESTED_ELSEWHERE = {
    "unroll.version": "one constant",
    "unroll.engine.runtime.executor": "a protocol; those that follow it are tested",
}


def test_each_module_has_its_test():
    tests = PACKAGE.parent / "tests"
    modules = {
        name: path
        for name, path in MODULES.items()
        if path.name not in ("__init__.py", "__main__.py")
    }
    missing = {
        name
        for name, path in modules.items()
        if not (tests / path.relative_to(PACKAGE).with_name(f"test_{path.name}")).exists()
    }
    assert missing == set(TESTED_ELSEWHERE)
    assert len(missing) <= len(modules) / 10


def test_nothing_asks_a_task_for_what_it_may_lack():
    for name, path in MODULES.items():
        assert not re.search(r"(get|has)attr\((self\.)?(run\.)?task\b", path.read_text()), name
