"""The values of a random step while it is written, and what such steps can show."""

from __future__ import annotations

from dataclasses import dataclass


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
