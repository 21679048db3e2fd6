"""What lies near what in a learned embedding: words, characters, pieces of words, series.

V tokens, E numbers of each.
"""

from __future__ import annotations

import difflib
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from unroll.data.vocabulary import UNKNOWN
from unroll.errors import UserError
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Finding, Picture, html_table, in_brackets, rounded
from unroll.inspect.page import Section
from unroll.inspect.plane import principal
from unroll.inspect.scatter import Cloud, scatter
from unroll.run import Run

TOP = 10
ON_MAP = 150  # tokens, the commonest, where none is asked for
FEW = 5  # tokens whose neighbours are told, where none is asked for
# what an embedding is called, where a network keeps it, and where the preprocessor keeps its names
PLACES = (
    ("tokens", "embedding", "vocabulary"),
    ("source", "source", "source"),
    ("target", "target", "target"),
    ("words", "words", "words"),
    ("letters", "letters.embedding", "alphabet"),
)


@dataclass(frozen=True, eq=False)
class Table:
    """An embedding. name: what it is of. names: of its V tokens. vectors: [V, E]."""

    name: str
    names: list[str]
    vectors: Tensor

    def near(self, token: int, many: int) -> list[tuple[int, float]]:
        """The tokens of the greatest cosine, without itself; the unknown is no neighbour."""
        unit = self.vectors / self.vectors.norm(dim=1, keepdim=True).clamp(min=1e-12)
        cosine = unit @ unit[token]
        cosine[[token, UNKNOWN]] = -2.0
        best, order = cosine.topk(min(many, max(1, len(cosine) - 2)))
        return list(zip(order.tolist(), best.tolist(), strict=True))


@dataclass(frozen=True)
class Vectors(Finding):
    """Neighbours of tokens. near: by table and token, the nearest with their cosines. A notebook
    shows it as a picture and a table."""

    title: str
    conditions: dict[str, Any]
    near: list[tuple[Table, int, list[tuple[int, float]]]]

    def facts(self) -> dict[str, Any]:
        """Every neighbour, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "near": [
                {
                    "of": table.names[token],
                    "table": table.name,
                    "neighbours": [
                        {"token": table.names[n], "cosine": rounded(c)} for n, c in some
                    ],
                }
                for table, token, some in self.near
            ],
        }

    def text(self) -> str:
        """The neighbours, the nearest first."""
        lines = [f"{self.title}.", f"({in_brackets(self.conditions)})"]
        for table, token, some in self.near:
            lines += ["", f"Near {visible(table.names[token])} ({table.name}):"]
            lines += [f"  {cosine:+.3f}  {visible(table.names[n])}" for n, cosine in some]
        return "\n".join(lines)

    def table(self) -> list[list[str]]:
        """A row of neighbours each token."""
        many = max(len(some) for *_, some in self.near)
        rows = [["near", *(str(k + 1) for k in range(many))]]
        for table, token, some in self.near:
            cells = [f"{visible(table.names[n])} {cosine:.2f}" for n, cosine in some]
            rows.append([visible(table.names[token]), *cells, *[""] * (many - len(cells))])
        return rows

    def pictures(self) -> dict[str, Picture]:
        """`map`: the tokens and their neighbours in the plane where they vary most."""
        rows = [
            [table.name, table.names[token], table.names[n], cosine]
            for table, token, some in self.near
            for n, cosine in some
        ]
        found = {"near": Picture(self._map, [["table", "of", "token", "cosine"], *rows])}
        for name in dict.fromkeys(table.name for table, *_ in self.near):
            points = self._points(name)
            found[f"map {name}"] = Picture(
                lambda name=name: self._map(name),  # type: ignore[misc]
                [["token", "x", "y"], *([word, x, y] for _, word, x, y in points)],
            )
        return found

    def _points(self, name: str) -> list[tuple[int, str, float, float]]:
        """(which group, token, x, y): those asked for, their neighbours, and common ones."""
        table = next(table for table, *_ in self.near if table.name == name)
        groups: dict[int, int] = {}
        for group, (of, token, some) in enumerate(self.near):
            if of is table:
                groups.setdefault(token, group)
                for n, _ in some:
                    groups.setdefault(n, group)
        if self.conditions.get("near") is None:
            for n in range(UNKNOWN + 2, min(len(table.names), ON_MAP)):
                groups.setdefault(n, len(self.near))
        tokens = list(groups)
        plane = principal(table.vectors[tokens])
        places = torch.zeros(len(tokens), 2) if plane is None else plane[0]
        return [
            (groups[n], visible(table.names[n]), *place)
            for n, place in zip(tokens, places.tolist(), strict=True)
        ]

    def _map(self, name: str | None = None) -> Drawing:
        name = name or self.near[0][0].name
        groups: dict[int, list[tuple[float, float, str]]] = {}
        for group, word, x, y in self._points(name):
            groups.setdefault(group, []).append((x, y, word))
        names = [visible(table.names[token]) for table, token, _ in self.near] + ["other tokens"]
        clouds = [Cloud(names[group], group, points) for group, points in sorted(groups.items())]
        return scatter(clouds, f"{name}: axis 2", "axis 1", named=True)

    def section(self) -> Section:
        """Maps, and the table."""
        maps = [name for name in self.pictures() if name.startswith("map ")]
        parts = {
            "conditions": html.escape(in_brackets(self.conditions)),
            "table": html_table(self.table()),
            "maps": "".join(f"<figure>{self.svg(name)}</figure>" for name in maps),
        }
        return Section("vectors", self.title, parts)


def vectors_of_run(run: Run, near: Sequence[str] = (), *, top: int = TOP) -> Vectors:
    """The nearest neighbours of tokens in what a run has embedded, by the cosine of their vectors.

    When to use it: to see what a network holds to be alike. For every task with a vocabulary.

    near: tokens; none: some of the commonest. top: how many neighbours of each.
    Raises: UserError for a run without an embedding, and a token that it does not have, with those
        that are spelled like it.
    """
    if top < 1:
        raise UserError(f"--top got {top}; expected at least 1.")
    tables = tables_of(run)
    if not tables:
        raise UserError(
            f"{run.path} is a run of the task {run.task_name}: it has no embedding of words whose "
            "neighbours could be looked for."
        )
    found = []
    for word in near:
        places = find(word, tables)
        if not places:
            raise UserError(unknown(word, tables))
        found += [place for place in places if place not in found]
    if not near:
        table = tables[-1] if tables[0].name == "source" else tables[0]
        words = [
            n for n, name in enumerate(table.names) if n > UNKNOWN + 1 and name.strip().isalnum()
        ]
        found = [(table, n) for n in (words or list(range(len(table.names))))[:FEW]]
    conditions = {
        "run": str(run.path),
        "near": " ".join(near) or None,
        "tokens": ", ".join(f"{len(t.names):,} of {t.name}" for t in tables),
        "numbers_each": tables[0].vectors.shape[1],
    }
    rows = [(table, token, table.near(token, top)) for table, token in found]
    return Vectors(f"Vectors of {run.path.name}", conditions, rows)


def find(word: str, tables: Sequence[Table]) -> list[tuple[Table, int]]:
    """Where a token stands: as it is, or else without case, or behind a space (pieces of words)."""
    for form in (word, word.lower(), f" {word}", f" {word.lower()}"):
        places = [(table, table.names.index(form)) for table in tables if form in table.names]
        if places:
            return places
    return []


def tables_of(run: Run) -> list[Table]:
    """Every embedding of a run whose rows have names."""
    tables: list[Table] = []
    for name, place, key in PLACES:
        try:
            module, names = attrgetter(place)(run.model), attrgetter(key)(run.preprocessor)
        except AttributeError:
            continue
        if isinstance(module, nn.Embedding) and names is not None:
            vectors = module.weight.detach().cpu().double()
            if any(torch.equal(vectors, other.vectors) for other in tables):
                continue  # one for both sides
            tables.append(Table(name, names_in(names, len(vectors)), vectors))
    return tables


def names_in(vocabulary: Any, many: int) -> list[str]:
    """The names of rows, of a vocabulary or of a dictionary that numbers words."""
    if isinstance(vocabulary, Mapping):
        names = {number: word for word, number in vocabulary.items()}
        return [names.get(n, "<unk>") for n in range(many)]
    return [vocabulary.name(n) for n in range(min(many, len(vocabulary)))]


def unknown(word: str, tables: Sequence[Table]) -> str:
    """What to say of a word that no table has."""
    every = [name for table in tables for name in table.names]
    like = difflib.get_close_matches(word, every, 5, 0.5)
    near = f"; spelled like it: {', '.join(dict.fromkeys(map(visible, like)))}" if like else ""
    return f"--near got {word!r}, which the run has no vector of{near}. Give a token that it knows."


def visible(token: str) -> str:
    """A token as it can be seen: spaces, tabs and line ends too."""
    said = repr(token)[1:-1]
    return said if token.strip() == token and token else f"'{said}'"
