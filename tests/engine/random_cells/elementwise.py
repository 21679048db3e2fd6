"""The elementwise lines of a random step: a method `write_NAME` for each operation."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from .products import ProductLines
from .values import Value

ELEMENTWISE = tuple(
    """
    add sub mul mul mul div sigmoid tanh relu exp softplus silu gelu abs sqrt rsqrt log reciprocal
    maximum minimum where:compared where:constant where:condition where:condition clamp leaky_relu
    elu square pow2 pow3 rsub torch.rsub scaled neg cast full_like cat-of-elementwise
    slice-of-state
    """.split()
)


class ElementwiseLines(ProductLines):
    """Writes lines of elementwise operations, of values that stay bounded."""

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
