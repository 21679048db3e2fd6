"""Programs as functions of a loaded shared object, and the border that checks what they are given."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from unroll.engine.cpu import build
from unroll.engine.cpu.emit import REALS, Emitted, emit
from unroll.engine.cpu.threads import share
from unroll.engine.plan import Plan, Program

HERE = Path(__file__).parent
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
    )


@functools.cache
def header(real: torch.dtype) -> str:
    """What stands in front of generated stages."""
    parts = [f"#define UNROLL_REAL {REALS[real]}"]
    parts += [(HERE / name).read_text("utf-8") for name in ("maths.h", "kernels.h")]
    return "\n".join(parts)


def load(emitted: Iterable[Emitted], real: torch.dtype) -> None:
    """Compile programs into one shared object, those that are not loaded yet.

    Raises: build.BuildError.
    """
    new = {e.name: e for e in emitted if e.name not in _loaded}
    if new:
        library = build.load(header(real) + "".join(e.source for e in new.values()))
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
        n = len(self.emitted.buffers)
        self.pointers = ctypes.c_int64 * n
        self.widths = (ctypes.c_int64 * len(self.emitted.groups))(
            *(g.width for g in self.emitted.groups)
        )
        self.segments = [s for g in self.emitted.groups for s in g.products]
        self.offsets = ctypes.c_int64 * max(len(self.segments), 1)
        self.blocks = [
            (segment.blocks[o], segment.width)
            for segments in self.segments
            for o in range(len(segments[0].args))
            for segment in segments
        ]
        # multiplications a row and step, for the choice of threads
        self.work = sum(
            segment.width * sum(b.shape[0] if b.transposed else b.shape[1] for b in segment.blocks)
            for segments in self.segments
            for segment in segments
        )
        self.numbers = sum(len(g.body) * g.width for g in self.emitted.groups)

    def __call__(
        self,
        tensors: Mapping[str, Tensor],
        matrices: Sequence[Tensor],
        times: Mapping[str, Tensor],
        counts: Tensor,
        sequences: int,
    ) -> None:
        """Run all steps. Everything is checked here, before a pointer is taken."""
        steps = len(counts)
        starts, strides, whens = [], [], []
        rows_needed: dict[str, int] = {}
        for buffer in self.emitted.buffers:
            tensor = tensors.get(buffer.tensor)
            if tensor is None:
                if not buffer.tensor.startswith("saved"):
                    raise RuntimeError(f"The kernel was not given {buffer.tensor}.")
                starts.append(0)
                strides.append(0)
                whens.append(0)
                continue
            index = buffer.tensor[buffer.tensor.rfind(":") + 1 :]
            key = f"{buffer.time}:{index}"
            if key not in times:
                key = buffer.time
            when = times.get(key)
            if key not in rows_needed:
                rows_needed[key] = (
                    int((when + counts).max()) if when is not None and steps else sequences
                )
            rows = 1 if buffer.shared else rows_needed[key]
            stride = tensor.stride(0) if tensor.shape[0] > 1 else 0
            if (
                tensor.dtype != buffer.dtype
                or tensor.dim() != 2
                or tensor.device.type != "cpu"
                or tensor.shape[0] < rows
                or tensor.shape[1] < buffer.lo + buffer.width
                or (tensor.shape[1] > 1 and tensor.stride(1) != 1)
                or stride < 0
            ):
                raise RuntimeError(
                    f"The kernel was given {buffer.tensor} as {tensor.dtype} {list(tensor.shape)} "
                    f"with strides {tensor.stride()}; it needs {rows} rows of "
                    f"{buffer.lo + buffer.width} {buffer.dtype}."
                )
            size = tensor.element_size()
            starts.append(tensor.data_ptr() + buffer.lo * size)
            strides.append(0 if buffer.shared else stride * size)
            whens.append(0 if when is None else when.data_ptr())
        for when in (*times.values(), counts):
            if when.dtype != torch.int64 or not when.is_contiguous() or len(when) != steps:
                raise RuntimeError("The kernel was given times that are not one number a step.")

        blocks = (_Block * max(len(self.blocks), 1))()
        for k, (block, width) in enumerate(self.blocks):
            if block.matrix < 0:
                blocks[k] = _Block(None, 0, 0, block.shape[1])
                continue
            matrix = matrices[block.matrix]
            (r0, r1), (c0, c1) = block.rows, block.columns
            if (
                matrix.dtype != self.real
                or matrix.dim() != 2
                or matrix.shape[0] < r1
                or matrix.shape[1] < c1
                or matrix.device.type != "cpu"
                or block.width != width
            ):
                raise RuntimeError(
                    f"The kernel was given a matrix {matrix.dtype} {list(matrix.shape)}; it needs "
                    f"{self.real} of at least [{r1}, {c1}]."
                )
            down, across = matrix.stride()
            start = matrix.data_ptr() + (r0 * down + c0 * across) * matrix.element_size()
            if block.transposed:
                blocks[k] = _Block(start, down, across, r1 - r0)
            else:
                blocks[k] = _Block(start, across, down, c1 - c0)

        threads, by_units = share(self.work, self.numbers, sequences, int(counts.sum()), steps)
        a, b, c = self.pointers(*starts), self.pointers(*strides), self.pointers(*whens)
        offsets = self.offsets()
        call = _Call(
            steps, sequences, threads, by_units, counts.data_ptr(), *map(ctypes.addressof, (a, b, c)),
            ctypes.addressof(self.widths), ctypes.addressof(blocks), ctypes.addressof(offsets), None,
        )  # fmt: skip
        room = self.room(ctypes.byref(call), offsets)
        packed = torch.empty(max(room, 1), dtype=self.real)
        call.packed = packed.data_ptr()
        if self.function(ctypes.byref(call)):
            raise RuntimeError("The kernel refused a call that is not well formed.")


class Kernels:
    """An executor: the programs of one plan, compiled."""

    def __init__(self, plan: Plan, real: torch.dtype) -> None:
        programs = [plan.forward] + ([plan.backward] if plan.backward is not None else [])
        self.emitted = [emit(p, real) for p in programs]
        self.programs, self.real = programs, real
        self.kernels: dict[int, Kernel] = {}

    def load(self) -> None:
        """Compile what is not compiled yet. Raises: build.BuildError."""
        load(self.emitted, self.real)
        self.kernels = {
            id(p): Kernel(e, p, self.real)
            for p, e in zip(self.programs, self.emitted, strict=True)
        }

    def __call__(
        self,
        plan: Plan,
        program: Program,
        tensors: Mapping[str, Tensor],
        matrices: Sequence[Tensor],
        times: Mapping[str, Tensor],
        counts: Tensor,
        sequences: int,
    ) -> None:
        self.kernels[id(program)](tensors, matrices, times, counts, sequences)
