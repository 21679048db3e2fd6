"""Nearest neighbours in a learned embedding: of words, characters or pieces of words.

V tokens, E embedding.
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

from unroll.counting import counted
from unroll.data.vocabulary import UNKNOWN
from unroll.errors import UserError
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Finding, Picture, format_conditions, html_table, round_digits
from unroll.inspect.page import Section
from unroll.inspect.principal_components import principal_plane
from unroll.inspect.scatter import Cloud, draw_scatter
from unroll.models.shortlist import ShortlistEmbedding
from unroll.run import Run

TOP = 10
SHUFFLES, CHANCE_ROWS = 20, 20_000  # of the vectors, and the most frequent tokens that are shuffled
MAP_TOKENS = 150  # most frequent tokens on the map, where no token is given
DEFAULT_TOKENS = 5  # tokens whose neighbours are listed, where no token is given
# name of an embedding, its attribute in a network, attribute of its vocabulary in a preprocessor
PLACES = (
    ("tokens", "embedding", "vocabulary"),
    ("source", "source", "source"),
    ("target", "target", "target"),
    ("words", "words", "words"),
    ("letters", "letters.embedding", "alphabet"),
)


@dataclass(frozen=True, eq=False)
class EmbeddingTable:
    """An embedding with the names of its rows.

    Attributes:
        name: of the embedding.
        names: V tokens.
        vectors: [V, E].
        special: rows that are no tokens of a text: the unknown token and the boundary.
    """

    name: str
    names: list[str]
    vectors: Tensor
    special: tuple[int, ...] = (UNKNOWN, UNKNOWN + 1)

    def neighbours(self, token: int, count: int) -> list[tuple[int, float]]:
        """The nearest tokens by cosine, without the token itself and the unknown token.

        Args:
            token: its row.
            count: how many, at most.

        Returns:
            Pairs of row and cosine, the nearest first.
        """
        unit = self.vectors / self.vectors.norm(dim=1, keepdim=True).clamp(min=1e-12)
        cosine = unit @ unit[token]
        never = sorted({token, *self.special[:1]})
        cosine[never] = -2.0
        best, order = cosine.topk(min(count, max(1, len(cosine) - len(never))))
        return list(zip(order.tolist(), best.tolist(), strict=True))

    def chance(self, tokens: Sequence[int]) -> float:
        """The cosine that the nearest neighbour of any of these tokens hardly exceeds by chance.

        Each of the E numbers is shuffled among the tokens, so that their sizes stay and what they have to
        do with each other is lost; of the best cosines in such tables, 95 % are below.
        """
        random = torch.Generator().manual_seed(1)
        vectors, best = self.vectors[:CHANCE_ROWS], []
        rows = [n for n in tokens if n < len(vectors)] or [0]
        for _ in range(SHUFFLES):
            order = torch.rand(vectors.shape, generator=random).argsort(0)
            mixed = vectors.gather(0, order)
            unit = mixed / mixed.norm(dim=1, keepdim=True).clamp(min=1e-12)
            cosine = unit @ unit[rows].T
            cosine[rows, torch.arange(len(rows))] = -2.0
            best.append(cosine.max())
        return float(torch.stack(best).quantile(0.95))


@dataclass(frozen=True)
class Vectors(Finding):
    """Neighbours of tokens. A notebook shows it as a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        near: (table, row of a token, its neighbours as pairs of row and cosine).
        chance: of each table, the cosine that neighbours hardly exceed by chance.
    """

    title: str
    conditions: dict[str, Any]
    near: list[tuple[EmbeddingTable, int, list[tuple[int, float]]]]
    chance: dict[str, float]

    def verdict(self) -> str:
        """How many of the tokens have a neighbour that is nearer than chance."""
        found = [
            bool(near) and near[0][1] > self.chance[table.name] for table, _, near in self.near
        ]
        levels = ", ".join(f"{level:.2f} ({name})" for name, level in self.chance.items())
        if not any(found):
            return (
                f"No neighbour is nearer than chance: in shuffled vectors cosines reach {levels}. What is "
                "listed says nothing about the tokens: the embedding has not learned which are alike."
            )
        return (
            f"{sum(found)} of {counted(len(found), 'token')} have a neighbour nearer than chance; in "
            f"shuffled vectors cosines reach {levels}. Those below it are in brackets."
        )

    def _shown(self, table: EmbeddingTable, row: int, cosine: float) -> str:
        """A neighbour in brackets where it is no nearer than chance."""
        name = visible_token(table.names[row])
        return name if cosine > self.chance[table.name] else f"({name})"

    def as_dict(self) -> dict[str, Any]:
        """Every neighbour, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "chance": {name: round_digits(level) for name, level in self.chance.items()},
            "near": [
                {
                    "of": table.names[token],
                    "table": table.name,
                    "neighbours": [
                        {"token": table.names[n], "cosine": round_digits(c)} for n, c in neighbours
                    ],
                }
                for table, token, neighbours in self.near
            ],
        }

    def text(self) -> str:
        """One list per token, the nearest neighbour first."""
        lines = [f"{self.title}.", f"({format_conditions(self.conditions)})", self.verdict()]
        for table, token, neighbours in self.near:
            lines += ["", f"Near {visible_token(table.names[token])} ({table.name}):"]
            lines += [
                f"  {cosine:+.3f}  {self._shown(table, n, cosine)}" for n, cosine in neighbours
            ]
        return "\n".join(lines)

    def table(self) -> list[list[str]]:
        """One row per token; the first row holds the ranks of the neighbours."""
        count = max(len(neighbours) for *_, neighbours in self.near)
        rows = [["near", *(str(k + 1) for k in range(count))]]
        for table, token, neighbours in self.near:
            cells = [f"{self._shown(table, n, c)} {c:.2f}" for n, c in neighbours]
            rows.append([visible_token(table.names[token]), *cells, *[""] * (count - len(cells))])
        return rows

    def pictures(self) -> dict[str, Picture]:
        """`near`, and one map per embedding: tokens and their neighbours on the principal plane."""
        rows = [
            [table.name, table.names[token], table.names[n], cosine]
            for table, token, neighbours in self.near
            for n, cosine in neighbours
        ]
        pictures = {"near": Picture(self._map, [["table", "of", "token", "cosine"], *rows])}
        for name in dict.fromkeys(table.name for table, *_ in self.near):
            points = self._points(name)
            pictures[f"map {name}"] = Picture(
                lambda name=name: self._map(name),  # type: ignore[misc]
                [["token", "x", "y"], *([word, x, y] for _, word, x, y in points)],
            )
        return pictures

    def _points(self, name: str) -> list[tuple[int, str, float, float]]:
        """(group, token, x, y) of the given tokens, their neighbours, and frequent tokens."""
        table = next(table for table, *_ in self.near if table.name == name)
        groups: dict[int, int] = {}
        for group, (of, token, neighbours) in enumerate(self.near):
            if of is table:
                groups.setdefault(token, group)
                for n, _ in neighbours:
                    groups.setdefault(n, group)
        if self.conditions.get("near") is None:
            for n in range(min(len(table.names), MAP_TOKENS)):
                if n not in table.special:
                    groups.setdefault(n, len(self.near))
        tokens = list(groups)
        plane = principal_plane(table.vectors[tokens])
        places = torch.zeros(len(tokens), 2) if plane is None else plane[0]
        return [
            (groups[n], visible_token(table.names[n]), *place)
            for n, place in zip(tokens, places.tolist(), strict=True)
        ]

    def _map(self, name: str | None = None) -> Drawing:
        name = name or self.near[0][0].name
        groups: dict[int, list[tuple[float, float, str]]] = {}
        for group, word, x, y in self._points(name):
            groups.setdefault(group, []).append((x, y, word))
        names = [visible_token(table.names[token]) for table, token, _ in self.near] + [
            "other tokens"
        ]
        clouds = [Cloud(names[group], group, points) for group, points in sorted(groups.items())]
        return draw_scatter(clouds, f"{name}: axis 2", "axis 1", labelled=True)

    def section(self) -> Section:
        """The maps and the table."""
        maps = [name for name in self.pictures() if name.startswith("map ")]
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "verdict": html.escape(self.verdict()),
            "table": html_table(self.table()),
            "maps": "".join(self.figure(name) for name in maps),
        }
        return Section("vectors", self.title, parts)


def vectors_of_run(run: Run, near: Sequence[str] = (), *, top: int = TOP) -> Vectors:
    """The nearest neighbours of tokens in the embeddings of a run, by the cosine of their vectors.

    When to use it: to see which tokens a network treats as similar. It supports every task with a
    vocabulary.

    Args:
        run: a trained run.
        near: tokens. Default: some of the most frequent ones.
        top: how many neighbours of each token.

    Raises:
        UserError: for a run without an embedding, and for an unknown token, with tokens that are
            spelled alike.
    """
    if top < 1:
        raise UserError(f"--top got {top}; expected at least 1.")
    tables = embedding_tables(run)
    if not tables:
        raise UserError(
            f"{run.path} is a run of the task {run.task_name}, which has no embedding; expected a run "
            "with a vocabulary."
        )
    tokens = []
    for word in near:
        places = find_token(word, tables)
        if not places:
            raise UserError(unknown_token_message(word, tables))
        tokens += [place for place in places if place not in tokens]
    if not near:
        table = tables[-1] if tables[0].name == "source" else tables[0]
        words = [
            n
            for n, name in enumerate(table.names)
            if n not in table.special and name.strip().isalnum()
        ]
        tokens = [(table, n) for n in (words or list(range(len(table.names))))[:DEFAULT_TOKENS]]
    conditions = {
        "run": str(run.path),
        "near": " ".join(near) or None,
        "tokens": ", ".join(f"{len(t.names):,} of {t.name}" for t in tables),
        "numbers_each": tables[0].vectors.shape[1],
    }
    rows = [(table, token, table.neighbours(token, top)) for table, token in tokens]
    levels = {
        table.name: table.chance([n for of, n in tokens if of is table])
        for table in {id(of): of for of, _ in tokens}.values()
    }
    return Vectors(f"Vectors of {run.path.name}", conditions, rows, levels)


def find_token(word: str, tables: Sequence[EmbeddingTable]) -> list[tuple[EmbeddingTable, int]]:
    """(table, row) of a token: as given, else in lower case, else after a space (pieces of words)."""
    for form in (word, word.lower(), f" {word}", f" {word.lower()}"):
        places = [(table, table.names.index(form)) for table in tables if form in table.names]
        if places:
            return places
    return []


def embedding_tables(run: Run) -> list[EmbeddingTable]:
    """Every embedding of a run whose rows have names; a shared one only once."""
    tables: list[EmbeddingTable] = []
    for name, place, key in PLACES:
        try:
            module, names = attrgetter(place)(run.model), attrgetter(key)(run.preprocessor)
        except AttributeError:
            continue
        if isinstance(module, nn.Embedding) and names is not None:
            vectors = module.weight.detach().cpu().double()
            if isinstance(module, ShortlistEmbedding):
                vectors = vectors[:-1]  # the last one is of all rare words together
            if any(torch.equal(vectors, other.vectors) for other in tables):
                continue  # shared by source and target
            shown = row_names(names, len(vectors))
            vectors = vectors[: len(shown)]  # the start of a text is no token
            tables.append(EmbeddingTable(name, shown, vectors, special_rows(names)))
    return tables


def row_names(vocabulary: Any, count: int) -> list[str]:
    """The names of the rows. vocabulary: with `name(n)`, or a mapping from word to row."""
    if isinstance(vocabulary, Mapping):
        names = {number: word for word, number in vocabulary.items()}
        return [names.get(n, "<unk>") for n in range(count)]
    return [vocabulary.name(n) for n in range(min(count, len(vocabulary)))]


def special_rows(vocabulary: Any) -> tuple[int, ...]:
    """The rows of the unknown token and of the boundary; a closed vocabulary has no unknown token."""
    if getattr(vocabulary, "unknown_id", UNKNOWN) is not None:
        return (UNKNOWN, UNKNOWN + 1)
    return ()


def unknown_token_message(word: str, tables: Sequence[EmbeddingTable]) -> str:
    """The error for a word that no table has, with words that are spelled alike."""
    names = [name for table in tables for name in table.names]
    similar = difflib.get_close_matches(word, names, 5, 0.5)
    near = (
        f"; similar tokens: {', '.join(dict.fromkeys(map(visible_token, similar)))}"
        if similar
        else ""
    )
    return f"--near got {word!r}; expected a token of the run{near}."


def visible_token(token: str) -> str:
    """A token with escapes for tabs and line ends, in quotes where it begins or ends in a space."""
    escaped = repr(token)[1:-1]
    return escaped if token.strip() == token and token else f"'{escaped}'"
