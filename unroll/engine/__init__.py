"""A step over time: the reference loop, torch's own kernels, and the choice between them."""

from unroll.engine.backends import backend as backend
from unroll.engine.backends import choose as choose
from unroll.engine.memory.bounded import bounded as bounded
from unroll.engine.record import Recording as Recording
from unroll.engine.unrolling import unroll as unroll
