"""Equations as trees and as text: what the page of a plan is written in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

INFIX = {
    "add": ("+", 2), "sub": ("-", 2), "mul": ("*", 3), "div": ("/", 3), "matmul": ("@", 3),
    "floor_divide": ("//", 3), "remainder": ("%", 3), "pow": ("**", 5),
    "eq": ("==", 1), "ne": ("!=", 1), "lt": ("<", 1), "le": ("<=", 1), "gt": (">", 1),
    "ge": (">=", 1),
}  # fmt: skip
ATOM = 9  # nothing binds closer than a name or a call


@dataclass(frozen=True)
class NamedColumns:
    """Columns of a value that has a name.

    Attributes:
        name: its name.
        lo: the first column.
        hi: the column after the last.
        width: all columns of the value.
    """

    name: str
    lo: int
    hi: int
    width: int


@dataclass(frozen=True)
class Weight:
    """Part of a matrix with a name.

    Attributes:
        name: its name.
        rows: from which row to which.
        columns: from which column to which.
        shape: all rows and columns of the matrix.
        turned: whether it is transposed, as it is multiplied with rows.
    """

    name: str
    rows: tuple[int, int]
    columns: tuple[int, int]
    shape: tuple[int, ...]
    turned: bool


@dataclass(frozen=True)
class Term:
    """An operation on terms.

    Attributes:
        op: its name.
        args: terms, columns, weights, numbers and, for an index, text.
    """

    op: str
    args: tuple[Any, ...]


def text_of(term: Any) -> str:
    """A term as it would be written on paper, with no more brackets than it needs."""
    return written(term)[0]


def written(term: Any) -> tuple[str, int]:
    """The text, and how closely its outermost operation binds."""
    if isinstance(term, NamedColumns):
        whole = (term.lo, term.hi) == (0, term.width)
        return term.name if whole else f"{term.name}[{term.lo}:{term.hi}]", ATOM
    if isinstance(term, Weight):
        return weight_text(term), ATOM
    if not isinstance(term, Term):
        return number(term), 4 if isinstance(term, int | float) and term < 0 else ATOM
    op, args = term.op, term.args
    if op == "product":
        terms = [Term("matmul", pair) for pair in zip(args[::2], args[1::2], strict=True)]
        return written(chain(terms))
    if op == "add":
        args = together(args)
        if len(args) == 1:
            return written(args[0])
        if is_negative(args[1]):
            return written(Term("sub", (args[0], args[1].args[0])))
        if is_negative(args[0]):
            return written(Term("sub", (args[1], args[0].args[0])))
    if op == "mul" and args[0] == args[1]:
        return written(Term("pow", (args[0], 2)))
    if op in INFIX and len(args) == 2:
        sign, level = INFIX[op]
        left, right = bound(args[0], level), bound(args[1], level + (op not in ("add", "mul")))
        if op == "add" and right.startswith("-"):
            return f"{left} - {right[1:]}", level
        return f"{left} {sign} {right}", level
    if op == "neg":
        inner = bound(args[0], 3)
        return (inner[1:] if inner.startswith("-") else f"-{inner}"), 3
    if op == "turned":
        return f"{bound(args[0], ATOM)}.T", ATOM
    if op == "index":
        return f"{bound(args[0], ATOM)}{args[1]}", ATOM
    if op == "reciprocal":
        return written(Term("div", (1, args[0])))
    listed = ", ".join(text_of(a) for a in args)
    return f"{op}({listed})" if op else listed, ATOM


def is_negative(term: Any) -> bool:
    """Whether a term has a minus in front."""
    return isinstance(term, Term) and term.op == "neg"


def bound(term: Any, level: int) -> str:
    """A term as an operand, in brackets where it binds less closely than this."""
    text, own = written(term)
    return text if own >= level else f"({text})"


def number(value: Any) -> str:
    """A number or a type as text."""
    return f"{value:g}" if isinstance(value, float) else str(value).removeprefix("torch.")


def weight_text(weight: Weight) -> str:
    """A part of a matrix as text."""
    cuts = []
    for (lo, hi), size in zip((weight.rows, weight.columns), weight.shape, strict=True):
        cuts.append(":" if (lo, hi) == (0, size) else f"{lo}:{hi}")
    if cuts[1] == ":":
        cuts = [] if cuts[0] == ":" else cuts[:1]
    return weight.name + (f"[{', '.join(cuts)}]" if cuts else "") + ".T" * weight.turned


def chain(terms: Sequence[Any]) -> Any:
    """The sum of terms, from left to right."""
    total = terms[0]
    for term in terms[1:]:
        total = Term("add", (total, term))
    return total


def together(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A sum of sums over columns is one sum over all of them."""
    if any(not isinstance(a, Term) for a in args):
        return args
    left, right = args
    if left.op == "add":
        inner = together(left.args)
        left = inner[0] if len(inner) == 1 else left
    if left.op == right.op == "sum":
        return (Term("sum", in_columns([*left.args, *right.args])),)
    return args


def side_by_side(terms: Sequence[Any]) -> tuple[Any, ...]:
    """The terms, with pieces that lie beside each other as one."""
    found: list[Any] = []
    for term in terms:
        beside = adjacent(found[-1], term) if found else None
        found[-1:] = [beside] if beside is not None else [*found[-1:], term]
    return tuple(found)


def in_columns(terms: Sequence[Any]) -> tuple[Any, ...]:
    """The same for a sum over all of them, in which the order does not matter."""
    if len({t.name if isinstance(t, NamedColumns) else None for t in terms} - {None}) == 1:
        terms = sorted(terms, key=lambda t: t.lo if isinstance(t, NamedColumns) else -1)
    return side_by_side(terms)


def adjacent(left: Any, right: Any) -> NamedColumns | None:
    """Columns of one value that lie side by side, as one; else None."""
    if isinstance(left, NamedColumns) and isinstance(right, NamedColumns):
        if left.name == right.name and left.hi == right.lo:
            return replace(left, hi=right.hi)
    return None


def product(operands: Sequence[Any], weights: Sequence[Weight]) -> Term:
    """The sum of products with parts of matrices, parts that lie side by side as one."""
    pairs: list[tuple[Any, Weight]] = []
    for operand, weight in zip(operands, weights, strict=True):
        if pairs:
            last, before = pairs[-1]
            whole = adjacent_weights(before, weight, along_columns=weight.turned)
            if whole is not None:
                beside = last.args if isinstance(last, Term) and last.op == "cat" else (last,)
                merged = side_by_side([*beside, operand])
                pairs[-1] = (merged[0] if len(merged) == 1 else Term("cat", merged), whole)
                continue
        pairs.append((operand, weight))
    return Term("product", tuple(part for pair in pairs for part in pair))


def adjacent_weights(a: Weight, b: Weight, along_columns: bool) -> Weight | None:
    """Two parts of a matrix as one, where they lie beside each other on that axis."""
    if (a.name, a.turned) != (b.name, b.turned):
        return None
    if along_columns and a.rows == b.rows and a.columns[1] == b.columns[0]:
        return replace(a, columns=(a.columns[0], b.columns[1]))
    if not along_columns and a.columns == b.columns and a.rows[1] == b.rows[0]:
        return replace(a, rows=(a.rows[0], b.rows[1]))
    return None


def joined(a: Any, b: Any) -> Any:
    """One term over the columns of both, those of the first at the left; None where there is none.

    There is one where the terms are alike but for columns that lie side by side.
    """
    return None if a == b else _joined(a, b)


def _joined(a: Any, b: Any) -> Any:
    if isinstance(a, NamedColumns):
        if a == b and a.width == 1:  # a single column goes with any width
            return a
        return adjacent(a, b)
    if isinstance(a, Weight):
        return adjacent_weights(a, b, along_columns=not a.turned) if isinstance(b, Weight) else None
    if not isinstance(a, Term):
        return a if type(a) is type(b) and a == b else None
    if not isinstance(b, Term) or (a.op, len(a.args)) != (b.op, len(b.args)):
        return None
    if a.op == "sum":  # a single column again
        return a if a == b else None
    parts = []
    for k, (p, q) in enumerate(zip(a.args, b.args, strict=True)):
        part = (p if p == q else None) if a.op == "product" and k % 2 == 0 else _joined(p, q)
        if part is None:
            return None
        parts.append(part)
    return Term(a.op, tuple(parts))
