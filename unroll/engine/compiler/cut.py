"""The operations on the state, cut at every border into products and elementwise nodes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, fx

from unroll.engine.compiler.hoist import (
    BEFORE,
    ONCE,
    SEQUENCE,
    STATE,
    Read,
    aslist,
    extract,
    is_constant,
    name_of,
    plain_add,
    unique,
    width_of,
)
from unroll.engine.compiler.nodes import ELEMENTWISE, Block, Node, Source, ancestors
from unroll.engine.compiler.trace import Traced
from unroll.engine.refusal import Unplannable

aten = torch.ops.aten

MOST_PIECES = 64  # of one value; more is a loop over columns in disguise


class Cut:
    """The operations on the state, cut into nodes. One object a plan; it only gathers."""

    def __init__(
        self,
        traced: Traced,
        levels: dict[fx.Node, int],
        loop: list[fx.Node],
        emitted: list[fx.Node],
        after: set[fx.Node],
    ) -> None:
        self.traced, self.levels, self.loop, self.after = traced, levels, loop, after
        self.emitted = emitted
        self.inside = set(loop)
        self.fields = {n: k for k, n in enumerate(traced.states)}
        self.cuts: dict[fx.Node, set[int]] = {}
        self.matrices: list[fx.Node] = []
        self.vectors: list[fx.Node] = []
        self.sequences: list[fx.Node] = []
        self.rows: list[fx.Node] = []
        self.inputs: dict[Source, Node] = {}
        self.memo: dict[tuple[fx.Node, int, int], Any] = {}

    def eager_parts(self) -> dict[str, Any]:
        """The three modules around the loop, and what passes between them."""
        traced, levels, graph = self.traced, self.levels, self.traced.graph
        after = [n for n in graph.nodes if n in self.after]
        borders = [*self.matrices, *self.vectors, *self.sequences, *self.rows]
        borders += [a for n in after for a in n.all_input_nodes if a not in self.after]
        borders += [n for n in traced.outputs if levels[n] < STATE]
        borders = unique(b for b in borders if levels[b] < STATE and b is not traced.size)

        def crossing(level: int, wanted: list[fx.Node]) -> list[fx.Node]:
            """Of values of this level: those wanted, or read on the way to later ones."""
            found = [w for w in wanted if levels[w] == level]
            seen, stack = set(), [w for w in wanted if levels[w] > level]
            while stack:
                node = stack.pop()
                for a in node.all_input_nodes:
                    if levels[a] == level and a is not traced.size:
                        found.append(a)
                    elif levels[a] > level and a not in seen:
                        seen.add(a)
                        stack.append(a)
            return unique(found)

        once = crossing(ONCE, borders)
        sequence = crossing(SEQUENCE, borders)
        before = [b for b in borders if levels[b] == BEFORE]
        reads = [self.read(n) for n in self.rows]
        later = any(a in self.rows for n in after for a in n.all_input_nodes)
        simple = bool(reads) and None not in reads and before == self.rows and not later
        if simple:
            before = []
            parts = [p for r in reads for p in (r.matrix, r.bias) if p is not None]  # type: ignore[union-attr]
            once = unique([*crossing(ONCE, [b for b in borders if b not in self.rows]), *parts])
        parameters = list(traced.parameters.values())
        call_noise = [n for each, n in traced.noises.values() if each == "call"]
        step_noise = [n for each, n in traced.noises.values() if each == "step"]
        size = traced.size
        after_inputs = unique([*once, *sequence, *before, *self.emitted])
        return {
            "after_inputs": after_inputs,
            "reads": reads if simple else None,
            "once_values": once,
            "sequence_values": sequence,
            "before_values": before,
            "once": extract(parameters, once, graph),
            "sequence": extract([size, *once, *call_noise], sequence, graph),
            "before": extract([size, *once, *sequence, traced.x, *step_noise], before, graph),
            "after": extract([size, *after_inputs], traced.outputs, graph),
        }

    def read(self, node: fx.Node) -> Read | None:
        """A hoisted value as one product of x, where it is that."""
        bias = None
        args: Any = node.args
        if plain_add(node):
            for mm, other in (args, args[::-1]):
                if self.levels[other] == ONCE and other.meta["val"].dim() == 1:
                    node, bias, args = mm, other, mm.args
                    break
        if node.op != "call_function" or name_of(node) != "mm" or args[0] is not self.traced.x:
            return None
        matrix = args[1]
        if self.levels[matrix] != ONCE:
            return None
        turned = name_of(matrix) in ("permute", "t")
        return Read(matrix.args[0] if turned else matrix, turned, bias)

    # -- where values are cut

    def find_cuts(self) -> None:
        """Cut points of every value, such that operands of an operation are cut alike."""
        watched = [*self.loop, *self.traced.states, *self.traced.new_states]
        changed = True
        while changed:
            changed = False
            for node in watched:
                for a, b, shift in self.ties(node):
                    changed |= self.tie(a, b, shift)
            for old, new in zip(self.traced.states, self.traced.new_states, strict=True):
                changed |= self.tie(old, new, 0)

    def ties(self, node: fx.Node) -> Iterable[tuple[fx.Node, fx.Node, int]]:
        """(whole, part, where the part begins): cuts of one are cuts of the other."""
        if node.op != "call_function":
            return
        name, width = self.kind(node), width_of(node)
        if name == "slice" or (name == "getitem" and isinstance(node.meta["val"], Tensor)):
            whole, lo, _ = self.slice_of(node)
            yield whole, node, lo
        elif name == "cat":
            lo = 0
            pieces: Any = node.args[0]
            for part in pieces:
                yield node, part, lo
                lo += width_of(part)
        elif name in ("elementwise", "same"):
            for a in node.all_input_nodes:
                # the number of rows is an operand of a reshape, and no value
                if "val" in a.meta and width_of(a) == width and width > 1:
                    yield node, a, 0

    def tie(self, whole: fx.Node, part: fx.Node, lo: int) -> bool:
        a, b = self.cuts.setdefault(whole, set()), self.cuts.setdefault(part, set())
        width, total = width_of(part), width_of(whole)
        down = {c - lo for c in a if lo < c < lo + width}
        up = {c for c in (*(c + lo for c in b), lo, lo + width) if 0 < c < total}
        grown = not (down <= b and up <= a)
        b |= down
        a |= up
        if max(len(a), len(b)) > MOST_PIECES:
            raise Unplannable(
                f"it is cut into more than {MOST_PIECES} pieces", part.meta.get("line", "")
            )
        return grown

    def kind(self, node: fx.Node) -> str:
        """What an operation is to the loop."""
        name, line, val = name_of(node), node.meta["line"], node.meta.get("val")
        if isinstance(val, Tensor) and val.dim() > 2:
            raise Unplannable("it makes values of more than two axes in the loop", line)
        if name in ("mm",):
            return "product"
        if name in ELEMENTWISE or name in ("mul", "_to_copy", "masked_fill"):
            return "elementwise"
        if name in ("full", "zeros", "ones", "full_like", "zeros_like", "ones_like",
                    "scalar_tensor", "new_zeros", "new_full"):  # fmt: skip
            return "constant"
        if name in ("view", "reshape", "squeeze", "unsqueeze", "expand", "_unsafe_view",
                    "alias", "view_copy"):  # fmt: skip
            whole = node.args[0].meta["val"]  # type: ignore[union-attr]
            if isinstance(val, Tensor) and as_rows(whole.shape) == as_rows(val.shape):
                return "same"
            if name == "expand" and width_of(node.args[0]) == 1:
                return "same"
            raise Unplannable(f"{name} changes the width of a value in the loop", line)
        if name == "sum":
            return "sum"
        if name in ("slice", "split_with_sizes", "split", "getitem", "cat", "select"):
            return "slice" if name == "select" else name
        raise Unplannable(f"{name} is not planned inside the loop", line)

    def slice_of(self, node: fx.Node) -> tuple[fx.Node, int, int]:
        """(of what, from column, to column)."""
        name = name_of(node)
        args: Any = node.args
        if name == "getitem":
            split, index = args
            pieces = split.meta["val"]
            lo = sum(p.shape[-1] for p in pieces[:index])
            return split.args[0], lo, lo + pieces[index].shape[-1]
        whole, width = args[0], width_of(args[0])
        if name == "select":
            lo = args[2] % width
            return whole, lo, lo + 1
        lo, hi, step = args[2:] + (0, width, 1)[len(args) - 2 :]
        if step != 1:
            raise Unplannable("it slices columns with a step", node.meta["line"])
        lo, hi, _ = slice(lo, hi).indices(width)
        return whole, lo, hi

    # -- cutting

    def atoms(self, node: fx.Node, as_nodes: bool = False) -> list[Any]:
        """The pieces of a whole value, in order."""
        width = width_of(node)
        borders = [0, *sorted(self.cuts.get(node, ())), width]
        pieces = [self.atom(node, lo, hi) for lo, hi in pairwise(borders)]
        if as_nodes:  # numbers and columns become nodes of the full width
            pieces = [
                self.full_width(p, hi - lo, node)
                for p, lo, hi in zip(pieces, borders, borders[1:], strict=False)
            ]
        return pieces

    def full_width(self, piece: Any, width: int, node: fx.Node) -> Node:
        dtype = node.meta["val"].dtype
        if not isinstance(piece, Node):
            return Node("constant", (piece,), width, True, dtype, node.meta["line"])
        if piece.width == width and piece.rows and piece.op != "input":
            return piece
        if piece.op == "input" and piece.source.kind == "state" and piece.width == width:  # type: ignore[union-attr]
            return piece
        return Node("clone", (piece,), width, True, piece.dtype, piece.line)

    def atom(self, node: fx.Node, lo: int, hi: int) -> Any:
        key = (node, lo, hi)
        if key not in self.memo:
            self.memo[key] = self._atom(node, lo, hi)
        return self.memo[key]

    def _atom(self, node: fx.Node, lo: int, hi: int) -> Any:
        if node not in self.inside:
            return self.given(node, lo, hi)
        kind, line = self.kind(node), node.meta["line"]
        args: Any = node.args
        if kind == "constant":
            return constant_of(node)
        if kind in ("slice", "getitem"):
            whole, start, _ = self.slice_of(node)
            return self.atom(whole, start + lo, start + hi)
        if kind == "cat":
            for part in args[0]:
                if lo < width_of(part):
                    return self.atom(part, lo, hi)
                lo, hi = lo - width_of(part), hi - width_of(part)
        if kind == "same":
            return self.operand(args[0], lo, hi, width_of(node))
        if kind == "sum":
            if not is_last_axis(node):
                raise Unplannable("it sums over the batch inside the loop", line)
            parts = self.atoms(args[0], as_nodes=True)
            blocks = tuple(Block(-1, (0, 1), (0, p.width)) for p in parts)
            return Node("product", tuple(parts), 1, True, parts[0].dtype, line, blocks)
        if kind == "product":
            return self.product(node, lo, hi)
        args = [
            self.operand(a, lo, hi, width_of(node)) if isinstance(a, fx.Node) else a
            for a in elementwise_args(node)
        ]
        return elementwise(node, args, hi - lo)

    def operand(self, a: Any, lo: int, hi: int, width: int) -> Any:
        if width_of(a) == 1 and width > 1:
            return self.atom(a, 0, 1)
        return self.atom(a, lo, hi)

    def product(self, node: fx.Node, lo: int, hi: int) -> Node:
        left, right = node.args
        if self.levels[right] != ONCE:  # type: ignore[index]
            raise Unplannable(
                "it multiplies by a matrix that is not a parameter inside the loop",
                node.meta["line"],
            )
        args, blocks, start = [], [], 0
        for piece in self.atoms(left, as_nodes=True):  # type: ignore[arg-type]
            args.append(piece)
            blocks.append(self.block(right, start, start + piece.width, lo, hi))  # type: ignore[arg-type]
            start += piece.width
        return Node(
            "product", tuple(args), hi - lo, True, node.meta["val"].dtype, node.meta["line"],
            tuple(blocks),
        )  # fmt: skip

    def block(self, right: fx.Node, k0: int, k1: int, n0: int, n1: int) -> Block:
        """Part [k0:k1, n0:n1] of a right-hand matrix, as a block of what it is a view of."""
        flipped = False
        k, n = (k0, k1), (n0, n1)
        while right.op == "call_function":
            name = name_of(right)
            if name in ("permute", "t", "transpose"):
                right, flipped, k, n = right.args[0], not flipped, n, k  # type: ignore[assignment]
            elif name in ("slice", "getitem") and isinstance(right.meta["val"], Tensor):
                axis, whole, lo = axis_slice(right)
                if whole is None:
                    break
                right = whole
                k = (k[0] + lo, k[1] + lo) if axis == 0 else k
                n = (n[0] + lo, n[1] + lo) if axis == 1 else n
            else:
                break
        if right not in self.matrices:
            self.matrices.append(right)
        # k, n are now rows and columns of the matrix itself
        return Block(self.matrices.index(right), k, n, transposed=not flipped)

    def given(self, node: fx.Node, lo: int, hi: int) -> Any:
        """A piece of what the loop reads but does not compute."""
        if node in self.fields:
            return self.input(Source("state", self.fields[node], lo), hi - lo, node, True)
        while node.op == "call_function" and node not in self.inside:  # look through views
            if name_of(node) in ("slice", "getitem") and isinstance(node.meta["val"], Tensor):
                if node.meta["val"].dim() == 1:
                    axis, whole, start = axis_slice(node)
                else:
                    axis, whole, start = axis_slice(node)
                    axis = 0 if axis == 1 else 1
                if whole is None or axis != 0:
                    break
                node, lo, hi = whole, lo + start, hi + start
            else:
                break
        if is_constant(node):
            return constant_of(node)
        level = self.levels[node]
        if level == STATE:  # x itself, where nothing is hoisted
            level = BEFORE
        kind, values = {
            ONCE: ("vector", self.vectors),
            SEQUENCE: ("sequence", self.sequences),
            BEFORE: ("rows", self.rows),
        }[level]
        if level == ONCE and node.meta["val"].dim() == 2 and node.meta["val"].shape[0] != 1:
            raise Unplannable("it adds a matrix of parameters to the rows of a batch",
                              node.meta.get("line", ""))  # fmt: skip
        if node not in values:
            values.append(node)
        return self.input(Source(kind, values.index(node), lo), hi - lo, node, level != ONCE)

    def input(self, source: Source, width: int, node: fx.Node, rows: bool) -> Node:
        val = node.meta["val"]
        if val.dim() > 2:
            raise Unplannable("it reads values of more than two axes in the loop",
                              node.meta.get("line", ""))  # fmt: skip
        if source not in self.inputs:
            self.inputs[source] = Node(
                "input", (), width, rows, val.dtype, node.meta.get("line", ""), source=source
            )
        return self.inputs[source]


def axis_slice(node: fx.Node) -> tuple[int, fx.Node | None, int]:
    """(axis, of what, from where) of a slice or a piece of a split; None where it has a step."""
    val = node.meta["val"]
    args: Any = node.args
    if name_of(node) == "getitem":
        split, index = args
        axis = (split.args[2] if len(split.args) > 2 else split.kwargs.get("dim", 0)) % val.dim()
        return axis, split.args[0], sum(p.shape[axis] for p in split.meta["val"][:index])
    axis, lo, _, step = args[1:] + (0, 0, None, 1)[len(args) - 1 :]
    whole = args[0]
    if step != 1:
        return 0, None, 0
    axis = axis % val.dim()
    return axis, whole, slice(lo, None).indices(whole.meta["val"].shape[axis])[0]


def as_rows(shape: torch.Size) -> tuple[int, int]:
    """A shape as rows and width: [B] is [B, 1], [n] of a parameter is told apart by its size."""
    if len(shape) == 0:
        return 1, 1
    if len(shape) == 1:
        return (shape[0], 1)
    return shape[0], shape[1:].numel()


def is_last_axis(node: fx.Node) -> bool:
    dims = aslist(node.args[1]) if len(node.args) > 1 else []
    dim = node.args[0].meta["val"].dim()  # type: ignore[union-attr]
    return dim == 2 and [d % dim for d in dims] == [1]


def constant_of(node: fx.Node) -> float | int | bool:
    name = name_of(node)
    if name in ("zeros", "zeros_like", "new_zeros"):
        value: Any = 0
    elif name in ("ones", "ones_like"):
        value = 1
    else:
        value = node.args[0] if name == "scalar_tensor" else node.args[-1]
    dtype = node.meta["val"].dtype
    return (
        bool(value)
        if dtype == torch.bool
        else float(value)
        if dtype.is_floating_point
        else int(value)
    )


def elementwise_args(node: fx.Node) -> list[Any]:
    """The operands of an elementwise operation in the order of its node."""
    args = list(node.args)
    alpha = node.kwargs.get("alpha", 1)
    if alpha != 1:
        raise Unplannable("it adds with a factor", node.meta["line"])
    return args


def elementwise(node: fx.Node, args: list[Any], width: int) -> Any:
    """The node of an elementwise operation, simplified; a number where all operands are."""
    name, line, dtype = name_of(node), node.meta["line"], node.meta["val"].dtype
    if name == "_to_copy":
        name, args = "to", args[:1]
        if isinstance(args[0], Node) and args[0].dtype == dtype:
            return args[0]
    if name == "masked_fill":
        name, args = "where", [args[1], args[2], args[0]]
    if name == "div" and node.kwargs.get("rounding_mode"):
        if node.kwargs["rounding_mode"] == "floor":
            name = "floor_divide"
        else:
            raise Unplannable("it divides with rounding towards zero", line)
    if name in ("clone", "expand"):
        return args[0]
    operands = [a for a in args if isinstance(a, Node)]
    if not operands:
        tensors = [torch.tensor(a) if isinstance(a, int | float | bool) else a for a in args]
        value = tensors[0].to(dtype) if name == "to" else getattr(aten, name)(*tensors)
        return value.item()
    if name in ("mul", "div") and args[1:] == [1] and operands[0].dtype == dtype:
        return args[0]
    if name in ("add", "sub") and args[1:] == [0] and operands[0].dtype == dtype:
        return args[0]
    rows = any(a.rows for a in operands)
    return Node(name, tuple(args), max(a.width for a in operands), rows, dtype, line)


def merge_products(targets: list[Node]) -> None:
    """A sum with several products that nobody else reads gets one product of all their operands."""
    order = ancestors(targets)
    users: dict[Node, int] = dict.fromkeys(targets, 1)
    for node in order:
        for a in node.operands:
            users[a] = users.get(a, 0) + 1

    def leaves(node: Node) -> list[Any]:
        found: list[Any] = []
        for a in node.args:
            inner = (
                isinstance(a, Node) and a.op == "add" and users[a] == 1 and a.width == node.width
            )
            found += leaves(a) if inner else [a]
        return found

    within: set[Node] = set()
    for node in reversed(order):  # the outermost sum first
        if node.op != "add" or node in within:
            continue
        terms = leaves(node)
        within |= {
            n for n in ancestors([node]) if n.op == "add" and n is not node and users[n] == 1
        }
        merging = [
            t
            for t in terms
            if isinstance(t, Node)
            and t.op == "product"
            and t.width == node.width
            and users[t] == 1
            and terms.count(t) == 1
        ]
        if len(merging) < 2:
            continue
        blocks = sorted(
            ((b, a) for m in merging for a, b in zip(m.args, m.blocks, strict=True)),
            key=lambda pair: (pair[0].matrix, pair[0].rows, pair[0].columns),
        )
        whole = Node(
            "product",
            tuple(a for _, a in blocks),
            node.width,
            True,
            node.dtype,
            node.line,
            tuple(b for b, _ in blocks),
        )
        rest = [t for t in terms if not any(t is m for m in merging)]
        while len(rest) > 1:
            a, b = rest[:2]
            width = max(t.width for t in (a, b) if isinstance(t, Node))
            rows = any(t.rows for t in (a, b) if isinstance(t, Node))
            rest[:2] = [Node("add", (a, b), width, rows, node.dtype, node.line)]
        if rest:
            node.args = (rest[0], whole)
        else:
            node.op, node.args, node.blocks = "product", whole.args, whole.blocks
