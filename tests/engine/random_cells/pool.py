"""The lines of a random step so far, and the values that later lines may use."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from .values import Value


class Pool:
    """What a writer of a random step has: its random numbers, its lines and its values.

    A method that writes a line returns its Value.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.features: set[str] = set()
        self.setup: list[str] = []
        self.body: list[str] = []
        self.pool: list[Value] = []
        self.used: set[str] = set()
        self.used_at_the_end: set[str] = set()
        self.conditions: list[tuple[str, int, str]] = []  # text, width, feature
        self.noises: list[str] = []
        self.weights: dict[int, list[tuple[str, int, bool]]] = {}  # by fan-in: call, width, bias
        self.counts: dict[str, int] = {}
        self.eval_mode = False

    # -- small helpers

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def name(self, stem: str) -> str:
        self.counts[stem] = self.counts.get(stem, 0) + 1
        return f"{stem}{self.counts[stem]}"

    def line(self, value: Value, stem: str = "a") -> Value:
        """Gives the value a name of its own and puts it in the pool."""
        name = self.name(stem)
        self.body.append(f"{name} = {value.text}")
        value = replace(value, text=name)
        self.pool.append(value)
        return value

    def pick(self, *, where: Callable[[Value], bool] = lambda value: True) -> Value | None:
        """A batched value of the pool; late ones and those not used yet are likelier."""
        found = [v for v in self.pool if v.batched and where(v)]
        if not found:
            return None
        weights = [(1 + k) * (1 if v.text in self.used else 4) for k, v in enumerate(found)]
        value = self.random.choices(found, weights)[0]
        self.used.add(value.text)
        return value

    def of(self, text: str, *operands: Value, low: float, high: float, tied=None) -> Value:
        """An elementwise result of these operands."""
        return Value(
            text,
            max(v.width for v in operands),
            any(v.batched for v in operands),
            low,
            high,
            all(v.tied for v in operands) if tied is None else tied,
            frozenset().union(*(v.roots for v in operands)),
        )

    def partner(self, a: Value) -> Value | None:
        """A second operand for a: as wide, or a column, or the other way round."""
        return self.pick(
            where=lambda v: v.text != a.text and (v.width == a.width or 1 in (v.width, a.width))
        )

    def squashed(self, a: Value) -> Value:
        """Of a, between -1 and 1 for sure."""
        if self.chance(0.6):
            self.features.add("tanh")
            return self.of(f"torch.tanh({a.text})", a, low=-1, high=1)
        self.features.add("sigmoid")
        return self.of(f"torch.sigmoid({a.text})", a, low=0, high=1)

    def small(self, a: Value, size: float) -> Value:
        return a if a.size <= size else self.squashed(a)

    def positive(self, a: Value) -> Value:
        """Of a, at least 0.2 for sure: what may stand below a line, in a root or a logarithm."""
        if a.low >= 0.2:
            return a
        texts = [
            (f"(torch.sigmoid({a.text}) + 0.5)", 0.5, 1.5),
            (f"(F.softplus({a.text}) + 0.3)", 0.3, 6.5),
            (f"torch.exp(-torch.tanh({a.text}))", 0.36, 2.8),
        ]
        if a.size <= 3:
            texts.append((f"(0.4 + {a.text} ** 2)", 0.4, 9.4))
        if not a.tied:
            texts.append((f"({a.text}.abs() + 0.4)", 0.4, 6.4))
        text, low, high = self.random.choice(texts)
        return self.of(text, a, low=low, high=high)

    def parameter(self, stem: str, made: str) -> str:
        name = self.name(stem)
        self.setup.append(f"self.{name} = nn.Parameter({made})")
        return f"self.{name}"

    def vector(self, width: int) -> Value:
        """A parameter [W], [1] or [], or something computed of parameters only."""
        kind = self.random.choice(["plain", "plain", "softplus", "one", "scalar", "buffer", "exp"])
        if kind == "buffer":
            name = self.name("buffer")
            self.setup.append(f'self.register_buffer("{name}", torch.linspace(0.4, 0.9, {width}))')
            self.features.add("buffer")
            return Value(f"self.{name}", width, False, 0.4, 0.9, roots=frozenset({name}))
        if kind in ("one", "scalar"):
            self.features.add("scalar-parameter")
            name = self.parameter(
                "scale", f"torch.rand({'1' if kind == 'one' else '()'}) * 0.6 + 0.2"
            )
            return Value(name, 1, False, 0.2, 0.8, roots=frozenset({name}))
        self.features.add("vector")
        name = self.parameter("vector", f"torch.rand({width}) - 0.4")
        roots = frozenset({name})
        if kind == "softplus":
            self.features.add("vector:softplus")
            return Value(f"F.softplus({name})", width, False, 0.5, 1.1, roots=roots)
        if kind == "exp":
            return Value(f"torch.exp(-F.softplus({name}))", width, False, 0.3, 0.7, roots=roots)
        return Value(name, width, False, -0.4, 0.6, roots=roots)
