"""A program's stages in eager PyTorch, step by step: the proof of a plan, before any kernel."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from unroll.engine import products
from unroll.engine.compiler.nodes import Node, apply
from unroll.engine.compiler.program import TURNING, Buffer
from unroll.engine.runtime.executor import Steps


class Interpreter:
    """An executor in eager PyTorch."""

    product = staticmethod(products.product)
    over_rows = staticmethod(products.over_rows)

    def prepare(self, steps: Steps, beside: int) -> Steps:
        """The steps as they are."""
        return steps

    def run(self, ready: Sequence[Steps]) -> None:
        """Run the steps one after the other."""
        for steps in ready:
            self.run_one(steps)

    def run_one(self, of: Steps) -> None:
        """Run every stage of every step, reading and writing only what the plan says."""
        program, tensors, times, turning = of.program, of.tensors, of.times, of.turning

        def place(buffer: Buffer, s: int) -> Tensor:
            columns = tensors[buffer.tensor][:, buffer.lo : buffer.lo + buffer.width]
            if buffer.shared:
                return columns[0]
            kind = TURNING[buffer.time] if buffer.tensor in turning else buffer.time
            first = int(times.at[kind][s]) if kind != "fixed" else 0
            return columns[first : first + int(times.counts[s])]

        parts = {
            block: block.of(of.matrices)
            for stage in program.stages
            for group in stage
            for product in group.products
            for node in product
            for block in node.blocks
            if block.matrix >= 0
        }
        for s in range(len(times.counts)):
            for stage in program.stages:
                for group in stage:
                    known: dict[Node, Tensor] = {}

                    def value(a: object, s: int = s, known: dict[Node, Tensor] = known) -> object:
                        """An argument at step s: [n, w] of n running rows, [w] of a vector."""
                        if not isinstance(a, Node) or a in known:
                            return known[a] if isinstance(a, Node) else a
                        return place(program.loads[a], s)

                    nodes = [n for product in group.products for n in product] + group.body
                    for node in nodes:
                        known[node] = apply(node, [value(a) for a in node.args], parts)
                    for node in nodes:
                        for buffer in program.stores.get(node, ()):
                            if buffer.tensor in tensors:
                                target = place(buffer, s)
                                target.copy_(known[node].expand(target.shape))


interpreter = Interpreter()
