"""Random cells: a seed becomes a class whose step is a random program."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import unroll
from unroll.cells import Noise

from .elementwise import ElementwiseLines
from .values import Field, Value


class Writer(ElementwiseLines):
    """Writes one random cell as Python source, line by line."""

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
