"""A program's stages as C++: products by the tiles of kernels.h, the rest as vector expressions.

Nothing of the user's text reaches the source: it is made of a listed set of operations, of
numbers, and of places in arrays. Widths, steps and sequences are numbers of the call, so that one
build serves every size.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unroll.engine.compiler.nodes import Node
from unroll.engine.compiler.program import Buffer, Group, Program
from unroll.engine.cpu.expressions import expression, kind, literal
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
    """C++ of one program.

    Attributes:
        name: the name of its function.
        source: its text.
        buffers: the buffers of a call, in the order in which the call passes them.
        groups: the groups of all stages, in order.
    """

    name: str
    source: str
    buffers: list[Buffer]
    groups: list[Group]


def emit(program: Program, real: torch.dtype) -> Emitted:
    """The stages of a program. Two programs of the same shape have the same source and name.

    Args:
        program: the stages.
        real: the type of real numbers, float32 or float64.

    Raises:
        Unplannable: for a type that the kernels do not know.
    """
    writer = _Writer(program, real)
    body = writer.text()
    name = "program_" + hashlib.sha256((REALS[real] + body).encode()).hexdigest()[:16]
    return Emitted(name, body.replace("@", name), writer.buffers, writer.groups)


@dataclass(frozen=True)
class _Product:
    """A product of a group, of all segments that share its operands.

    Attributes:
        index: its number among the products of the program.
        operands: how many operands it has.
        count: how many segments.
        block: the number of its first block among the blocks of the call.
    """

    index: int
    operands: int
    count: int
    block: int


class _Writer:
    """Writes the C++ of one program.

    Attributes:
        groups: the groups of all stages, in order.
        buffers: the buffers of the call, in the order in which they are met.
    """

    def __init__(self, program: Program, real: torch.dtype) -> None:
        self.program, self.real = program, real
        self.groups = [g for stage in program.stages for g in stage]
        self.buffers: list[Buffer] = []

    def text(self) -> str:
        """The whole program, with @ for its name."""
        products = numbered(self.groups)
        lines = ["namespace @_stages {"]
        for number, (group, mine) in enumerate(zip(self.groups, products, strict=True)):
            lines += self.group(group, number, mine)
        numbers = iter(range(len(self.groups)))
        for k, stage in enumerate(self.program.stages):
            calls = " ".join(f"group_{next(numbers)}(frame);" for _ in stage)
            lines.append(f"void stage_{k}(const Frame& frame) {{ {calls} }}")
        lines += packing(self.groups, products)
        count = len(self.program.stages)
        lines += [
            f"const Stage stages[] = {{{', '.join(f'stage_{k}' for k in range(count))}}};",
            f"const Program program = {{{len(self.buffers)}, {count}, stages, pack_all}};",
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

    def group(self, group: Group, number: int, products: list[_Product]) -> list[str]:
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
        operand = lambda a, to: self.converted(a, to, group.width)  # noqa: E731
        for node in group.body:
            self.check(node)
            text = expression(node, operand)  # loads, which have names too, come before it
            self.names[node] = f"v{len(self.names)}"
            statements.append(f"const {kind(node)} {self.names[node]} = {text};")
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

    def tiled(self, group: Group, number: int, products: list[_Product]) -> list[str]:
        """Every tile of rows and panels: the sums, then the elementwise part on them."""
        most = max(p.count for p in products)
        rows = ", ".join(f"rows_of(U * {p.count})" for p in products)
        return [
            f"    constexpr int U = units_of({most});",
            f"    constexpr int ROWS = fewest({rows});",
            "    const int64_t panels = panels_in(width, U);",
            "    const int64_t from = panels * frame.part / frame.parts;",
            "    const int64_t upto = panels * (frame.part + 1) / frame.parts;",
            "    const int64_t all = frame.last - frame.first, tiles = (all + ROWS - 1) / ROWS;",
            "    if (all <= 0) return;",
            *(
                line
                for product, segments in zip(products, group.products, strict=True)
                for line in self.operands(product, segments)
            ),
            *(f"    alignas(64) Real t{p.index}[ROWS * U * {p.count} * LANES];" for p in products),
            "    for (int64_t next = from; next < upto; next++) {",
            "        const int64_t panel = frame.turned ? from + upto - 1 - next : next;",
            "        for (int64_t tile = 0; tile < tiles; tile++) {",
            "            const int64_t first = frame.first + all * tile / tiles;",
            "            const int rows = (int)(frame.first + all * (tile + 1) / tiles - first);",
            *(line for product in products for line in tile_sums(product)),
            *tile_bodies(number, products),
            "        }",
            "    }",
            "}",
        ]

    def operands(self, product: _Product, segments: list[Node]) -> list[str]:
        """The operands of a product, and how many numbers of a row they have together."""
        index = product.index
        lines = [f"    Operand o{index}[{product.operands}];"]
        for o, a in enumerate(segments[0].args):
            at = self.index(self.program.loads[a])
            block = product.block + o * product.count
            lines.append(
                f"    o{index}[{o}] = {{(const Real*)frame.at[{at}], frame.call->strides[{at}] / "
                f"(int64_t)sizeof(Real), frame.call->blocks[{block}].count}};"
            )
        total = " + ".join(f"o{index}[{o}].count" for o in range(product.operands))
        return [*lines, f"    const int64_t all{index} = {total};"]

    def check(self, node: Node) -> None:
        """Whether the kernels know the type of a value. Raises: Unplannable."""
        if node.dtype.is_floating_point and node.dtype != self.real:
            raise Unplannable(f"it mixes {node.dtype} with {self.real}", node.line)
        if not node.dtype.is_floating_point and node.dtype not in (torch.int64, torch.bool):
            raise Unplannable(f"it computes with {node.dtype}; use int64 or bool", node.line)

    def index(self, buffer: Buffer) -> int:
        """The number of a buffer in the call."""
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

    def converted(self, a: Any, to: str, width: int) -> str:
        """An operand, as an expression of this type."""
        if not isinstance(a, Node):
            return literal(a, to)
        name, of = self.read(a, width), kind(a)
        if of == to:
            return name
        return f"{ {'Vec': 'to_real', 'Int': 'to_int', 'Mask': 'to_mask'}[to] }({name})"


def numbered(groups: list[Group]) -> list[list[_Product]]:
    """The products of each group, with their place in the call."""
    found: list[list[_Product]] = []
    index = block = 0
    for group in groups:
        found.append([])
        for segments in group.products:
            product = _Product(index, len(segments[0].args), len(segments), block)
            found[-1].append(product)
            index, block = index + 1, block + product.operands * product.count
    return found


def packing(groups: list[Group], products: list[list[_Product]]) -> list[str]:
    """The functions that pack the matrices of all products, and that return the room for them."""
    packs: list[str] = []
    rooms: list[str] = []
    for number, (group, mine) in enumerate(zip(groups, products, strict=True)):
        for p in mine:
            units = f"units_of({max(map(len, group.products))})"
            what = f"call.blocks + {p.block}, {p.operands}, {p.count}, {units}"
            packs.append(
                f"    pack(call.packed + call.offsets[{p.index}], {what}, "
                f"call.widths[{number}], part, parts);"
            )
            rooms.append(
                f"    offsets[{p.index}] = total;\n"
                f"    total += room_of({what}, call.widths[{number}]);"
            )
    return [
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
    ]


def tile_sums(product: _Product) -> list[str]:
    """The sums of a product over one tile of rows and one panel of units."""
    index, operands, count = product.index, product.operands, product.count
    return [
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


def tile_bodies(number: int, products: list[_Product]) -> list[str]:
    """The elementwise part of a group on the sums of one tile."""
    sums = ", ".join(
        f"t{p.index} + ((r * {p.count} + {g}) * U + u) * LANES"
        for p in products
        for g in range(p.count)
    )
    return [
        "            for (int r = 0; r < rows; r++)",
        "                for (int u = 0; u < U; u++) {",
        "                    const int64_t unit = (panel * U + u) * LANES;",
        "                    if (unit >= width) break;",
        f"                    if (unit + LANES <= width) body_{number}<true>(frame, first + r, "
        f"unit, LANES, {sums});",
        f"                    else body_{number}<false>(frame, first + r, unit, "
        f"(int)(width - unit), {sums});",
        "                }",
    ]
