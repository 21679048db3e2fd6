"""A program's stages as C++: products by the tiles of kernels.h, the rest as vector expressions.

Nothing of the user's text reaches the source: it is made of a listed set of operations, of
numbers, and of places in arrays. Widths, steps and sequences are numbers of the call, so that one
build serves every size.
"""

from __future__ import annotations

import functools
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unroll.engine.compiler.nodes import Node
from unroll.engine.compiler.program import Buffer, Group, Program
from unroll.engine.refusal import Unplannable

REALS = {torch.float32: "float", torch.float64: "double"}
HERE = Path(__file__).parent
BYTES = {"Vec": "Real", "Int": "int64_t", "Mask": "uint8_t"}


@functools.cache
def source(real: torch.dtype, *headers: str) -> str:
    """The fixed part of a build: these files, for these numbers."""
    parts = [f"#define UNROLL_REAL {REALS[real]}"]
    parts += [(HERE / name).read_text("utf-8") for name in headers]
    return "\n".join(parts)


@dataclass(frozen=True)
class Emitted:
    """C++ of one program. buffers: in the order in which the call passes them. groups: theirs."""

    name: str
    source: str
    buffers: list[Buffer]
    groups: list[Group]


def emit(program: Program, real: torch.dtype) -> Emitted:
    """The stages of a program. Two programs of the same shape have the same source and name.

    Raises: Unplannable for a type that the kernels do not know.
    """
    writer = _Writer(program, real)
    body = writer.text()
    name = "program_" + hashlib.sha256((REALS[real] + body).encode()).hexdigest()[:16]
    return Emitted(name, body.replace("@", name), writer.buffers, writer.groups)


class _Writer:
    def __init__(self, program: Program, real: torch.dtype) -> None:
        self.program, self.real = program, real
        self.groups = [g for stage in program.stages for g in stage]
        self.buffers: list[Buffer] = []
        self.product = 0  # how many so far
        self.block = 0

    def text(self) -> str:
        lines = ["namespace @_stages {"]
        stages: list[str] = []
        packs: list[str] = []
        rooms: list[str] = []
        number = 0
        for stage in self.program.stages:
            names = []
            for group in stage:
                offsets = []
                for segments in group.products:
                    operands, count = len(segments[0].args), len(segments)
                    offsets.append((self.product, operands, count))
                    units = f"units_of({max(map(len, group.products))})"
                    what = f"call.blocks + {self.block}, {operands}, {count}, {units}"
                    packs.append(
                        f"    pack(call.packed + call.offsets[{self.product}], {what}, "
                        f"call.widths[{number}], part, parts);"
                    )
                    rooms.append(
                        f"    offsets[{self.product}] = total;\n"
                        f"    total += room_of({what}, call.widths[{number}]);"
                    )
                    self.product += 1
                    self.block += operands * count
                lines += self.group(group, number, offsets)
                names.append(f"group_{number}(frame);")
                number += 1
            stages.append(f"void stage_{len(stages)}(const Frame& frame) {{ {' '.join(names)} }}")
        lines += stages
        lines += [
            "void pack_all(const Call& call, int64_t part, int64_t parts) {",
            "    (void)call, (void)part, (void)parts;",
            *packs,
            "}",
            "int64_t room(const Call& call, int64_t* offsets) {",
            "    (void)call, (void)offsets;",
            "    int64_t total = 0;",
            *rooms,
            "    return total;",
            "}",
            f"const Stage stages[] = {{{', '.join(f'stage_{k}' for k in range(len(stages)))}}};",
            f"const Program program = {{{len(self.buffers)}, {len(stages)}, stages, pack_all}};",
            "}  // namespace @_stages",
            'extern "C" __attribute__((visibility("default"))) int @(const Call* call) {',
            "    return run(@_stages::program, *call);",
            "}",
            'extern "C" __attribute__((visibility("default"))) int64_t @_room(const Call* call, '
            "int64_t* offsets) {",
            "    return @_stages::room(*call, offsets);",
            "}",
            "",
        ]
        return "\n".join(lines)

    def group(self, group: Group, number: int, products: list[tuple[int, int, int]]) -> list[str]:
        """The function of a group, and before it the elementwise part of one vector of units."""
        self.names: dict[Node, str] = {}
        self.loads: list[str] = []
        statements: list[str] = []
        sums = [n for segments in group.products for n in segments]
        parameters = "".join(f", const Real* s{k}" for k in range(len(sums)))
        for k, node in enumerate(sums):
            self.check(node)
            self.names[node] = f"p{k}"
            statements.append(f"const Vec p{k} = *(const Vec*)s{k};")
        for node in group.body:
            self.check(node)
            expression = self.expression(node, group.width)
            self.names[node] = f"v{len(self.names)}"
            statements.append(f"const {kind(node)} {self.names[node]} = {expression};")
        stores = []
        for node in [*sums, *group.body]:
            if node.width != group.width:
                continue  # computed again for this group; the one of its own width keeps it
            for buffer in self.program.stores.get(node, ()):
                at = self.index(buffer)
                optional = buffer.tensor.startswith("saved")
                check = f"if (frame.at[{at}]) " if optional else ""
                stores.append(
                    f"{check}put<whole>(({BYTES[kind(node)]}*)(frame.at[{at}] + row * strides[{at}])"
                    f" + unit, {self.names[node]}, count);"
                )
        lines = [
            "template <bool whole>",
            f"UNROLL_INLINE void body_{number}(const Frame& frame, int64_t row, int64_t unit, "
            f"int count{parameters}) {{",
            "    const int64_t* strides = frame.call->strides;",
            "    (void)strides, (void)count, (void)unit;",
            *(f"    {line}" for line in [*self.loads, *statements, *stores]),
            "}",
            f"void group_{number}(const Frame& frame) {{",
            f"    const int64_t width = frame.call->widths[{number}];",
        ]
        return lines + (self.tiled(group, number, products) if products else self.plain(number))

    def plain(self, number: int) -> list[str]:
        """Every vector of units of every row."""
        return [
            "    const int64_t vectors = (width + LANES - 1) / LANES;",
            "    const int64_t from = vectors * frame.part / frame.parts * LANES;",
            "    const int64_t upto = vectors * (frame.part + 1) / frame.parts * LANES;",
            "    for (int64_t row = frame.first; row < frame.last; row++)",
            "        for (int64_t unit = from; unit < upto; unit += LANES)",
            f"            if (unit + LANES <= width) body_{number}<true>(frame, row, unit, LANES);",
            f"            else body_{number}<false>(frame, row, unit, (int)(width - unit));",
            "}",
        ]

    def tiled(self, group: Group, number: int, products: list[tuple[int, int, int]]) -> list[str]:
        """Every tile of rows and panels: the sums, then the elementwise part on them."""
        most = max(count for _, _, count in products)
        rows = ", ".join(f"rows_of(U * {count})" for _, _, count in products)
        lines = [
            f"    constexpr int U = units_of({most});",
            f"    constexpr int ROWS = fewest({rows});",
            "    const int64_t panels = panels_in(width, U);",
            "    const int64_t from = panels * frame.part / frame.parts;",
            "    const int64_t upto = panels * (frame.part + 1) / frame.parts;",
            "    const int64_t all = frame.last - frame.first, tiles = (all + ROWS - 1) / ROWS;",
            "    if (all <= 0) return;",
        ]
        for index, operands, _ in products:
            total = " + ".join(f"o{index}[{o}].count" for o in range(operands))
            segments = group.products[[p[0] for p in products].index(index)]
            lines.append(f"    Operand o{index}[{operands}];")
            for o, a in enumerate(segments[0].args):
                at = self.index(self.program.loads[a])
                lines.append(
                    f"    o{index}[{o}] = {{(const Real*)frame.at[{at}], frame.call->strides[{at}] / "
                    f"(int64_t)sizeof(Real), frame.call->blocks[{self.first_block(index, o)}].count}};"
                )
            lines.append(f"    const int64_t all{index} = {total};")
        for index, _, count in products:
            lines.append(f"    alignas(64) Real t{index}[ROWS * U * {count} * LANES];")
        lines += [
            "    for (int64_t next = from; next < upto; next++) {",
            "        const int64_t panel = frame.turned ? from + upto - 1 - next : next;",
            "        for (int64_t tile = 0; tile < tiles; tile++) {",
            "            const int64_t first = frame.first + all * tile / tiles;",
            "            const int rows = (int)(frame.first + all * (tile + 1) / tiles - first);",
        ]
        for index, operands, count in products:
            lines += [
                "            {",
                f"                constexpr int V = U * {count};",
                f"                const int64_t size = all{index} * V * LANES;",
                f"                Operand here[{operands}];",
                f"                for (int o = 0; o < {operands}; o++) {{",
                f"                    here[o] = o{index}[o];",
                "                    here[o].rows += first * here[o].stride;",
                "                }",
                f"                tile_of<V>(rows, here, {operands}, frame.call->packed + "
                f"frame.call->offsets[{index}] + panel * size, t{index});",
                "            }",
            ]
        sums = ", ".join(
            f"t{index} + ((r * {count} + {g}) * U + u) * LANES"
            for index, _, count in products
            for g in range(count)
        )
        lines += [
            "            for (int r = 0; r < rows; r++)",
            "                for (int u = 0; u < U; u++) {",
            "                    const int64_t unit = (panel * U + u) * LANES;",
            "                    if (unit >= width) break;",
            f"                    if (unit + LANES <= width) body_{number}<true>(frame, first + r, "
            f"unit, LANES, {sums});",
            f"                    else body_{number}<false>(frame, first + r, unit, "
            f"(int)(width - unit), {sums});",
            "                }",
            "        }",
            "    }",
            "}",
        ]
        return lines

    def first_block(self, product: int, operand: int) -> int:
        """Where the blocks of an operand begin among all blocks of the call."""
        at = 0
        number = 0
        for group in self.groups:
            for segments in group.products:
                if number == product:
                    return at + operand * len(segments)
                at += len(segments) * len(segments[0].args)
                number += 1
        raise ValueError(f"There is no product {product}.")

    # -- values

    def check(self, node: Node) -> None:
        if node.dtype.is_floating_point and node.dtype != self.real:
            raise Unplannable(f"it mixes {node.dtype} with {self.real}", node.line)
        if not node.dtype.is_floating_point and node.dtype not in (torch.int64, torch.bool):
            raise Unplannable(f"it computes with {node.dtype}; use int64 or bool", node.line)

    def index(self, buffer: Buffer) -> int:
        if buffer not in self.buffers:
            self.buffers.append(buffer)
        return self.buffers.index(buffer)

    def read(self, node: Node, width: int) -> str:
        """The name of a value, loaded where it was not computed here."""
        if node not in self.names:
            self.check(node)
            buffer, k = self.program.loads[node], len(self.names)
            at, type_ = self.index(buffer), BYTES[kind(node)]
            place = f"(const {type_}*)(frame.at[{at}] + row * strides[{at}])"
            if buffer.width == 1 and width > 1:
                cast = "bool" if type_ == "uint8_t" else type_
                value = f"splat(({cast})*{place})"
            else:
                value = f"get<whole>({place} + unit, count)"
            self.loads.append(f"const {kind(node)} l{k} = {value};")
            self.names[node] = f"l{k}"
        return self.names[node]

    def expression(self, node: Node, width: int) -> str:
        op, args, to = node.op, node.args, kind(node)
        if op == "constant":
            return literal(args[0], to)
        value = lambda a, as_: self.converted(a, as_, width)  # noqa: E731
        if op in ("eq", "ne", "lt", "le", "gt", "ge"):
            common = common_kind(args)
            return f"{op}_({value(args[0], common)}, {value(args[1], common)})"
        if op == "where":
            return f"where_({value(args[0], 'Mask')}, {value(args[1], to)}, {value(args[2], to)})"
        if op in ("logical_and", "logical_or", "logical_xor", "logical_not"):
            return f"{op[8:]}_({', '.join(value(a, 'Mask') for a in args)})"
        if op == "isnan":
            return f"isnan_({value(args[0], 'Vec')})"
        if op in ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not") and to == "Mask":
            return f"{op[8:]}_({', '.join(value(a, to) for a in args)})"
        if to == "Mask" and op in ("mul", "add"):
            return f"{'and_' if op == 'mul' else 'or_'}({value(args[0], to)}, {value(args[1], to)})"
        if op in ("clone", "to", "detach"):
            return value(args[0], to)
        if op == "clamp":
            low, high = (*args[1:], None, None)[:2]
            text = value(args[0], to)
            text = text if low is None else f"maximum_({text}, {value(low, to)})"
            return text if high is None else f"minimum_({text}, {value(high, to)})"
        if op == "pow" and args[1] in (2, 3) and to == "Vec" and isinstance(args[0], Node):
            x = value(args[0], to)
            return " * ".join([x] * int(args[1]))
        given = [value(a, to) for a in args]
        if op in OPERATORS and to != "Mask" and not (op == "div" and to == "Int"):
            return f"{given[0]} {OPERATORS[op]} {given[1]}"
        if op in FUNCTIONS[to]:
            return f"{op}_({', '.join(given)})"
        if op == "floor_divide" and to == "Vec":
            return f"floor_({given[0]} / {given[1]})"
        raise Unplannable(f"{op} of {node.dtype} is not among the kernels' operations", node.line)

    def converted(self, a: Any, to: str, width: int) -> str:
        if not isinstance(a, Node):
            return literal(a, to)
        name, of = self.read(a, width), kind(a)
        if of == to:
            return name
        return f"{ {'Vec': 'to_real', 'Int': 'to_int', 'Mask': 'to_mask'}[to] }({name})"


OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
FUNCTIONS = {
    "Vec": frozenset(
        """neg abs sign exp exp2 expm1 log log2 log1p sqrt rsqrt reciprocal sigmoid tanh relu erf
        sin cos tan sinh cosh asin acos atan floor ceil round trunc maximum minimum pow remainder
        fmod atan2""".split()
    ),
    "Int": frozenset("neg abs sign maximum minimum remainder floor_divide".split()),
    "Mask": frozenset(),
}


def kind(node: Node) -> str:
    if node.dtype.is_floating_point:
        return "Vec"
    return "Mask" if node.dtype == torch.bool else "Int"


def common_kind(args: tuple[Any, ...]) -> str:
    kinds = {
        kind(a) if isinstance(a, Node) else "Vec" if isinstance(a, float) else "Int" for a in args
    }
    return "Vec" if "Vec" in kinds else "Int"


def literal(value: float | int | bool, to: str) -> str:
    if to == "Mask":
        return f"splat({'true' if value else 'false'})"
    if to == "Int":
        return f"splat(int64_t({int(value)}))"
    value = float(value)
    if math.isnan(value):
        return "splat(Real(NAN))"
    if math.isinf(value):
        return f"splat(Real({'-' if value < 0 else ''}INFINITY))"
    return f"splat(Real({value!r}))"
