"""Programs as functions of a loaded shared object, and the border that checks what they are given."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping, Sequence
from ctypes import addressof, byref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unroll.engine.compiler.nodes import Block
from unroll.engine.compiler.program import TURNING, Program
from unroll.engine.cpu import build, products
from unroll.engine.cpu.emit import Emitted, emit, source
from unroll.engine.cpu.library import borrowed, library
from unroll.engine.cpu.threads import Split, share
from unroll.engine.runtime.executor import Steps
from unroll.engine.runtime.geometry import Times
from unroll.engine.runtime.recipe import Recipe

_loaded: dict[str, ctypes.CDLL] = {}  # by program name, so that many may come in one build


class _Block(ctypes.Structure):
    _fields_ = (
        ("start", ctypes.c_void_p),
        ("of_k", ctypes.c_int64),
        ("of_unit", ctypes.c_int64),
        ("count", ctypes.c_int64),
    )


class _Call(ctypes.Structure):
    _fields_ = (
        ("steps", ctypes.c_int64),
        ("sequences", ctypes.c_int64),
        ("threads", ctypes.c_int64),
        ("by_units", ctypes.c_int64),
        *((n, ctypes.c_void_p) for n in ("counts", "starts", "strides", "times", "widths")),
        *((n, ctypes.c_void_p) for n in ("blocks", "offsets", "packed")),
        ("is_packed", ctypes.c_int64),
        ("runtime", ctypes.c_void_p),
    )


@dataclass
class Ready:
    """A call of a kernel, and what it points to.

    Attributes:
        function: the kernel.
        call: what it is given.
        reference: the address of the call.
        starts: the addresses of its buffers.
        at_once: whether it runs beside the others of its kind.
        alive: what must live as long as the call.
    """

    function: Any
    call: _Call
    reference: Any
    starts: Any
    at_once: bool
    alive: tuple[Any, ...]


def load(emitted: Iterable[Emitted], real: torch.dtype) -> None:
    """Compile programs into one shared object, those that are not loaded yet.

    Raises:
        BuildError: where they cannot be compiled.
    """
    new = {e.name: e for e in emitted if e.name not in _loaded}
    if new:
        library = build.load(
            source(real, "maths.h", "team.h", "kernels.h")
            + "".join(e.source for e in new.values()),
            functions=[function for name in new for function in (name, f"{name}_room")],
            kernels=len(new),
        )
        for name in new:
            getattr(library, f"{name}_room").restype = ctypes.c_int64
            _loaded[name] = library


@dataclass
class Kernel:
    """A compiled program: the place of everything that a call passes."""

    emitted: Emitted
    program: Program
    real: torch.dtype

    def __post_init__(self) -> None:
        library = _loaded[self.emitted.name]
        self.function = getattr(library, self.emitted.name)
        self.room = getattr(library, f"{self.emitted.name}_room")
        buffers = self.emitted.buffers
        # every tensor once, with what it must be; every buffer as a place in one of them
        self.tensors = {
            name: (
                mine[0].dtype,
                max(b.lo + b.width for b in mine),
                mine[0].shared,
                list(dict.fromkeys(b.time for b in mine)),
            )
            for name in dict.fromkeys(b.tensor for b in buffers)
            for mine in [[b for b in buffers if b.tensor == name]]
        }
        names = list(self.tensors)
        self.places = [(names.index(b.tensor), b.lo * b.dtype.itemsize, b.time) for b in buffers]
        self.array = ctypes.c_int64 * len(buffers)
        self.widths = (ctypes.c_int64 * len(self.emitted.groups))(
            *(g.width for g in self.emitted.groups)
        )
        self.segments = [s for g in self.emitted.groups for s in g.products]
        self.blocks = [
            segment.blocks[o]
            for segments in self.segments
            for o in range(len(segments[0].args))
            for segment in segments
        ]
        self.last_blocks: tuple[Any, Any] = (None, None)
        self.last: tuple[Any, Any] | None = None
        # the room for packed matrices depends on widths alone
        self.offsets = (ctypes.c_int64 * max(len(self.segments), 1))()
        sizes = self.block_array(None)
        call = _Call(widths=ctypes.addressof(self.widths), blocks=ctypes.addressof(sizes))
        self.packed_size = max(self.room(ctypes.byref(call), self.offsets), 1)
        # the least that each matrix must have
        self.matrices = {
            m: (
                max(b.rows[1] for b in self.blocks if b.matrix == m),
                max(b.columns[1] for b in self.blocks if b.matrix == m),
            )
            for m in {b.matrix for b in self.blocks if b.matrix >= 0}
        }
        # multiplications a row and step, for the choice of threads
        self.work = sum(
            segment.width * sum(b.shape[0] if b.transposed else b.shape[1] for b in segment.blocks)
            for segments in self.segments
            for segment in segments
        )
        self.numbers = sum(len(g.body) * g.width for g in self.emitted.groups)

    def prepare(
        self,
        tensors: Mapping[str, Tensor],
        matrices: Sequence[Tensor],
        times: Times,
        turning: frozenset[str],
        packed: Tensor,
        jobs: int = 1,
        threads: int | None = None,
    ) -> Ready:
        """A call, ready to run. Everything is checked here, before a pointer is taken.

        Args:
            tensors: by name, [rows, w]; they must live as long as the call.
            matrices: those of the products.
            times: which rows each step touches.
            turning: names of the states that have room for two steps only.
            packed: room for the packed matrices.
            jobs: how many calls of this size are to run.
            threads: of this call; None: as many as are worth it.

        Raises:
            RuntimeError: for a tensor or a matrix that does not fit.
        """
        given = [tensors.get(name) for name in self.tensors]
        forms = [None if t is None else (t.dtype, t.shape, t.stride(), t.device) for t in given]
        forms += [(m.dtype, m.shape, m.stride(), m.device) for m in matrices]
        if threads is None:
            rows, steps = times.total, times.steps
            split = share(self.work, self.numbers, times.sequences, rows, steps, jobs)
        else:
            split = Split(threads, 0)
        key = (times, turning, split, forms)
        known = self.last
        if known is None or known[0] != key:  # otherwise all is as it was when it was checked
            self.check(given, matrices, times, turning)
            known = self.last = key, self.fixed(given, times, turning)
        strides, whens = known[1]
        at = [0 if t is None else t.data_ptr() for t in given]
        starts = self.array(*[at[i] and at[i] + lo for i, lo, _ in self.places])
        # the same matrices at the same places as last time, nearly always
        where = [(m.data_ptr(), m.stride()) for m in matrices]
        last, blocks = self.last_blocks
        if last != where:
            blocks = self.block_array(matrices)
            self.last_blocks = where, blocks
        call = _Call(
            times.steps,
            times.sequences,
            split.threads,
            split.by_units,
            times.counts.data_ptr(),
            *map(addressof, (starts, strides, whens, self.widths, blocks, self.offsets)),
            packed.data_ptr(),
            0,
            borrowed() if split.threads > 1 else 0,
        )
        alive = (given, strides, whens, blocks, times, matrices, packed)
        return Ready(self.function, call, byref(call), starts, split.at_once, alive)

    def check(
        self,
        given: Sequence[Tensor | None],
        matrices: Sequence[Tensor],
        times: Times,
        turning: frozenset[str],
    ) -> None:
        """Whether every tensor has what the kernel will touch.

        Args:
            given: in the order of `self.tensors`, each [rows, w], or None where there is none.
            matrices: those of the products, [rows, columns] each.
            times: which rows each step touches.
            turning: names of the states that have room for two steps only.

        Raises:
            RuntimeError: for a tensor or a matrix that does not fit.
        """
        for (name, (dtype, columns, shared, moments)), tensor in zip(
            self.tensors.items(), given, strict=True
        ):
            if tensor is None and name.startswith("saved"):
                continue
            turns = name in turning
            rows = 1 if shared else max(times.needed[TURNING[m] if turns else m] for m in moments)
            if tensor is None or not fits(tensor, dtype, rows, columns):
                raise RuntimeError(
                    f"A kernel was given {name} as {describe(tensor)}; it needs {rows} rows of "
                    f"{columns} {dtype}."
                )
        for m, (rows, columns) in self.matrices.items():
            if not fits(matrices[m], self.real, rows, columns, any_strides=True):
                raise RuntimeError(
                    f"A kernel was given a matrix {describe(matrices[m])}; it needs {self.real} "
                    f"of at least [{rows}, {columns}]."
                )

    def fixed(
        self, given: Sequence[Tensor | None], times: Times, turning: frozenset[str]
    ) -> tuple[Any, Any]:
        """Of every buffer: bytes from row to row, and where its first rows are listed.

        Args:
            given: in the order of `self.tensors`, each [rows, w], or None where there is none.
            times: which rows each step touches.
            turning: names of the states that have room for two steps only.
        """
        bytes_to_next, turns = [], []
        for (name, (dtype, _, shared, _)), t in zip(self.tensors.items(), given, strict=True):
            bytes_to_next.append(0 if shared or t is None else t.stride(0) * dtype.itemsize)
            turns.append(name in turning)
        strides = self.array(*[bytes_to_next[i] for i, _, _ in self.places])
        kinds = [TURNING[moment] if turns[i] else moment for i, _, moment in self.places]
        return strides, self.array(*[times.pointers[kind] for kind in kinds])

    def block_array(self, matrices: Sequence[Tensor] | None) -> Any:
        """The blocks of matrices [rows, columns] as the kernel reads them; None: sizes only."""
        array = _Block * max(len(self.blocks), 1)
        return array(*[block_of(b, matrices) for b in self.blocks])


def fits(
    tensor: Tensor, dtype: torch.dtype, rows: int, columns: int, any_strides: bool = False
) -> bool:
    """Whether a tensor has what a kernel will touch of it: a matrix [rows, columns] or larger."""
    if tensor.dtype != dtype or tensor.dim() != 2 or not tensor.is_cpu:
        return False
    down, across = tensor.shape
    if down < rows or across < columns:
        return False
    return any_strides or across == 1 or tensor.stride(1) == 1


def block_of(block: Block, matrices: Sequence[Tensor] | None) -> _Block:
    """A block as the kernel reads it, of matrices [rows, columns]; without them, its size only."""
    if block.matrix < 0 or matrices is None:
        return _Block(None, 0, 0, block.shape[0 if block.transposed else 1])
    matrix = matrices[block.matrix]
    (r0, r1), (c0, c1) = block.rows, block.columns
    down, across = matrix.stride()
    start = matrix.data_ptr() + (r0 * down + c0 * across) * matrix.element_size()
    if block.transposed:
        return _Block(start, down, across, r1 - r0)
    return _Block(start, across, down, c1 - c0)


def describe(tensor: Tensor | None) -> str:
    """A tensor `[*]`, or None, in words."""
    if tensor is None:
        return "nothing"
    return f"{tensor.dtype} {list(tensor.shape)} with strides {list(tensor.stride())}"


class Kernels:
    """An executor: the programs of one recipe, compiled."""

    product = staticmethod(products.product)
    over_rows = staticmethod(products.over_rows)

    def __init__(self, recipe: Recipe, real: torch.dtype) -> None:
        programs = [recipe.forward] + ([recipe.backward] if recipe.backward is not None else [])
        self.emitted = [emit(p, real) for p in programs]
        self.programs, self.real = programs, real
        self.kernels: dict[int, Kernel] = {}

    def load(self) -> None:
        """Compile what is not compiled yet. Raises: BuildError."""
        load(self.emitted, self.real)
        library(self.real)
        self.kernels = {
            id(p): Kernel(e, p, self.real) for p, e in zip(self.programs, self.emitted, strict=True)
        }

    def prepare(self, steps: Steps, beside: int) -> Ready:
        """One call of a kernel. Raises: RuntimeError for tensors that do not fit."""
        kernel = self.kernels[id(steps.program)]
        packed = torch.empty(kernel.packed_size, dtype=self.real, device="cpu")
        return kernel.prepare(
            steps.tensors, steps.matrices, steps.times, steps.turning, packed, beside
        )

    def run(self, ready: Sequence[Ready]) -> None:
        """Run calls, beside each other where all of them are to be. Raises: RuntimeError."""
        if len(ready) > 1 and all(r.at_once for r in ready):
            pointers = ctypes.c_void_p * len(ready)
            one = all(r.call.threads == 1 for r in ready)  # a borrowed thread cannot borrow more
            functions = pointers(*[ctypes.cast(r.function, ctypes.c_void_p).value for r in ready])
            calls = pointers(*[addressof(r.call) for r in ready])
            refused = library(self.real).unroll_together(
                functions, calls, len(ready), borrowed() if one else 0
            )
        else:
            refused = sum(r.function(r.reference) != 0 for r in ready)
        if refused:
            raise RuntimeError("A kernel refused a call that is not well formed.")
