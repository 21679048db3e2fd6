"""The names that the values of a plan have on its page, given as they are first needed."""

from __future__ import annotations

import string
from collections.abc import Iterator
from itertools import count
from typing import Any

from torch import fx

from unroll.engine.compiler.nodes import Node
from unroll.engine.compiler.plan import Plan
from unroll.engine.compiler.traced import width_of
from unroll.engine.explain.equations import NamedColumns
from unroll.engine.explain.naming import names_of


class Names:
    """The names of a page, and which are still free.

    Attributes:
        users: what the user's step calls its values.
        given: the terms of traced values that have a name.
        of_nodes: the names of the loop's values.
        lines: the line of the user's step of everything that has a name.
        letters: the names that are letters of the page's own choice.
    """

    def __init__(self, plan: Plan) -> None:
        traced = plan.traced
        self.users = names_of(traced.graph)
        self.given: dict[fx.Node, Any] = {}
        self.of_nodes: dict[Node, Any] = {}
        self.lines: dict[str, str] = {}
        self.letters: set[str] = set()
        self.taken = {"x", "d", "output", *traced.fields, *traced.noises}
        self.taken |= {name.partition(".")[0] for name in traced.parameters}
        # a letter that means something else to the reader would mislead
        self.reserved = {*self.users.values(), *"dloswx"}
        for name, node in (
            *traced.parameters.items(),
            ("x", traced.x),
            *((name, node) for name, (_, node) in traced.noises.items()),
            *zip(traced.fields, traced.states, strict=True),
        ):
            self.given[node] = all_columns(name, node)

    def fresh(self, wanted: str = "", letter: str = "") -> str:
        """A name that nothing has yet: the one wanted, else a letter, with a number if need be."""
        if letter:
            names: Iterator[str] = (f"{letter}{k}" for k in count(1))
        elif wanted:
            names = (wanted if k == 1 else f"{wanted}{k}" for k in count(1))
        else:
            free = [l for l in string.ascii_lowercase if l not in self.reserved] or ["v"]
            names = (l if k == 1 else f"{l}{k}" for k in count(1) for l in free)
        name = next(n for n in names if n not in self.taken)
        self.taken.add(name)
        if not wanted and not letter:
            self.letters.add(name)
        return name


def all_columns(name: str, node: fx.Node) -> NamedColumns:
    """All columns of a traced value."""
    return NamedColumns(name, 0, width_of(node), width_of(node))
