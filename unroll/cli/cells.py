"""`unroll cells`: which cells there are, and what each is."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from unroll.cells.names import CELLS, FAMILIES, cell_factory, constructor_options, options_example
from unroll.cli.output import say, say_json


def cells(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A cell. Default: all cells.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """The cells that --cell takes; with NAME its equations, source, options and parameters."""
    if name is not None:
        facts = describe(name)
        if json:
            say_json(facts, default=str)
        else:
            say(page(facts))
    elif json:
        say_json(rows())
    else:
        say(table())


def rows() -> list[dict[str, Any]]:
    """The table, for programs."""
    return [
        {"name": name, "family": family, "class": row.cell, "purpose": row.purpose}
        for family, cells in FAMILIES.items()
        for name, row in cells.items()
    ]


def table() -> str:
    """Every cell in a line, family by family."""
    width = max(map(len, CELLS))
    lines = []
    for family, cells in FAMILIES.items():
        lines += [family, *(f"  {name:{width}}  {row.purpose}" for name, row in cells.items())]
    lines += [
        "",
        "unroll cells NAME shows the equations of a cell. unroll train DATA --cell NAME trains",
        "with it, and --cell FILE.py:CLASS with a cell of your own.",
    ]
    return "\n".join(lines)


def describe(name: str) -> dict[str, Any]:
    """Everything about a cell: its class, purpose, options, parameters and equations.

    Raises:
        UserError: for an unknown name.
    """
    make = cell_factory(name)
    from unroll.cells.count import parameters_per_unit

    takes = constructor_options(make)
    needs = [option for option, value in takes.items() if value is inspect.Parameter.empty]
    return {
        **next(row for row in rows() if row["name"] == name),
        "options": {o: v for o, v in takes.items() if o not in needs},
        "needs": needs,
        "parameters_per_unit": None if needs else parameters_per_unit(make),
        "description": inspect.getdoc(getattr(make, "func", make)),
    }


def page(facts: dict[str, Any]) -> str:
    """The facts of `describe` as people read them."""
    lines = [f"{facts['name']} ({facts['family']}): unroll.{facts['class']}", ""]
    lines += [facts["description"], ""]
    options = [*facts["needs"], *(f"{o}={v!r}" for o, v in facts["options"].items())]
    if options:
        lines.append(f"Options (--cell-options, as JSON): {', '.join(options)}")
    if facts["parameters_per_unit"] is not None:
        numbers = facts["parameters_per_unit"]
        fixed = f", and {numbers['fixed']} that are not trained" if "fixed" in numbers else ""
        lines.append(f"Parameters for each unit of H, with I inputs: {numbers['trained']}{fixed}")
    needs = f" {options_example(facts['needs'])}" if facts["needs"] else ""
    lines.append(f"unroll train DATA --cell {facts['name']}{needs}")
    return "\n".join(lines)
