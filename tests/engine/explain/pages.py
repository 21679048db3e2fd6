"""Pages of plans, and their sections."""

import torch

from unroll.engine.call import checked_call
from unroll.engine.compiler.plan import plan
from unroll.engine.compiler.trace import trace
from unroll.engine.explain.equations import NamedColumns


def planned(cell, **keywords):
    dtype = next(cell.parameters()).dtype
    x = torch.zeros(1, 1, cell.input_size, dtype=dtype)
    call = checked_call(cell, x, None, None, None, False, None, None)
    tensors = {**dict(cell.named_parameters()), **dict(cell.named_buffers())}
    return plan(trace(cell, tensors, x, call.state), **keywords)


def sections(text):
    """Titles, and under each its lines without the columns at the right."""
    found, title = {}, ""
    for line in text.splitlines():
        if line.startswith("    "):
            found[title].append(line[4:].split("  ")[0])
        elif line:
            title = line
            found[title] = []
    return found


ONCE = "once per call, from the parameters alone"


SEQUENCE = "once per sequence"


BEFORE = "before the loop, for all steps together"


AFTER = "after the loop, for all steps together"


DEFERRED = "deferred gradients, one product or sum over all N rows each"


A, B, C = (NamedColumns(name, 0, 4, 4) for name in "abc")
