"""The plan: what of a step is done once, what before the loop, in it, after it, and in what order.

A pure function from a traced step to a labelled graph, in five moves:

    hoist   what depends on parameters alone is computed once a call; what depends on the inputs
            alone is computed for all steps together before the loop, in large products
    cut     what is left is cut at every border where anything is sliced or concatenated, so that
            only products and elementwise operations between equal widths remain (nodes.py)
    differ  the step's vector-Jacobian product is traced by torch.func.vjp and cut the same way
    defer   of the gradients, only what the previous step needs stays in the loop; weight
            gradients become large products after it
    stage   products that read what the same step computed divide it into stages; an elementwise
            part runs in the stage of the last product that it needs

What the backward reads of the forward is a minimum cut: saved where that is fewer numbers than
saving what it is computed from, else recomputed.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, fx

from unroll.engine.nodes import ELEMENTWISE, Block, Node, Source, ancestors
from unroll.engine.program import Buffer, Group, Merged, Program, Sum
from unroll.engine.refusal import Unplannable
from unroll.engine.trace import Traced

aten = torch.ops.aten

ONCE, SEQUENCE, BEFORE, STATE = range(4)  # what a value depends on: each includes those before it
MOST_PIECES = 64  # of one value; more is a loop over columns in disguise


# ---------------------------------------------------------------- the result


@dataclass(frozen=True)
class Outer:
    """A deferred weight gradient: left.T @ right, over all rows, for this block of a matrix."""

    left: Node
    right: Node
    block: Block


@dataclass(frozen=True)
class Read:
    """x @ W.T + bias, or x @ W where not turned: a value hoisted over the inputs in one product."""

    matrix: fx.Node
    turned: bool
    bias: fx.Node | None


@dataclass
class Plan:
    """A step, labelled. See `unroll.engine.page` for it as a page to read."""

    traced: Traced
    levels: dict[fx.Node, int]
    # the eager parts; each takes N and the listed values, and returns the listed values
    once: fx.GraphModule
    sequence: fx.GraphModule
    before: fx.GraphModule
    after: fx.GraphModule
    once_values: list[fx.Node]
    sequence_values: list[fx.Node]
    before_values: list[fx.Node]
    after_inputs: list[fx.Node]
    emitted: list[fx.Node]
    # how `rows` are read from x, where each is one product and nothing else is hoisted over inputs
    reads: list[Read] | None
    # what the loop reads, in the order of Source.index and Block.matrix
    matrices: list[fx.Node]
    vectors: list[fx.Node]
    sequences: list[fx.Node]
    rows: list[fx.Node]
    # the loop
    new_states: list[list[Node]]  # atoms of each field
    emits: list[list[Node]]  # atoms of each emitted value
    emit_is_state: list[int | None]  # the field whose history it is
    widths: dict[str, int]  # of whole tensors, by name
    dtypes: dict[str, torch.dtype]
    inputs: dict[Source, Node]
    forward: Program = field(init=False)
    backward: Program | None = None
    saved: dict[Node, Buffer] = field(default_factory=dict)
    outers: list[Outer] = field(default_factory=list)
    merged: dict[int, list[Merged]] = field(default_factory=dict)  # the outers, by matrix
    sums: dict[int, list[Sum]] = field(default_factory=dict)  # deferred, by vector
    deferred: dict[Source, Node] = field(default_factory=dict)  # gradients found after the loop
    kept: dict[Node, Buffer] = field(default_factory=dict)  # for the deferred part
    history: set[int] = field(default_factory=set)  # fields whose every step is kept
    rows_saved: bool = False  # whether the backward reads what was hoisted over the inputs

    @property
    def shows_emit(self) -> bool:
        """Whether the output is what the loop emitted, as it is."""
        return self.emitted == [self.traced.output] and self.traced.output.meta["val"].dim() == 2


# ---------------------------------------------------------------- hoist


def plan(traced: Traced, gradients: bool = True, hoist: bool = True, defer: bool = True) -> Plan:
    """Label every value of a traced step, forward and, where asked for, backward.

    hoist: False keeps what depends on the inputs in the loop. defer: False keeps what only feeds
        the output in it. Both are for one step at a time.
    Raises: Unplannable, with the line of the step that cannot be planned.
    """
    graph = traced.graph
    tidy(graph)
    levels = label(traced, hoist)
    if hoist:
        split_products(graph, levels)
        levels = label(traced, hoist)
        regroup_sums(traced, levels)
    output, *new_states = next(n for n in graph.nodes if n.op == "output").args[0]
    traced = replace(traced, output=output, new_states=new_states)
    levels = label(traced, hoist)
    for node in graph.nodes:
        node.meta["batched"] = is_rows(node, traced.batch)
        if levels[node] > ONCE:  # of parameters alone, torch may do whatever it likes
            check_rowwise(node, traced.batch)

    in_step = needed(traced.new_states, levels)
    feeding = needed([traced.output], levels)
    shown = [n for n in graph.nodes if n in feeding and n not in in_step]
    after: set[fx.Node] = set()
    for node in shown:  # elementwise parts that only feed the output are fused into the loop
        last = name_of(node) == "mm" or any(a in after for a in node.all_input_nodes)
        if last and defer:
            after.add(node)
    loop = [n for n in graph.nodes if n in in_step or (n in feeding and n not in after)]
    emitted = unique(
        a
        for user in [*(n for n in graph.nodes if n in after)]
        for a in user.all_input_nodes
        if levels[a] == STATE and a not in after
    )
    if levels[traced.output] == STATE and traced.output not in after:
        emitted = unique([*emitted, traced.output])
    return _Loop(traced, levels, loop, emitted, after).plan(gradients)


def tidy(graph: fx.Graph) -> None:
    """Take out what computes nothing new: a multiplication by one, a copy, the same once more."""
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        name, args = name_of(node), node.args
        val = node.meta.get("val")
        same = None
        if name == "mul" and len(args) == 2:
            for a, b in (args, args[::-1]):
                if isinstance(a, fx.Node) and not isinstance(b, fx.Node) and b == 1:
                    same = a
        elif name in ("clone", "alias", "lift_fresh_copy", "_to_copy", "view_copy"):
            same = args[0] if name != "view_copy" else None
        if isinstance(same, fx.Node):
            old = same.meta["val"]
            if old.dtype == val.dtype and old.shape == val.shape:
                node.replace_all_uses_with(same)
                graph.erase_node(node)
    known: dict[Any, fx.Node] = {}
    for node in list(graph.nodes):
        if node.op == "call_function":
            first = known.setdefault(repr((node.target, node.args, node.kwargs)), node)
            if first is not node:
                node.replace_all_uses_with(first)
                graph.erase_node(node)


def label(traced: Traced, hoist: bool) -> dict[fx.Node, int]:
    """What each value depends on."""
    levels: dict[fx.Node, int] = {}
    given = dict.fromkeys(traced.parameters.values(), ONCE)
    given[traced.size] = SEQUENCE
    given[traced.x] = BEFORE if hoist else STATE
    given.update(dict.fromkeys(traced.states, STATE))
    for each, node in traced.noises.values():
        given[node] = BEFORE if each == "step" else SEQUENCE
    for node in traced.graph.nodes:
        levels[node] = given.get(node, ONCE)
        if node not in given:
            levels[node] = max((levels[a] for a in node.all_input_nodes), default=ONCE)
    return levels


def split_products(graph: fx.Graph, levels: dict[fx.Node, int]) -> None:
    """[x, h] @ W becomes x @ W[:I] + h @ W[I:], where what is known early can be hoisted."""
    for node in list(graph.nodes):
        if node.op != "call_function" or name_of(node) != "mm":
            continue
        whole, matrix = node.args
        if name_of(whole) != "cat" or (whole.args[1] if len(whole.args) > 1 else 0) % 2 != 1:
            continue
        parts = whole.args[0]
        if len({levels[p] for p in parts}) < 2 or levels[matrix] != ONCE:
            continue
        total, first = None, 0
        with graph.inserting_before(node):
            for part in parts:
                last = first + width_of(part)
                rows = graph.call_function(aten.slice.Tensor, (matrix, 0, first, last))
                term = graph.call_function(aten.mm.default, (part, rows))
                rows.meta.update(node.meta, val=matrix.meta["val"][first:last])
                term.meta.update(node.meta)
                if total is None:
                    total = term
                else:
                    total = graph.call_function(aten.add.Tensor, (total, term))
                    total.meta.update(node.meta)
                first = last
        node.replace_all_uses_with(total)
    graph.eliminate_dead_code()


def regroup_sums(traced: Traced, levels: dict[fx.Node, int]) -> None:
    """Add first what is known first: (W x + b) + (U h + c) becomes (W x + (b + c)) + U h."""
    graph = traced.graph
    for root in reversed(list(graph.nodes)):
        if not plain_add(root) or (len(root.users) == 1 and plain_add(next(iter(root.users)))):
            continue
        leaves = leaves_of(root)
        if len({levels[l] for l in leaves}) < 2 or len(leaves) < 3:
            continue
        order = sorted(leaves, key=lambda l: (levels[l], name_of(l) == "mm"))
        with graph.inserting_before(root):
            total = order[0]
            for leaf in order[1:]:
                value = total.meta["val"] + leaf.meta["val"]
                total = graph.call_function(aten.add.Tensor, (total, leaf))
                total.meta.update(root.meta, val=value)
                levels[total] = max(levels[a] for a in total.all_input_nodes)
        root.replace_all_uses_with(total)
    graph.eliminate_dead_code()


def leaves_of(root: fx.Node) -> list[fx.Node]:
    """The terms of a sum, through the sums that nobody else reads."""
    found: list[fx.Node] = []
    for a in root.args:
        found += leaves_of(a) if plain_add(a) and len(a.users) == 1 else [a]  # type: ignore
    return found


def plain_add(node: Any) -> bool:
    return (
        isinstance(node, fx.Node)
        and node.op == "call_function"
        and name_of(node) == "add"
        and not node.kwargs
        and all(isinstance(a, fx.Node) for a in node.args)
    )


ROWWISE = {
    # rows stay rows where the operation works on later axes only
    "mm", "addmm", "bmm", "slice", "select", "split_with_sizes", "split", "getitem", "cat",
    "unsqueeze", "squeeze", "expand", "permute", "t", "transpose", "view", "reshape", "view_copy",
    "_unsafe_view", "sum", "amax", "amin", "full", "zeros", "ones", "full_like", "zeros_like",
    "ones_like", "empty_like", "scalar_tensor", "lift_fresh_copy", "_to_copy", "alias", "mul",
    "constant_pad_nd", "any", "all", "argmax", "fill", "new_zeros", "new_full", "copy",
    "masked_fill",
}  # fmt: skip


def check_rowwise(node: fx.Node, batch: int) -> None:
    """Every value that depends on the batch has one row for each sequence, from its row alone.

    Raises: Unplannable.
    """
    if node.op != "call_function" or node.target is operator.mul:
        return
    name, line = name_of(node), node.meta["line"]
    if name not in ROWWISE and name not in ELEMENTWISE:
        raise Unplannable(f"{name} is not among the operations that the compiler knows", line)
    batched = [a for a in node.all_input_nodes if is_rows(a, batch)]
    if not batched:
        return
    val = node.meta.get("val")
    if isinstance(val, Tensor) and not is_rows(node, batch):
        raise Unplannable(f"{name} mixes the sequences of a batch", line)
    dims: Any = node.args[1] if len(node.args) > 1 else None
    axis = {
        "cat": dims or 0,
        "slice": dims or 0,
        "select": dims,
        "unsqueeze": dims,
    }.get(name)
    if name in ("sum", "amax", "amin", "any", "all"):
        whole = dims is None or dims == []
        if whole or any(d % batched[0].meta["val"].dim() == 0 for d in aslist(dims)):
            raise Unplannable(f"{name} mixes the sequences of a batch", line)
    of = batched[0].meta["val"] if name == "select" else val
    if axis is not None and isinstance(of, Tensor) and axis % of.dim() == 0:
        raise Unplannable(f"{name} works along the batch", line)
    if name in ("mm", "addmm") and is_rows(node.args[-1], batch):
        raise Unplannable(f"{name} mixes the sequences of a batch", line)


def is_rows(node: Any, batch: int) -> bool:
    val = node.meta.get("val") if isinstance(node, fx.Node) else None
    if isinstance(val, list | tuple):
        val = val[0]
    return isinstance(val, Tensor) and val.dim() > 0 and val.shape[0] == batch


def needed(targets: Iterable[fx.Node], levels: Mapping[fx.Node, int]) -> set[fx.Node]:
    """The operations on the state that the targets are made of."""
    found: set[fx.Node] = set()
    stack = list(targets)
    while stack:
        node = stack.pop()
        if node in found or levels[node] < STATE or node.op != "call_function":
            continue
        found.add(node)
        stack.extend(node.all_input_nodes)
    return found


def extract(inputs: list[fx.Node], outputs: list[fx.Node], graph: fx.Graph) -> fx.GraphModule:
    """The operations that make the outputs of the inputs, as a module."""
    part = fx.Graph()
    copies = {n: part.placeholder(f"input_{k}") for k, n in enumerate(inputs)}
    wanted: set[fx.Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in wanted and node not in copies:
            wanted.add(node)
            stack.extend(node.all_input_nodes)
    for node in graph.nodes:
        if node in wanted and node not in copies:
            copies[node] = part.node_copy(node, lambda n: copies[n])
    part.output(tuple(copies[n] for n in outputs))
    return fx.GraphModule({}, large_products(part))


def large_products(graph: fx.Graph) -> fx.Graph:
    """Let the products of all steps together, with their bias, go to the fastest library."""
    from unroll.engine.products import linear

    for node in list(graph.nodes):
        if node.op != "call_function" or name_of(node) != "mm":
            continue
        x, matrix = node.args
        bias, last = None, node
        user = next(iter(node.users)) if len(node.users) == 1 else None
        if user is not None and plain_add(user):
            other = next((a for a in user.args if a is not node), node)
            val = other.meta.get("val")
            if isinstance(val, Tensor) and val.dim() == 1:
                bias, last = other, user
        with graph.inserting_before(last):
            new = graph.call_function(linear, (x, matrix, bias))
            new.meta.update(last.meta)
        last.replace_all_uses_with(new)
    graph.eliminate_dead_code()
    return graph


def name_of(node: fx.Node) -> str:
    target = node.target
    if target is operator.getitem:
        return "getitem"
    packet = getattr(target, "overloadpacket", None)
    return packet.__name__ if packet is not None else str(getattr(target, "__name__", target))


def unique(nodes: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(nodes))


def aslist(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


# ---------------------------------------------------------------- cut


class _Loop:
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

    def plan(self, gradients: bool) -> Plan:
        traced = self.traced
        self.find_cuts()
        new_states = [self.atoms(n, as_nodes=True) for n in traced.new_states]
        emits = [self.atoms(n, as_nodes=True) for n in self.emitted]
        same = [
            next((k for k, n in enumerate(traced.new_states) if n is e), None) for e in self.emitted
        ]
        widths = {f"state:{k}": width_of(n) for k, n in enumerate(traced.states)}
        widths |= {f"sequence:{k}": width_of(n) for k, n in enumerate(self.sequences)}
        widths |= {f"rows:{k}": width_of(n) for k, n in enumerate(self.rows)}
        widths |= {f"vector:{k}": width_of(n) for k, n in enumerate(self.vectors)}
        widths |= {f"emit:{k}": width_of(n) for k, n in enumerate(self.emitted)}
        dtypes = {
            f"{kind}:{k}": n.meta["val"].dtype
            for kind, nodes in (
                ("state", traced.states),
                ("sequence", self.sequences),
                ("rows", self.rows),
                ("vector", self.vectors),
                ("emit", self.emitted),
            )
            for k, n in enumerate(nodes)
        }
        made = Plan(
            traced=traced,
            levels=self.levels,
            matrices=self.matrices,
            vectors=self.vectors,
            sequences=self.sequences,
            rows=self.rows,
            new_states=new_states,
            emits=emits,
            emit_is_state=same,
            emitted=self.emitted,
            widths=widths,
            dtypes=dtypes,
            inputs=self.inputs,
            **self.eager_parts(),
        )
        merge_products([a for atoms in (*new_states, *emits) for a in atoms])
        made.history = {k for k in same if k is not None}
        if gradients:
            from unroll.engine.gradient import add_backward

            add_backward(made)
        made.forward = forward_program(made)
        return made

    def eager_parts(self) -> dict[str, Any]:
        """The three modules around the loop, and what passes between them."""
        traced, levels, graph = self.traced, self.levels, self.traced.graph
        output = traced.output
        after = [n for n in graph.nodes if n in self.after]
        borders = [*self.matrices, *self.vectors, *self.sequences, *self.rows]
        borders += [a for n in after for a in n.all_input_nodes if a not in self.after]
        borders += [output] if levels[output] < STATE else []
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
        simple = bool(reads) and None not in reads and before == self.rows
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
            "after": extract([size, *after_inputs], [output], graph),
        }

    def read(self, node: fx.Node) -> Read | None:
        """A hoisted value as one product of x, where it is that."""
        bias = None
        if plain_add(node):
            for mm, other in (node.args, node.args[::-1]):
                if self.levels[other] == ONCE and other.meta["val"].dim() == 1:  # type: ignore[index,union-attr]
                    node, bias = mm, other  # type: ignore[assignment]
                    break
        if node.op != "call_function" or name_of(node) != "mm" or node.args[0] is not self.traced.x:
            return None
        matrix = node.args[1]
        if self.levels[matrix] != ONCE:  # type: ignore[index]
            return None
        turned = name_of(matrix) in ("permute", "t")  # type: ignore[arg-type]
        return Read(matrix.args[0] if turned else matrix, turned, bias)  # type: ignore

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
                if width_of(a) == width and width > 1:
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
        if self.kind_of_constant(node):
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

    def kind_of_constant(self, node: fx.Node) -> bool:
        return node.op == "call_function" and name_of(node) in (
            "full", "zeros", "ones", "full_like", "zeros_like", "ones_like", "scalar_tensor",
            "new_zeros", "new_full",
        )  # fmt: skip

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


def width_of(node: Any) -> int:
    """Columns of a value: [B, w], [B] (one), or of a parameter [w], [1, w], []."""
    val = node.meta["val"]
    if isinstance(val, list | tuple):
        return sum(v.shape[-1] for v in val)
    if val.dim() == 0:
        return 1
    if val.dim() == 1:
        return 1 if node.meta.get("batched") else val.shape[0]
    return val.shape[-1]


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


# ---------------------------------------------------------------- elementwise operations


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


# ---------------------------------------------------------------- stage


def forward_program(made: Plan) -> Program:
    stores: dict[Node, list[Buffer]] = {}
    for k, atoms in enumerate(made.new_states):
        place(stores, atoms, f"state:{k}", "next")
    for k, atoms in enumerate(made.emits):
        if made.emit_is_state[k] is None:
            place(stores, atoms, f"emit:{k}", "rows")
    for node, buffer in made.saved.items():
        if node.op != "input" and not any(b == buffer for b in stores.get(node, [])):
            stores.setdefault(node, []).append(buffer)
    return schedule(stores, {n: load_of(s, n) for s, n in made.inputs.items()}, set())


def place(stores: dict[Node, list[Buffer]], atoms: list[Node], tensor: str, time: str) -> None:
    """Store atoms side by side in one tensor."""
    lo = 0
    for atom in atoms:
        stores.setdefault(atom, []).append(Buffer(tensor, lo, atom.width, time, atom.dtype))
        lo += atom.width


def load_of(source: Source, node: Node) -> Buffer:
    time = {"state": "previous", "rows": "rows", "d_emit": "rows", "d_state": "carried"}.get(
        source.kind, "fixed"
    )
    name = f"{source.kind}:{source.index}"
    return Buffer(name, source.lo, node.width, time, node.dtype, shared=not node.rows)


def schedule(
    stores: dict[Node, list[Buffer]], loads: dict[Node, Buffer], available: set[Node]
) -> Program:
    """Put the nodes that make `stores` into stages and groups.

    loads: where inputs, and values of an earlier program, are read. A value needed in another
    stage, at another width, or as the operand of a product is kept in a scratch buffer.
    """
    targets = list(stores)
    known = loads.__contains__
    order = [n for n in ancestors(targets, known) if n not in loads]
    copies: dict[Node, Node] = {}
    for node in targets:  # an input that is an output too must be copied by a node
        if node in loads:
            copies[node] = Node("clone", (node,), node.width, True, node.dtype, node.line)
            order.append(copies[node])
    stores = {copies.get(n, n): b for n, b in stores.items()}
    computed = set(order)

    def simple(node: Node) -> bool:
        """Cheap to compute again where it is read: made of inputs alone, elementwise."""
        return node.op != "product" and all(a not in computed for a in node.operands)

    stage: dict[Node, int] = {}
    for node in order:
        at = 0
        for a in node.operands:
            if a not in computed:
                continue
            apart = node.op == "product" or (a.width != node.width and not simple(a))
            at = max(at, stage[a] + apart)
        stage[node] = at
    users: dict[Node, list[Node]] = {}
    for node in order:
        for a in node.operands:
            users.setdefault(a, []).append(node)
    for node in reversed(order):  # nothing earlier than it is needed, where that keeps less
        moving = {a for a in node.operands if a in computed}
        readers = users.get(node, [])
        if (
            node.op != "product"
            and node not in stores
            and len(moving) <= 1
            and readers
            and all(u.op != "product" and u.width == node.width for u in readers)
        ):
            stage[node] = max(stage[node], min(stage[u] for u in readers))

    scratch: dict[str, tuple[int, torch.dtype]] = {}
    kept = dict(loads)

    def keep(node: Node) -> None:
        if node not in kept:
            # what is saved for the backward is not there where no gradient is wanted
            at = next((b for b in stores.get(node, ()) if not b.tensor.startswith("saved")), None)
            if at is not None:
                kept[node] = at
                return
            name = f"scratch:{len(scratch)}"
            scratch[name] = (node.width, node.dtype)
            kept[node] = Buffer(name, 0, node.width, "fixed", node.dtype)
            stores.setdefault(node, []).append(kept[node])

    for node in order:
        for a in node.operands:
            if a not in computed:
                continue
            if node.op == "product" or (a.width != node.width and not simple(a)):
                keep(a)
            elif a.width == node.width and stage[a] != stage[node] and not simple(a):
                keep(a)

    stages: list[list[Group]] = []
    for at in range(max(stage.values(), default=-1) + 1):
        here = [n for n in order if stage[n] == at]
        groups = []
        for width in unique(n.width for n in here):
            mine = [n for n in here if n.width == width]
            products: dict[tuple[Any, ...], list[Node]] = {}
            for n in mine:
                if n.op == "product":
                    products.setdefault(n.args, []).append(n)
            roots = [n for n in mine if n in stores]
            if not roots:
                continue
            inside = set(mine)
            body = [
                n
                for n in ancestors(
                    roots,
                    lambda a, inside=inside: (  # type: ignore[misc]
                        a in loads
                        or a.op == "product"
                        or (a in computed and a not in inside and a in kept and not simple(a))
                    ),
                )
                if n not in loads and n.op != "product" and (n in inside or simple(n))
            ]
            groups.append(Group(width, list(products.values()), body))
        if groups:
            stages.append(groups)
    return Program(stages, kept, stores, scratch)
