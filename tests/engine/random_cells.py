"""Cells whose step is a random program, and the comparison of a backend with the loop on them.

    python -m tests.engine.random_cells --count 1000 --backend cpu --start 0 --builds-of 20

runs many of them and prints the step of each that failed. B batch, T time, I input, H hidden.

The steps are such that two right backends agree to rounding: values stay bounded, weights are
small, divisors are well above zero, and what has a kink or a jump (relu, maximum, where) never
stands where exact ties occur.
"""

from __future__ import annotations

import argparse
import copy
import linecache
import random
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import unroll
from unroll.cells import Noise, fields, map_state
from unroll.engine.backends import BACKENDS

from .prebuilt import prebuild

# ----- the values of a step while it is written ---------------------------------------------------


@dataclass(frozen=True)
class Value:
    """One value of a step: its text, its shape and what is known of its numbers.

    width: W of [B, W]; without a batch axis (`batched` false) of [W], and 1 for a scalar.
    low, high: what it lies between; for products about that, otherwise surely.
    tied: whether it can be exactly zero, one or another value, so that a kink must not stand there.
    roots: what it was computed from, back to the products; equal values have equal roots.
    """

    text: str
    width: int
    batched: bool = True
    low: float = -6.0
    high: float = 6.0
    tied: bool = False
    roots: frozenset[str] = frozenset()

    @property
    def size(self) -> float:
        return max(abs(self.low), abs(self.high))

    @property
    def has_product(self) -> bool:
        return any(root.startswith("p") for root in self.roots)


@dataclass
class Field:
    """One field of the state while the step is written."""

    name: str
    kind: str
    width: int
    start: str  # "zeros", "ones", "buffer", "parameter"; of a counter or flag the shape
    tied: bool


FEATURES = tuple(
    """
    state:bare state:1 state:2 state:3 state:4 widths-differ start:buffer start:parameter H:1
    stages:1 stages:2 stages:3
    product:linear product:F.linear product:no-bias product:h@W.T product:h@U
    of:state of:x of:cat of:elementwise weight-twice shared-operand sum-of-products
    gates:chunk gates:split gates:slices
    weight:masked weight:norm weight:tanh vector:softplus
    add sub mul div sigmoid tanh relu exp softplus silu gelu abs sqrt rsqrt log reciprocal maximum
    minimum where:compared where:constant where:zeros where:ones clamp leaky_relu elu square pow2
    pow3 rsub torch.rsub scaled neg cast full_like
    vector scalar-parameter column buffer cat-of-elementwise slice-of-state only-of-x tap
    field:gated field:squashed field:decay field:lstm field:clamped field:cat field:shift
    field:unchanged field:swap field:normaliser field:counter field:flag
    counter:B counter:B1 where:counter where:flag
    output:field output:elementwise output:linear
    noise:step noise:call noise:bernoulli noise:normal noise:eval
    """.split()
)


class Writer:
    """Writes one random cell as Python source, line by line.

    The pool holds what later lines may use. A method that writes a line returns its Value.
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

    # -- products

    def operand(self) -> Value:
        """What a product reads: a state field, x, several of them side by side, or a result."""
        kind = self.random.choice(["state", "state", "x", "cat", "cat", "elementwise"])
        states = [v for v in self.pool if v.text in self.float_names]
        x = next(v for v in self.pool if v.text == "x")
        if kind == "x" or (kind == "state" and not states):
            self.features.add("of:x")
            self.used.add("x")
            return x
        if kind == "state":
            self.features.add("of:state")
            return self.random.choice(states)
        if kind == "elementwise":
            value = self.pick(where=lambda v: v.text.startswith("a"))
            if value is not None:
                self.features.add("of:elementwise")
                return self.small(value, 3)
        parts = [x, self.random.choice(states)]
        if self.chance(0.4):
            extra = self.pick(where=lambda v: v.text not in {p.text for p in parts})
            if extra is not None:
                parts.append(self.small(extra, 3))
        self.random.shuffle(parts)
        self.features.add("of:cat")
        return self.side_by_side(parts)

    def side_by_side(self, parts: list[Value]) -> Value:
        """cat along the features."""
        axis = self.random.choice(["1", "dim=1", "dim=-1", "-1"])
        return Value(
            f"torch.cat([{', '.join(p.text for p in parts)}], {axis})",
            sum(p.width for p in parts),
            low=min(p.low for p in parts),
            high=max(p.high for p in parts),
            tied=all(p.tied for p in parts),
            roots=frozenset().union(*(p.roots for p in parts)),
        )

    def product(self, operand: Value, width: int) -> Value:
        """Text of one product with the operand, not yet a line."""
        fan_in = operand.width
        if operand.size > 4:
            operand = self.squashed(operand)
        known = [(call, b) for call, w, b in self.weights.get(fan_in, []) if w == width]
        if known and self.chance(0.35):
            self.features.add("weight-twice")
            call, bias = self.random.choice(known)
            return Value(call.format(operand.text), width, tied=operand.tied and not bias)
        kind = self.random.choice(
            ["module", "module", "F.linear", "W.T", "U", "masked", "norm", "tanh"]
        )
        bias = self.chance(0.6)
        if kind == "module":
            name = self.name("linear")
            self.setup.append(
                f"self.{name} = nn.Linear({fan_in}, {width}{'' if bias else ', bias=False'})"
            )
            self.features |= {"product:linear"} | (set() if bias else {"product:no-bias"})
            call = f"self.{name}({{}})"
        elif kind in ("W.T", "U"):
            shape = f"{width}, {fan_in}" if kind == "W.T" else f"{fan_in}, {width}"
            weight = self.parameter("W" if kind == "W.T" else "U", self.spread(shape, fan_in))
            turned = self.random.choice([".T", ".t()"]) if kind == "W.T" else ""
            self.features.add("product:h@W.T" if kind == "W.T" else "product:h@U")
            call = f"{{}} @ {weight}{turned}"
            if self.chance(0.2):
                call, bias = f"torch.matmul({{}}, {weight}{turned})", False
            elif bias:
                call = f"({call} + {self.parameter('bias', self.spread(str(width), fan_in))})"
            else:
                call = f"({call})"
        else:
            weight = self.parameter("weight", self.spread(f"{width}, {fan_in}", fan_in))
            if kind == "F.linear":
                self.features.add("product:F.linear")
            else:
                self.features.add(f"weight:{kind}")
            if kind == "masked":
                mask = self.name("mask")
                self.setup.append(
                    f'self.register_buffer("{mask}", (torch.rand({width}, {fan_in}) < 0.7).float())'
                )
                weight = f"{weight} * self.{mask}"
            elif kind == "norm":
                scale = self.parameter("scale", f"torch.rand({width}, 1)")
                weight = f"{scale} * {weight} / {weight}.norm(dim=1, keepdim=True)"
            elif kind == "tanh":
                weight = f"torch.tanh({weight})"
            call = f"F.linear({{}}, {weight})"
            if bias:
                bias_name = self.parameter("bias", self.spread(str(width), fan_in))
                call = f"{call[:-1]}, {bias_name})"
            else:
                self.features.add("product:no-bias")
        self.weights.setdefault(fan_in, []).append((call, width, bias))
        # without a bias a state of zeros gives zeros
        return Value(call.format(operand.text), width, tied=operand.tied and not bias)

    @staticmethod
    def spread(shape: str, fan_in: int) -> str:
        """Numbers as torch.nn.Linear starts with."""
        return f"(torch.rand({shape}) - 0.5) * {2 / fan_in**0.5:.3g}"

    def product_line(self, value: Value) -> Value:
        value = self.line(value, "p")
        rooted = replace(value, roots=frozenset({value.text}))
        self.pool[-1] = rooted
        return rooted

    def products(self) -> None:
        """One to three products; several may read one operand, be added, or be cut into gates."""
        operand = self.operand()
        for k in range(self.random.choice([1, 1, 2, 3])):
            if k and self.chance(0.5):
                operand = self.operand()
            elif k:
                self.features.add("shared-operand")
            width = self.random.choice([*self.widths, *self.widths, 1])
            gates = self.random.choice([1, 1, 2, 3, 4])
            if width == 1 and gates == 1:
                self.features.add("column")
            value = self.product(operand, width * gates)
            if self.chance(0.35):
                self.features.add("sum-of-products")
                other = self.product(self.operand(), width * gates)
                value = replace(
                    value, text=f"{value.text} + {other.text}", tied=value.tied and other.tied
                )
            if gates == 1:
                self.product_line(value)
            else:
                self.gates(value, width, gates)

    def gates(self, value: Value, width: int, count: int) -> None:
        """Cuts one product into gates in one of the ways that people write."""
        whole = self.product_line(value)
        self.pool.pop()
        kind = self.random.choice(["chunk", "split", "slices"])
        self.features.add(f"gates:{kind}")
        names = [self.name("g") for _ in range(count)]
        p = whole.text
        if kind == "chunk":
            cut = self.random.choice(
                [f"{p}.chunk({count}, 1)", f"torch.chunk({p}, {count}, dim=1)"]
            )
            self.body.append(f"{', '.join(names)} = {cut}")
        elif kind == "split":
            uneven = f"{p}.split([{', '.join([str(width)] * count)}], dim=-1)"
            cut = self.random.choice([f"{p}.split({width}, 1)", uneven])
            self.body.append(f"{', '.join(names)} = {cut}")
        else:
            for k, name in enumerate(names):
                start = "" if k == 0 else str(k * width)
                end = "" if k == count - 1 else str((k + 1) * width)
                self.body.append(f"{name} = {p}[:, {start}:{end}]")
        self.pool += [
            Value(name, width, tied=value.tied, roots=frozenset({f"p{name}"})) for name in names
        ]

    # -- elementwise

    def elementwise(self) -> None:
        """One line of the elementwise graph."""
        for _ in range(30):
            feature = self.random.choice(ELEMENTWISE)
            value = getattr(self, "write_" + re.sub(r"\W", "_", feature))()
            if value is not None and value.size <= 12:
                self.features.add(feature)
                self.line(value)
                return

    def one(self, *, size: float = 12, kink: bool = False) -> Value | None:
        a = self.pick(where=lambda v: not (kink and v.tied))
        return None if a is None else self.small(a, size)

    def simple(self, text: str, size: float, low: float, high: float, kink: bool = False):
        a = self.one(size=size, kink=kink)
        if a is None:
            return None
        return self.of(text.format(a.text), a, low=low, high=high, tied=True if kink else None)

    def way(self, *texts: str) -> str:
        return self.random.choice(texts)

    def write_sigmoid(self):
        return self.simple(self.way("torch.sigmoid({})", "{}.sigmoid()"), 12, 0, 1)

    def write_tanh(self):
        return self.simple(self.way("torch.tanh({})", "{}.tanh()", "F.tanh({})"), 12, -1, 1)

    def write_silu(self):
        return self.simple("F.silu({})", 6, -0.3, 6)

    def write_gelu(self):
        return self.simple(self.way("F.gelu({})", 'F.gelu({}, approximate="tanh")'), 6, -0.2, 6)

    def write_softplus(self):
        return self.simple(self.way("F.softplus({})", "F.softplus({}, beta=2.0)"), 6, 0, 6)

    def write_exp(self):
        text = self.way("torch.exp(torch.tanh({}))", "torch.exp(-F.softplus({}))")
        return self.simple(text, 6, 0, 2.8)

    def write_square(self):
        return self.simple(self.way("torch.square({})", "{}.square()"), 3, 0, 9)

    def write_pow2(self):
        return self.simple(self.way("{} ** 2", "torch.pow({}, 2)", "{}.pow(2)"), 3, 0, 9)

    def write_pow3(self):
        return self.simple(self.way("{} ** 3", "torch.pow({}, 3)"), 2, -8, 8)

    def write_relu(self):
        text = self.way("torch.relu({})", "F.relu({})", "{}.relu()")
        return self.simple(text, 6, 0, 6, kink=True)

    def write_abs(self):
        return self.simple(self.way("torch.abs({})", "{}.abs()"), 6, 0, 6, kink=True)

    def write_leaky_relu(self):
        text = self.way("F.leaky_relu({})", "F.leaky_relu({}, 0.2)")
        return self.simple(text, 6, -1.2, 6, kink=True)

    def write_elu(self):
        return self.simple(self.way("F.elu({})", "F.elu({}, alpha=0.5)"), 6, -1, 6, kink=True)

    def write_clamp(self):
        text, low, high = self.random.choice(
            [
                ("{}.clamp(-0.7, 0.9)", -0.7, 0.9),
                ("torch.clamp({}, min=-0.6)", -0.6, 6),
                ("{}.clamp(max=0.8)", -6, 0.8),
                ("F.hardtanh({})", -1, 1),
            ]
        )
        return self.simple(text, 6, low, high, kink=True)

    def of_positive(self, text: str, low: float, high: float) -> Value | None:
        a = self.one(size=6)
        if a is None:
            return None
        p = self.positive(a)
        return self.of(text.format(p.text), p, low=low, high=high)

    def write_sqrt(self):
        return self.of_positive(self.way("torch.sqrt({})", "{}.sqrt()"), 0.4, 3.5)

    def write_rsqrt(self):
        return self.of_positive("torch.rsqrt({})", 0.25, 2.3)

    def write_log(self):
        return self.of_positive("torch.log({})", -1.7, 2.5)

    def write_reciprocal(self):
        return self.of_positive(self.way("torch.reciprocal({})", "1 / {}"), 0.08, 5)

    def write_neg(self):
        a = self.one()
        return a and self.of(
            self.way(f"-{a.text}", f"torch.neg({a.text})"), a, low=-a.high, high=-a.low
        )

    def write_rsub(self):
        a = self.one(size=6)
        return a and self.of(f"1 - {a.text}", a, low=1 - a.high, high=1 - a.low)

    def write_torch_rsub(self):
        a = self.one(size=6)
        return a and self.of(f"torch.rsub({a.text}, 0.5)", a, low=0.5 - a.high, high=0.5 - a.low)

    def write_scaled(self):
        a = self.one()
        if a is None:
            return None
        if self.chance(0.3):
            return self.of(f"{a.text} / 1.7", a, low=a.low / 1.7, high=a.high / 1.7)
        if self.chance(0.3):
            return self.of(f"{a.text} + 0.35", a, low=a.low + 0.35, high=a.high + 0.35)
        return self.of(f"0.6 * {a.text}", a, low=0.6 * a.low, high=0.6 * a.high)

    def write_full_like(self):
        a = self.one(size=6)
        return a and self.of(
            f"torch.full_like({a.text}, 0.3) + {a.text}", a, low=a.low + 0.3, high=a.high + 0.3
        )

    def write_cast(self):
        a, b = self.one(size=6, kink=True), self.one(size=6)
        if a is None or b is None or (a.width != b.width and 1 not in (a.width, b.width)):
            return None
        return self.of(
            f"({a.text} > 0.15).to(x.dtype) * {b.text}",
            a,
            b,
            low=min(b.low, 0),
            high=b.high,
            tied=True,
        )

    def pair(self, *, kink: bool = False) -> tuple[Value, Value] | None:
        """Two operands; for a kink two that cannot be equal in more than a chance."""
        a = self.one(size=6, kink=kink)
        if a is None:
            return None
        if not kink and self.chance(0.3):
            return (a, self.vector(a.width)) if self.chance(0.5) else (self.vector(a.width), a)
        b = self.partner(a)
        if b is None:
            return None
        b = self.small(b, 6)
        if kink and (b.tied or a.roots & b.roots or not (a.has_product or b.has_product)):
            return None
        return a, b

    def write_add(self):
        if (pair := self.pair()) is None:
            return None
        a, b = pair
        return self.of(f"{a.text} + {b.text}", a, b, low=a.low + b.low, high=a.high + b.high)

    def write_sub(self):
        if (pair := self.pair()) is None:
            return None
        a, b = pair
        return self.of(f"{a.text} - {b.text}", a, b, low=a.low - b.high, high=a.high - b.low)

    def write_mul(self):
        if (pair := self.pair()) is None:
            return None
        a, b = pair
        if a.size * b.size > 12 or self.chance(0.4):  # a gate
            a = self.squashed(a)
        size = a.size * b.size
        low = 0 if a.low >= 0 and b.low >= 0 else -size
        tied = a.tied or b.tied
        return self.of(f"{a.text} * {b.text}", a, b, low=low, high=size, tied=tied)

    def write_div(self):
        if (pair := self.pair()) is None:
            return None
        a, b = self.small(pair[0], 2), self.positive(pair[1])
        size = a.size / b.low
        return self.of(f"{a.text} / {b.text}", a, b, low=-size, high=size, tied=a.tied)

    def write_maximum(self):
        return self.extreme("maximum", max)

    def write_minimum(self):
        return self.extreme("minimum", min)

    def extreme(self, name: str, of: Callable) -> Value | None:
        if (pair := self.pair(kink=True)) is None:
            return None
        a, b = pair
        low, high = of(a.low, b.low), of(a.high, b.high)
        return self.of(f"torch.{name}({a.text}, {b.text})", a, b, low=low, high=high, tied=True)

    def write_where_compared(self):
        if (pair := self.pair(kink=True)) is None:
            return None
        a, b = pair
        sign = self.way(">", "<", ">=", "<=")
        return self.chosen(f"{a.text} {sign} {b.text}", max(a.width, b.width), a, b)

    def write_where_constant(self):
        a = self.one(size=6, kink=True)
        if a is None:
            return None
        text = f"{a.text} {self.way('> 0.15', '< -0.1', '>= 0.25')}"
        if self.conditions and self.chance(0.3):
            other, width, _ = self.random.choice(self.conditions)
            if width in (1, a.width):
                text = f"({text}) {self.way('&', '|')} {other}"
        return self.chosen(text, a.width, a)

    def write_where_condition(self):
        if not self.conditions:
            return None
        text, width, feature = self.random.choice(self.conditions)
        value = self.chosen(text, width)
        if value is not None:
            self.features.add(feature)
        return value

    def chosen(self, condition: str, width: int, *compared: Value) -> Value | None:
        """where(condition, one, other), the other sometimes a constant."""
        fits = (lambda v: v.width in (1, width)) if width > 1 else (lambda v: True)
        yes = self.pick(where=fits)
        if yes is None:
            return None
        yes = self.small(yes, 6)
        kind = self.random.choice(["value", "value", "value", "zeros", "ones", "number"])
        if kind == "zeros":
            no = replace(
                yes, text=f"torch.zeros_like({yes.text})", low=0, high=0, roots=frozenset()
            )
            self.features.add("where:zeros")
        elif kind == "ones":
            no = replace(yes, text=f"torch.ones_like({yes.text})", low=1, high=1, roots=frozenset())
            self.features.add("where:ones")
        elif kind == "number":
            no = replace(yes, text="0.4", low=0.4, high=0.4, roots=frozenset())
        else:
            no = self.pick(where=lambda v: fits(v) and (v.width == yes.width or v.width == 1))
            no = yes if no is None else self.small(no, 6)
        if kind == "value" and self.chance(0.3):
            yes, no = no, yes
        value = self.of(
            f"torch.where({condition}, {yes.text}, {no.text})",
            *(*compared, yes, no),
            low=min(yes.low, no.low),
            high=max(yes.high, no.high),
            tied=True,
        )
        return replace(value, width=max(width, yes.width, no.width))

    def write_cat_of_elementwise(self):
        a = self.pick(where=lambda v: v.width <= 20)
        b = a and self.pick(where=lambda v: v.text != a.text and v.width <= 20)
        return b and self.side_by_side([self.squashed(a), self.small(b, 6)])

    def write_slice_of_state(self):
        wide = self.pick(where=lambda v: v.text in self.float_names and v.width > 1)
        if wide is None:
            return None
        cut = self.random.randrange(1, wide.width)
        start, end = (0, cut) if self.chance(0.5) else (cut, wide.width)
        inside = f"{start or ''}:{'' if end == wide.width else end}"
        return replace(wide, text=f"{wide.text}[:, {inside}]", width=end - start)

    # -- the whole cell

    def source(self) -> str:
        """The class, and the state's class where it has more than one field."""
        self.choose_state()
        self.open_step()
        if self.chance(0.4):
            self.only_of_x()
        stages = self.random.choice([1, 2, 3])
        self.features.add(f"stages:{stages}")
        for _ in range(stages):
            self.products()
            for _ in range(self.random.randint(2, 6)):
                self.elementwise()
            if self.chance(0.1):
                value = self.pick()
                self.body.append(f"{value.text} = self.tap(shown={value.text})")
                self.features.add("tap")
        returned = self.close_step()
        return self.assembled(returned)

    def choose_state(self) -> None:
        choose = self.random.choice
        self.H, self.I = choose([1, 2, 7, 16, 17, 37]), choose([1, 3, 8])
        if self.H == 1:
            self.features.add("H:1")
        count = choose([1, 1, 2, 2, 2, 3, 3, 4])
        self.bare = count == 1 and self.chance(0.7)
        self.features.add("state:bare" if self.bare else f"state:{count}")
        names = self.random.sample(["c", "m", "s", "u", "v"], count - 1)
        self.fields: list[Field] = []
        for name in ["h", *names]:
            kinds = ["gated", "gated", "squashed", "decay", "lstm", "clamped", "cat", "shift"]
            if name != "h":
                kinds += ["unchanged", "swap", "normaliser", "normaliser", *["counter", "flag"] * 2]
            kind = choose(kinds)
            width = self.H if name == "h" or self.chance(0.6) else choose([1, 2, 5, self.H + 1])
            if kind in ("cat", "shift") and width == 1:
                kind = "gated"
            start = choose(["zeros", "zeros", "buffer", "parameter"])
            if kind == "normaliser":
                start = "ones"
            elif kind in ("counter", "flag"):
                start, width = choose(["B", "B1"]), 1
            tied = kind in ("clamped", "swap") or start == "zeros"
            self.fields.append(Field(name, kind, width, start, tied))
            self.features.add(f"field:{kind}")
            if start in ("buffer", "parameter"):
                self.features.add(f"start:{start}")
        floats = [f for f in self.fields if f.kind not in ("counter", "flag")]
        self.floats = floats
        self.float_names = {f.name for f in floats}
        self.widths = [f.width for f in floats]
        if len(set(self.widths)) > 1:
            self.features.add("widths-differ")

    def open_step(self) -> None:
        """Unpacks the state, and mixes in the noise."""
        self.pool.append(Value("x", self.I, low=-3, high=3, roots=frozenset({"x"})))
        if not self.bare:
            names = ", ".join(f.name for f in self.fields) + ("," if len(self.fields) == 1 else "")
            if self.chance(0.7):
                self.body.append(f"{names} = state")
            else:
                self.body += [f"{f.name} = state.{f.name}" for f in self.fields]
        for f in self.fields:
            if f.kind == "counter":
                self.features.add(f"counter:{f.start}")
                after = self.random.choice([f"{f.name} % 3 == 0", f"({f.name} + 1) % 2 != 0"])
                if f.start == "B":
                    after = f"({after})" + self.random.choice(["[:, None]", ".unsqueeze(1)"])
                else:
                    after = f"({after})"
                self.conditions.append((after, 1, "where:counter"))
            elif f.kind == "flag":
                text = f.name if f.start == "B1" else f"{f.name}[:, None]"
                self.conditions.append((text, 1, "where:flag"))
                self.conditions.append((f"~{text}", 1, "where:flag"))
            else:
                low, high = (0.2, 3) if f.kind == "normaliser" else (-2, 2)
                self.pool.append(
                    Value(f.name, f.width, True, low, high, f.tied, frozenset({f.name}))
                )
        if self.chance(0.3):
            self.eval_mode = self.chance(0.2)
            if self.eval_mode:
                self.features.add("noise:eval")
            for _ in range(self.random.choice([1, 1, 2])):
                self.mix_in_noise()

    def mix_in_noise(self) -> None:
        value = self.random.choice([v for v in self.pool if v.low < 0])
        kind = self.random.choice(["bernoulli", "bernoulli", "normal"])
        each = self.random.choice(["step", "call"])
        name = self.name("noise")
        keep = ", keep=0.75" if kind == "bernoulli" else ""
        self.noises.append(f'"{name}": Noise(({value.width},), "{kind}", "{each}"{keep})')
        if kind == "bernoulli":
            mixed = f'{value.text} * noise["{name}"] / 0.75'
        else:
            mixed = f'{value.text} + 0.1 * noise["{name}"]'
        self.features |= {f"noise:{kind}", f"noise:{each}"}
        text = f"{value.text} if noise is None else {mixed}"
        self.line(replace(value, text=text, tied=value.tied or kind == "bernoulli"))

    def only_of_x(self) -> None:
        """A few values that need no state: they can be computed for all steps at once."""
        self.features.add("only-of-x")
        x = self.pool[0]
        first = self.product_line(self.product(x, self.random.choice(self.widths)))
        squashed = self.squashed(first)
        self.line(replace(squashed, tied=False))
        if self.chance(0.5):
            second = self.product_line(self.product(self.pool[-1], self.random.choice(self.widths)))
            self.line(self.of(f"F.silu({second.text})", second, low=-0.3, high=6))

    def unread_or_any(self, fits: Callable[[Value], bool]) -> Value | None:
        """What no line has read yet where there is such a value that fits."""
        text = self.text()
        unread = [v for v in self.pool if fits(v) and not re.search(rf"= .*\b{v.text}\b", text)]
        unread = [v for v in unread if v.batched and v.text not in self.used_at_the_end]
        value = unread[-1] if unread else self.pick(where=fits)
        if value is not None:
            self.used_at_the_end.add(value.text)
        return value

    def rows(self, width: int, *, tied: bool) -> Value:
        """A value [B, W] of the pool or, where there is none, a new product."""
        if self.chance(0.8):
            value = self.unread_or_any(
                lambda v: (
                    v.width == width and (tied or not v.tied) and v.text not in self.float_names
                )
            )
            if value is not None:
                return value
        operand = self.operand()
        if operand.tied and not tied:
            operand = self.side_by_side([self.pool[0], operand])
        return self.product_line(self.product(operand, width))

    def gather(self) -> None:
        """Brings together what no line has read yet, so that little of the step is for nothing."""
        unread = [
            v for v in self.pool if v.batched and not re.search(rf"= .*\b{v.text}\b", self.text())
        ]
        wanted = {f.width for f in self.floats}
        others = [self.small(v, 3) for v in unread if v.width not in wanted]
        if others:
            operand = others[0] if len(others) == 1 else self.side_by_side(others)
            width = self.random.choice(self.widths)
            unread.append(self.product_line(self.product(operand, width)))
        for width in wanted:
            left = [v for v in unread if v.width == width]
            if len(left) < 2:
                continue
            total = self.small(left[0], 3)
            for v in left[1:]:
                v = self.small(v, 3)
                sign = self.way("+", "-", "*") if total.size * v.size <= 6 else "+"
                total = self.of(
                    f"({total.text} {sign} {v.text})"
                    if sign == "*"
                    else f"{total.text} {sign} {v.text}",
                    total,
                    v,
                    low=-total.size - v.size if sign != "*" else -total.size * v.size,
                    high=total.size + v.size if sign != "*" else total.size * v.size,
                    tied=(total.tied or v.tied) if sign == "*" else None,
                )
                if sign != "*" or self.chance(0.4):
                    total = self.line(total)
            if not re.fullmatch(r"\w+", total.text):
                self.line(total)

    def text(self) -> str:
        return "\n".join(self.body)

    def update(self, f: Field) -> str:
        """The field's new value, as text that fits in one line."""
        name, W = f.name, f.width
        if f.kind == "counter":
            return f"{name} + 1"
        if f.kind == "flag":
            kind = self.random.choice(["not", "product", "or"])
            if kind == "not":
                return self.way(f"~{name}", f"torch.logical_not({name})")
            column = self.rows(1, tied=False).text
            if f.start == "B":
                column = f"{column}[:, 0]"
            return f"{column} > 0.15" if kind == "product" else f"{name} ^ ({column} > 0.15)"
        if f.kind == "unchanged":
            return name
        if f.kind == "swap":
            others = [o.name for o in self.floats if o.width == W and o.kind != "normaliser"]
            return self.random.choice(others)
        a, b = self.rows(W, tied=f.tied).text, self.rows(W, tied=f.tied).text
        if f.kind == "gated":
            z, n = self.name("z"), f"torch.tanh({b})"
            self.body.append(f"{z} = torch.sigmoid({a})")
            return self.way(
                f"(1 - {z}) * {name} + {z} * {n}",
                f"{name} + {z} * ({n} - {name})",
                f"{z} * {name} + (1 - {z}) * {n}",
            )
        if f.kind == "squashed":
            return self.way(
                f"torch.tanh({a})",
                f"torch.sigmoid({b}) * torch.tanh({a})",
                f"torch.tanh({a} + {b})",
            )
        if f.kind == "decay":
            if self.chance(0.4):
                return f"0.8 * {name} + 0.2 * torch.tanh({a})"
            decay = f"torch.sigmoid({self.parameter('decay', f'torch.randn({W})')})"
            return f"{decay} * {name} + (1 - {decay}) * torch.tanh({a})"
        if f.kind == "lstm":
            c = self.rows(W, tied=f.tied).text
            return f"torch.sigmoid({a}) * {name} + torch.sigmoid({b}) * torch.tanh({c})"
        if f.kind == "clamped":
            a = self.rows(W, tied=False).text  # the clamp is a kink
            return f"(0.7 * {name} + 0.6 * {a}).clamp(-1.5, 1.5)"
        if f.kind == "normaliser":
            z = self.name("z")
            self.body.append(f"{z} = torch.sigmoid({a})")
            return f"{z} * {name} + (1 - {z}) * (F.softplus(torch.tanh({b})) + 0.3)"
        if f.kind == "shift":
            column = self.rows(1, tied=f.tied).text
            return f"torch.cat([{name}[:, 1:], torch.tanh({column})], 1)"
        cut = self.random.randrange(1, W)  # cat
        left, right = self.rows(cut, tied=f.tied).text, self.rows(W - cut, tied=f.tied).text
        return f"torch.cat([torch.tanh({left}), torch.sigmoid({right})], dim=1)"

    def close_step(self) -> str:
        """The new state and the output; returns the return line."""
        if self.chance(0.85):  # else some of the lines lead nowhere, as in people's code
            self.gather()
        new = {}
        for f in self.fields:
            text = self.update(f)
            if f.kind == "unchanged":
                new[f.name] = text
            else:
                new[f.name] = f"{f.name}_new"
                self.body.append(f"{f.name}_new = {text}")
        if self.bare:
            state = new["h"]
        elif self.chance(0.5):
            state = f"State{self.seed}({', '.join(f'{n}={t}' for n, t in new.items())})"
        else:
            state = f"State{self.seed}({', '.join(new.values())})"
        output, self.output_size = self.output(new)
        return f"return {output}, {state}"

    def output(self, new: dict[str, str]) -> tuple[str, int]:
        f = self.random.choice(self.floats)
        text = new[f.name]
        kind = self.random.choice(["field", "field", "elementwise", "linear"])
        self.features.add(f"output:{kind}")
        if kind == "field":
            return text, f.width
        if kind == "elementwise":
            texts = [f"torch.tanh({text})", f"0.5 * {text}", f"{text} ** 2"]
            gate = self.pick(where=lambda v: v.width == f.width)
            if gate is not None:
                texts += [f"torch.sigmoid({gate.text}) * torch.tanh({text})"] * 2
            normalisers = [o for o in self.floats if o.kind == "normaliser"]
            if normalisers and normalisers[0].width == f.width:
                texts += [f"{text} / {new[normalisers[0].name]}"] * 3
            return self.random.choice(texts), f.width
        width = self.random.choice([1, 2, 5, self.H + 3])
        operand = Value(text, f.width, low=-2, high=2)
        if self.chance(0.4):
            operand = self.side_by_side([operand, self.pool[0]])
        return self.product(operand, width).text, width

    def assembled(self, returned: str) -> str:
        """The source of the whole, in the order in which people write it."""
        lines = []
        if not self.bare:
            lines += [f"class State{self.seed}(NamedTuple):"]
            lines += [f"    {f.name}: Tensor" for f in self.fields] + ["", ""]
        lines += [f"class RandomCell{self.seed}(unroll.Cell):", "    def __init__(self):"]
        lines += [f"        super().__init__({self.I}, {self.H})"]
        if self.output_size != self.H:
            lines += [f"        self.output_size = {self.output_size}"]
        for f in self.floats:
            numbers = f"torch.linspace(-0.7, 0.9, {f.width}) + 0.01"
            if f.start == "buffer":
                self.setup.append(f'self.register_buffer("start_{f.name}", {numbers})')
            elif f.start == "parameter":
                self.setup.append(f"self.start_{f.name} = nn.Parameter({numbers})")
        lines += [f"        {line}" for line in self.setup]
        lines += [""]
        plain = self.bare and self.fields[0].start == "zeros" and self.fields[0].width == self.H
        if not plain:
            starts = [self.start(f) for f in self.fields]
            lines += ["    def initial_state(self, batch_size, *, dtype=None, device=None):"]
            if self.bare:
                lines += [f"        return {starts[0]}", ""]
            else:
                lines += [f"        return State{self.seed}("]
                lines += [f"            {start}," for start in starts] + ["        )", ""]
        if self.noises:
            lines += ["    def noise(self):", f"        return {{{', '.join(self.noises)}}}", ""]
        state = "h" if self.bare else "state"
        more = ", noise" if self.noises else ""
        lines += [f"    def forward(self, x, {state}{more}):"]
        lines += [f"        {line}" for line in [*self.body, returned]]
        return "\n".join(lines) + "\n"

    def start(self, f: Field) -> str:
        if f.kind in ("counter", "flag"):
            shape = "batch_size" if f.start == "B" else "batch_size, 1"
            dtype = "torch.int64" if f.kind == "counter" else "torch.bool"
            return f"torch.zeros({shape}, dtype={dtype}, device=device)"
        if f.start in ("zeros", "ones"):
            return f"torch.{f.start}(batch_size, {f.width}, dtype=dtype, device=device)"
        return f"self.start_{f.name}.expand(batch_size, -1)"


# what `elementwise` chooses from; what stands here twice comes twice as often
ELEMENTWISE = tuple(
    """
    add sub mul mul mul div sigmoid tanh relu exp softplus silu gelu abs sqrt rsqrt log reciprocal
    maximum minimum where:compared where:constant where:condition where:condition clamp leaky_relu
    elu square pow2 pow3 rsub torch.rsub scaled neg cast full_like cat-of-elementwise
    slice-of-state
    """.split()
)


# ----- the cell -----------------------------------------------------------------------------------


def random_cell(seed: int) -> unroll.Cell:
    """The random cell of this number, in float64; the same one every time.

    Its class has `source` (the step as text), `features` (what of FEATURES it shows), `ranges`
    (between what each state field may start, or "counter" or "flag") and `seed`. It is in training
    mode, unless it is to show declared noise in eval mode.
    """
    writer = Writer(seed)
    source = writer.source()
    file = f"random_cell_{seed}.py"  # of no file on disk
    # so that tracebacks and inspect show the lines of the step
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names = {"__name__": __name__, "torch": torch, "nn": nn, "F": F, "Tensor": Tensor}
    names |= {"unroll": unroll, "NamedTuple": NamedTuple, "Noise": Noise}
    # safe to execute: the text was put together above from fixed words and numbers, nothing of it
    # comes from outside this file
    exec(compile(source, file, "exec"), names)
    of_kind = {"counter": "counter", "flag": "flag", "normaliser": (0.5, 1.5)}
    made = names[f"RandomCell{seed}"]
    made.seed, made.source, made.features = seed, source, frozenset(writer.features)
    made.ranges = {f.name: of_kind.get(f.kind, (-1.0, 1.0)) for f in writer.fields}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return made().double().train(not writer.eval_mode)


# ----- the comparison -----------------------------------------------------------------------------

# relative to the largest magnitude of each tensor. Single precision leaves what a few steps of a
# cell make of its rounding; a comparison of two values that are that near may even turn.
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3}
# relative to the largest magnitude of all values, or all gradients: a tensor that is zero but for
# cancelled rounding (the gradient of a weight norm over one number) has no magnitude of its own
CANCELLED = 1e-4


@dataclass
class Case:
    """One random call: what both backends are given."""

    seed: int
    x: Tensor
    state: object  # None: the cell's own initial state
    lengths: list[int] | None
    resets: Tensor | None
    reverse: bool
    x_has_gradient: bool
    words: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        T, B, _ = self.x.shape
        return ", ".join([f"T={T}, B={B}, {self.x.dtype}", *self.words])


def random_case(cell: unroll.Cell, seed: int, dtype: torch.dtype) -> Case:
    numbers, choose = torch.Generator().manual_seed(seed), random.Random(seed)
    T, B = choose.choice([1, 2, 9]), choose.choice([1, 5, 7])
    if choose.random() < 0.25:  # as a user's [B, T, I] comes in: not contiguous
        x = torch.randn(B, T, cell.input_size, generator=numbers, dtype=dtype).transpose(0, 1)
        words = ["x transposed"]
    else:
        x, words = torch.randn(T, B, cell.input_size, generator=numbers, dtype=dtype), []
    lengths = resets = None
    if choose.random() < 0.5:
        lengths = [choose.randint(0, T) for _ in range(B)]
        words.append(f"lengths={lengths}")
        if choose.random() < 0.5:
            words.append("NaN in the padding")
            x = x.clone()
            for b, length in enumerate(lengths):
                x[length:, b] = torch.nan
    if choose.random() < 0.33:
        resets = torch.rand(T, B, generator=numbers) < 0.3
        words.append(f"resets={resets.int().tolist()}")
    reverse = choose.random() < 0.33
    words += ["reverse"] * reverse
    state = random_state(cell, B, dtype, numbers) if choose.random() < 0.7 else None
    words += ["initial state"] * (state is None)
    x_has_gradient = choose.random() < 0.8
    words += ["no gradient for x"] * (not x_has_gradient)
    return Case(seed, x, state, lengths, resets, reverse, x_has_gradient, words)


def random_state(cell: unroll.Cell, B: int, dtype: torch.dtype, numbers: torch.Generator):
    """A state that can occur: of a random cell by its ranges, of others after a few steps."""
    with torch.no_grad():
        start = cell.initial_state(B, dtype=dtype, device="cpu")
        ranges = getattr(cell, "ranges", None)
        if ranges is None:
            x = torch.randn(4, B, cell.input_size, generator=numbers, dtype=dtype)
            lengths = torch.randint(1, 5, (B,), generator=numbers)
            with torch.random.fork_rng(devices=[]):  # its noise is not the call's
                _, state = unroll.unroll(cell, x, lengths=lengths, backend="loop")
            return map_state(torch.clone, state)
        kinds = iter(ranges.values())

        def draw(s: Tensor) -> Tensor:
            kind = next(kinds)
            if kind == "counter":
                return torch.randint(0, 6, s.shape, generator=numbers)
            if kind == "flag":
                return torch.rand(s.shape, generator=numbers) < 0.5
            low, high = kind
            return torch.rand(s.shape, generator=numbers, dtype=dtype) * (high - low) + low

        return map_state(draw, start)


@dataclass
class Result:
    """What one backend made of a case, by name."""

    values: dict[str, Tensor]
    gradients: dict[str, Tensor | None]
    shown: dict[str, Tensor]  # the values once more, computed where no gradient is wanted


def compare(
    cell: unroll.Cell, backend: str, *, seed: int, dtype: torch.dtype = torch.float64
) -> None:
    """Check that a backend does what the loop does, on one random case.

    Compared are the outputs, the final state, the gradients of x, of the state and of every
    parameter from random cotangents on all of them, and the values without gradients. Numbers may
    differ by TOLERANCE of the largest magnitude in each tensor, taken in float64; whole numbers
    and booleans not at all. A gradient that is None in one is None or zero in the other.

    The cell's mode is kept. The caller's random numbers are left as they were.
    Raises: AssertionError with the seed, the case, what differs, and the step's source if known.
    """
    if any(p.dtype != dtype for p in cell.parameters()):
        cell = copy.deepcopy(cell).to(dtype)
    case = random_case(cell, seed, dtype)
    cotangents: dict[str, Tensor] = {}
    expected = result(cell, case, "loop", cotangents)
    got = result(cell, case, backend, cotangents)
    wrong = [
        *differences("", got.values, expected.values, dtype),
        *differences("without gradients, ", got.shown, expected.values, dtype),
        *differences("the gradient of ", got.gradients, expected.gradients, dtype),
    ]
    if wrong:
        text = "\n  ".join([f"{backend} differs from the loop ({case}, seed={seed}):", *wrong])
        raise AssertionError(f"{text}\n\n{source_of(cell)}")


def result(cell: unroll.Cell, case: Case, backend: str, cotangents: dict[str, Tensor]) -> Result:
    """Runs the case; cotangents are drawn on the first run and used again on the second."""
    x = case.x.detach().clone().requires_grad_(case.x_has_gradient)
    state = case.state
    if state is not None:
        state = map_state(lambda s: s.clone().requires_grad_(s.is_floating_point()), state)
    settings = {"lengths": case.lengths, "resets": case.resets, "reverse": case.reverse}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.seed)
        values = named(*unroll.unroll(cell, x, state, backend=backend, **settings))
        torch.manual_seed(case.seed)
        with torch.no_grad():
            shown = named(*unroll.unroll(cell, x, state, backend=backend, **settings))
    leaves = {"x": x} if case.x_has_gradient else {}
    if state is not None:
        leaves |= {f"state {n}": s for n, s in fields(state) if s.is_floating_point()}
    leaves |= {n: p for n, p in cell.named_parameters() if p.requires_grad}
    if not cotangents:
        numbers = torch.Generator().manual_seed(case.seed + 1)
        for name, value in values.items():
            if value.is_floating_point():
                cotangents[name] = torch.randn(value.shape, generator=numbers, dtype=value.dtype)
    roots = {n: v for n, v in values.items() if v.requires_grad and v.shape == cotangents[n].shape}
    gradients: Iterable[Tensor | None] = [None] * len(leaves)
    if roots and leaves:
        gradients = torch.autograd.grad(
            list(roots.values()),
            list(leaves.values()),
            [cotangents[name] for name in roots],
            allow_unused=True,
        )
    for name, given, now in [("x", case.x, x), *changed_state(case.state, state)]:
        assert torch.equal(given.nan_to_num(), now.nan_to_num()), f"{backend} changed {name}"
    return Result(values, dict(zip(leaves, gradients, strict=True)), shown)


def changed_state(given, now):
    if given is None:
        return []
    return [
        (f"state {name}", a, b)
        for (name, a), (_, b) in zip(fields(given), fields(now), strict=True)
    ]


def named(output: Tensor, last) -> dict[str, Tensor]:
    return {"output": output} | {f"final {name}": s for name, s in fields(last)}


def differences(of: str, got: dict, expected: dict, dtype: torch.dtype) -> Iterable[str]:
    """A line for each tensor that differs by more than is allowed."""
    if got.keys() != expected.keys():
        yield f"{of}{list(got)} instead of {list(expected)}"
        return
    floats = [t for t in expected.values() if t is not None and t.is_floating_point()]
    overall = max((largest(t) for t in floats), default=0.0)
    for name, right in expected.items():
        ours = got[name]
        if ours is None or right is None:
            other = right if ours is None else ours
            if other is not None and largest(other) != 0:
                which = "None" if ours is None else "a tensor where the loop has None"
                yield f"{of}{name} is {which}; the other goes up to {largest(other):.3g}"
            continue
        if (ours.shape, ours.dtype) != (right.shape, right.dtype):
            yield (
                f"{of}{name} is {list(ours.shape)} {ours.dtype} instead of "
                f"{list(right.shape)} {right.dtype}"
            )
            continue
        if not right.is_floating_point():
            if not torch.equal(ours, right):
                yield f"{of}{name} differs in {int((ours != right).sum())} places"
            continue
        apart = largest(ours.detach().double() - right.detach().double())
        allowed = TOLERANCE[dtype] * (largest(right) + CANCELLED * overall)
        if not apart <= allowed:  # a NaN is apart from everything
            yield (
                f"{of}{name} {list(right.shape)} is {apart:.3g} apart, allowed {allowed:.3g} "
                f"(its largest magnitude is {largest(right):.3g})"
            )


def largest(tensor: Tensor) -> float:
    return tensor.detach().double().abs().max().item() if tensor.numel() else 0.0


def source_of(cell: unroll.Cell) -> str:
    return getattr(cell, "source", f"(a cell of class {type(cell).__name__})")


# ----- backends that compile ----------------------------------------------------------------------


class PlainCell(unroll.Cell):
    """The plainest step there is: a backend that cannot run it cannot run anything here."""

    def __init__(self) -> None:
        super().__init__(2, 3)
        self.read = nn.Linear(2, 3)
        self.recur = nn.Linear(3, 3)

    def forward(self, x, h):
        h = torch.tanh(self.read(x) + self.recur(h))
        return h, h


def unavailable(backend: str) -> str | None:
    """Why this backend cannot run here at all, or None."""
    if backend not in BACKENDS:
        return f"there is no backend {backend!r}"
    try:
        with torch.no_grad():
            unroll.unroll(PlainCell(), torch.zeros(2, 1, 2), backend=backend)
    except RuntimeError as error:
        return str(error)
    return None


def build_together(cells: Iterable[unroll.Cell], backend: str) -> None:
    """Compile the cells in one build where the backend compiles, which saves time."""
    if backend == "cpu":
        prebuild([(cell, cell.training) for cell in cells])


# ----- the command --------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare a backend with the loop on random cells.")
    parser.add_argument("--count", type=int, default=100, help="how many cells")
    parser.add_argument("--start", type=int, default=0, help="the seed of the first")
    parser.add_argument("--backend", default="cpu")
    parser.add_argument("--builds-of", type=int, default=20, help="cells built in one go")
    parser.add_argument("--cases", type=int, default=3, help="random calls of each cell")
    parser.add_argument("--float32", action="store_true", help="in single precision")
    parser.add_argument("--show", action="store_true", help="only print the steps")
    parser.add_argument("--threads", type=int, default=1, help="small cells gain nothing from more")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    seeds = range(asked.start, asked.start + asked.count)
    if asked.show:
        for seed in seeds:
            print(random_cell(seed).source, end="\n\n")
        return 0
    reason = unavailable(asked.backend)
    if reason is not None:
        print(f"{asked.backend} cannot run here: {reason}")
        return 1
    dtype = torch.float32 if asked.float32 else torch.float64
    failed: list[int] = []
    begun = time.perf_counter()
    for first in range(0, asked.count, asked.builds_of):
        group = seeds[first : first + asked.builds_of]
        cells = [random_cell(seed).to(dtype) for seed in group]
        try:
            build_together(cells, asked.backend)
        except Exception:  # the rest is still worth knowing, and shows which cell it was
            print(f"\nseeds {group[0]} to {group[-1]} could not be built in one go")
            traceback.print_exc(file=sys.stdout)
            failed.append(group[0])
        for seed, cell in zip(group, cells, strict=True):
            failed += [seed] * (not agrees(cell, seed, asked.backend, asked.cases, dtype))
        done, seconds = first + len(group), time.perf_counter() - begun
        failures = f"{len(set(failed))} failed"
        print(f"{done} of {asked.count} cells, {failures}, {seconds:.0f} s", flush=True)
    if failed:
        print("failing seeds:", *sorted(set(failed)))
    return 1 if failed else 0


def agrees(cell: unroll.Cell, seed: int, backend: str, cases: int, dtype: torch.dtype) -> bool:
    """Compares on some cases and prints the first that fails."""
    for case in range(cases):
        try:
            compare(cell, backend, seed=cases * seed + case, dtype=dtype)
        except AssertionError as error:
            print(f"\ncell {seed}: {error}", flush=True)
            return False
        except Exception:  # a crash of one cell is a failure of that cell, not of the run
            print(f"\ncell {seed}, case {cases * seed + case}:\n{source_of(cell)}")
            traceback.print_exc(file=sys.stdout)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
