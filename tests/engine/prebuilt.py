"""Several cells planned and compiled in one build, which takes less time than a build each."""

import torch

from unroll.engine.call import checked_call
from unroll.engine.cpu.kernels import load
from unroll.engine.cpu.preparation import planned, prepare


def prebuild(cells, dtype=torch.float64):
    """Plan several cells and compile them in one build.

    Args:
        cells: pairs (cell, whether it is planned for training).
        dtype: of the kernels.

    Raises:
        BuildError: where the compiler fails.
    """
    emitted = []
    for cell, training in cells:
        before = cell.training
        cell.train(training)
        call = checked_call(cell, torch.zeros(1, 1, cell.input_size, dtype=dtype))
        ready = prepare(call, lambda call=call: planned(call), compiles=False)
        cell.train(before)
        if ready.refusal is None:
            emitted += ready.kernels.emitted
    load(emitted, dtype)
