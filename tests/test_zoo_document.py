"""docs/cells.md has a row for every cell and wrapper, and what the row counts is so."""

from inspect import Parameter
from pathlib import Path

import pytest

from unroll.cells.count import parameters_per_unit
from unroll.cells.names import CELLS, FAMILIES, WRAPPERS, cell_factory, constructor_options

PAGE = (Path(__file__).parents[1] / "docs" / "cells.md").read_text()
MEASURED = ("products", "time")


def rows_of(section):
    """The rows of a section's table by name, each a dictionary by heading."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    headings, _, *rows = [[part.strip() for part in line] for line in lines]
    names = [row[0].split("`")[1] for row in rows]
    assert len(names) == len(set(names)), f"{section} has a cell twice"
    return {n: dict(zip(headings, row, strict=True)) for n, row in zip(names, rows, strict=True)}


ROWS = {family: rows_of(family[0].upper() + family[1:]) for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_a_row_for_every_name_and_no_other(family):
    assert ROWS[family].keys() == FAMILIES[family].keys()
    for name, row in ROWS[family].items():
        assert row["cell"] == f"`{name}` {CELLS[name].cell}"
        assert row["for"] == CELLS[name].purpose
        assert row["equations"] and row["state"]


@pytest.mark.parametrize("name", CELLS)
def test_the_parameters_of_a_row_are_the_cell_s(name):
    make = cell_factory(name)
    if (
        Parameter.empty in constructor_options(make).values()
    ):  # its numbers depend on more than I and H
        return
    counts = parameters_per_unit(make)
    fixed = f"; fixed: {counts['fixed']}" if "fixed" in counts else ""
    family = next(f for f, rows in FAMILIES.items() if name in rows)
    assert ROWS[family][name]["parameters per unit"] == counts["trained"] + fixed


def test_every_wrapper_has_a_row():
    purposes = {row.cell: row.purpose for row in WRAPPERS.values()}
    assert {name: row["for"] for name, row in rows_of("Wrappers").items()} == purposes


def test_every_row_has_been_measured():
    for rows in (*ROWS.values(), rows_of("Wrappers")):
        for name, row in rows.items():
            assert all(row[column] for column in MEASURED), name


def test_a_cell_below_its_bar_is_named_with_a_reason():
    said = PAGE.partition("\n## Below the bar\n")[2].partition("\n## ")[0]
    refused = PAGE.partition("\n## Compiled, or the reason why not\n")[2].partition("\n## ")[0]
    for rows in (*ROWS.values(), rows_of("Wrappers")):
        for name, row in rows.items():
            if "**" in "".join(row.values()):
                assert f"`{name}`" in said, f"{name} misses a bar and is not named"
            if "(" in row["time"]:
                assert f"`{name}`" in refused, f"{name} is not compiled and is not named"
