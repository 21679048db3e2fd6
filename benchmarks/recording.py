"""What it costs to record a call: values, states and the gradient at every state, of the kernels.

    python benchmarks/recording.py

Processor time of a forward and backward with `record=` over that without, one thread, in turns.
Before anything is timed, what is recorded must equal what the reference loop records.
"""

import statistics
import time

import torch

import unroll

STEPS, ROUNDS = 64, 60
SIZES = ((1, 128), (32, 128), (32, 256), (16, 512))


def run(cell, x, record, backend="cpu"):
    """Seconds of the processor."""
    for tensor in (x, *cell.parameters()):
        tensor.grad = None
    start = time.process_time()
    output, _ = unroll.unroll(cell, x, record=record, backend=backend)
    output.sum().backward()
    return time.process_time() - start


def check(cell, x):
    ours, right = unroll.Recording(), unroll.Recording()
    run(cell, x, ours)
    run(cell, x, right, "loop")
    for kind in ("values", "states", "gradients"):
        for name, tensor in getattr(right, kind).items():
            torch.testing.assert_close(getattr(ours, kind)[name], tensor, rtol=1e-3, atol=1e-4)


def main():
    torch.set_num_threads(1)
    print("cell       batch  units  milliseconds  recorded")
    for name, make in (("lstm", unroll.LSTMCell), ("gru", unroll.GRUCell), ("rnn", unroll.RNNCell)):
        for batch, units in SIZES:
            cell = make(units, units)
            x = torch.randn(STEPS, batch, units, requires_grad=True)
            check(cell, x)
            run(cell, x, None)
            pairs = [(run(cell, x, None), run(cell, x, unroll.Recording())) for _ in range(ROUNDS)]
            plain = statistics.median(p for p, _ in pairs) * 1e3
            ratio = statistics.median(r / p for p, r in pairs)
            print(f"{name:9} {batch:6} {units:6} {plain:13.2f}  {ratio:7.3f}x", flush=True)


if __name__ == "__main__":
    main()
