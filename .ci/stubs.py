"""Write the names that type checkers and editors see: `python .ci/stubs.py`, or `make stubs`.

`unroll` and `unroll.cells` load their names when they are first used, which no type checker can
follow. So each has a stub, `__init__.pyi`, written from the same tables; a test compares them.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 100
HEADER = (
    "# Written by .ci/stubs.py from the tables in unroll/__init__.py and unroll/cells/names.py.\n"
)


def stub(modules: dict[str, str], further: dict[str, str]) -> str:
    """The text of a stub.

    Args:
        modules: each name with the module that it is imported from.
        further: other names of the package with their types.
    """
    imports = [import_line(module, name) for module, _, _, name in sorted(in_order(modules))]
    types = [f"{name}: {kind}" for name, kind in further.items()]
    return "\n".join([HEADER, *imports, "", *types, ""])


def import_line(module: str, name: str) -> str:
    """The import of a name, as ruff formats it."""
    line = f"from {module} import {name} as {name}"
    return line if len(line) <= WIDTH else f"from {module} import (\n    {name} as {name},\n)"


def in_order(modules: dict[str, str]) -> list[tuple[str, int, str, str]]:
    """Keys that sort as ruff sorts imports: by module, then constants, classes and functions."""
    return [
        (module, 0 if name.isupper() else 1 if name[0].isupper() else 2, name.lower(), name)
        for name, module in modules.items()
    ]


def stubs() -> dict[Path, str]:
    """Every stub by its path."""
    sys.path.insert(0, str(ROOT))
    import unroll
    import unroll.cells

    cells = {name: f"unroll.cells.{module}" for name, module in unroll.cells.MODULES.items()}
    root = unroll.PUBLIC | {"__version__": "unroll.version"} | dict.fromkeys(unroll.ROOMS, "unroll")
    return {
        ROOT / "unroll" / "__init__.pyi": stub(root, {"PUBLIC": "dict[str, str]"}),
        ROOT / "unroll" / "cells" / "__init__.pyi": stub(cells, {"MODULES": "dict[str, str]"}),
    }


if __name__ == "__main__":
    for path, text in stubs().items():
        path.write_text(text)
