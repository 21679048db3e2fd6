"""Parameters of a random step, and its products with them."""

from __future__ import annotations

from dataclasses import replace

from .pool import Pool
from .values import Value


class ProductLines(Pool):
    """Writes products, in all the ways that people write them."""

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
