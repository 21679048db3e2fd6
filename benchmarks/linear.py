"""Cells without a product in their recurrence, over long sequences, beside torch.nn.GRU.

Forward and backward in float32, I = H. First the gate, against a float64 loop: outputs, last states
and gradients of the first steps, then outputs and last states of all; where one is wrong no time is
printed. Then, in every round, each candidate once; medians, and the median of how many times faster
than the GRU of the same round.
"""

import argparse
import copy
import json
import sys
from functools import partial
from pathlib import Path

import torch
from cells import chosen, doubled, forward, trainer
from measure import Row, machine, ratio, rounds, summary, table, wrong_in

import unroll
from unroll.cells import fields
from unroll.cells.indrnn import IndRNNCell
from unroll.cells.lru import LRUCell
from unroll.cells.min_gru import MinGRUCell
from unroll.cells.min_lstm import MinLSTMCell
from unroll.cells.qrnn import QRNNCell
from unroll.cells.rg_lru import RGLRUCell
from unroll.cells.sru import SRUCell

# name: (cell, products of H x H numbers in a step; a GRU has 3 of its inputs and 3 of its state)
CELLS = {
    "IndRNN": (IndRNNCell, 1),
    "minGRU": (MinGRUCell, 2),
    "QRNN f": (partial(QRNNCell, pooling="f"), 2),
    "RG-LRU": (RGLRUCell, 2),
    "minLSTM": (MinLSTMCell, 3),
    "QRNN fo": (QRNNCell, 3),
    "SRU": (SRUCell, 3),
    "QRNN ifo": (partial(QRNNCell, pooling="ifo"), 4),
    "LRU": (LRUCell, 4),
    "QRNN fo, window 2": (partial(QRNNCell, window=2), 6),
}
BARS = {1: 5.0, 2: 5.0, 3: 3.5}  # how many times faster than the GRU they are to be
GRU = "torch.nn.GRU"
GATE_STEPS = 128  # with gradients: the loop's backward takes a minute for four thousand


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=15.0, help="of timing, a row")
    parser.add_argument("--only", default="", help="rows with one of these, a comma between them")
    parser.add_argument(
        "--shape", type=int, nargs=3, metavar=("B", "T", "H"), default=(8, 4096, 256)
    )
    parser.add_argument("--input-gradients", action="store_true", help="x wants a gradient too")
    parser.add_argument("--parallel", action="store_true", help="also time the parallel forms")
    parser.add_argument("--json", type=Path, help="write everything that was measured there")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    about = machine(args.threads)
    for key, value in about.items():
        print(f"{key}: {value}")
    names = chosen(CELLS, args.only)
    if not names:
        sys.exit(f"--only {args.only} leaves no row.")

    B, T, H = args.shape
    torch.manual_seed(0)
    x, gradient = on_a_grid(torch.randn(T, B, H), 16), torch.randn(T, B, H)
    x.requires_grad_(args.input_gradients)
    layers = {name: layer_of(name, H) for name in names}
    wrong = [
        sentence
        for name, layer in layers.items()
        for row in gates(name, layer, x, gradient)
        for sentence in wrong_in(row)
    ]
    if wrong:
        print("The gate is red; nothing was timed.", *wrong, sep="\n")
        sys.exit(1)
    measured, lines = [], []
    for k, (name, layer) in enumerate(layers.items()):
        row = race(name, layer, x, gradient, args.parallel)
        if sys.stderr.isatty():
            print(f"{k + 1}/{len(layers)} {row.title()}", file=sys.stderr)
        times = rounds(row, args.seconds)
        faster = {n: ratio(times[GRU], times[n]) for n, _ in row.pairs}
        products = CELLS[name][1]
        further = {"products": products, "times faster": faster, "bar": BARS.get(products)}
        measured.append(summary(row, times) | further)
        lines.append(line_of(measured[-1]))
    print(f"\nB={B}, T={T}, I=H={H}, forward and backward, milliseconds")
    table(lines)
    if args.json:
        options = {k: v for k, v in vars(args).items() if k != "json"}
        everything = {"machine": about, "options": options, "rows": measured}
        args.json.write_text(json.dumps(everything, indent=1) + "\n")


def layer_of(name, H):
    """One layer of the cell, its inputs' weights on a grid."""
    layer = unroll.Recurrent(CELLS[name][0], H, H)
    with torch.no_grad():
        for parameter, p in layer.cells[0].named_parameters():
            if parameter in ("weight_ih", "bias"):
                p.copy_(on_a_grid(p, 512))
    return layer


def gates(name, layer, x, gradient):
    """Everything over the first steps, then without gradients over all."""
    twin = copy.deepcopy(layer).double()
    short, its_gradient = x.detach()[:GATE_STEPS], gradient[:GATE_STEPS]
    short.requires_grad_(x.requires_grad)
    calls = {b: trainer(layer, run(layer, b), short, its_gradient) for b in backends_of(layer)}
    true = trainer(twin, run(twin, "loop"), doubled(short), its_gradient.double())
    labels = ["the outputs", *(f"the last {n}" for n, _ in fields(layer.initial_state(1)))]
    of_parameters = [f"the gradient of {n}" for n, _ in layer.named_parameters()]
    of_x = ["the gradient of x"] if x.requires_grad else []
    yield row_of(name, x[:GATE_STEPS], labels + of_parameters + of_x, true(), calls)

    calls = {b: forward(run(layer, b), x) for b in backends_of(layer)}
    yield row_of(name, x, labels, forward(run(twin, "loop"), x.double())(), calls)


def race(name, layer, x, gradient, with_parallel):
    """The layer beside torch's GRU, forward and backward."""
    gru = torch.nn.GRU(layer.input_size, layer.hidden_size)
    calls = {GRU: trainer(gru, gru, x, gradient)}
    for b in ["cpu", *(["parallel"] if with_parallel else [])]:
        if b in backends_of(layer):
            calls[b] = trainer(layer, run(layer, b), x, gradient)
    row = row_of(name, x, [], [], calls)
    row.pairs = [(b, GRU) for b in calls if b != GRU]
    return row


def backends_of(layer):
    """Ours; the loop is the gate's yardstick."""
    return ["cpu", *(["parallel"] if hasattr(layer.cells[0], "parallel") else []), "loop"]


def run(layer, backend):
    """The loop on one thread: two wait for each other at each of its small steps."""

    def runs(x):
        before = torch.get_num_threads()
        torch.set_num_threads(1 if backend == "loop" else before)
        found = layer(x, backend=backend)
        torch.set_num_threads(before)
        return found

    return runs


def row_of(name, x, labels, reference, calls):
    T, B, H = x.shape
    shape = {"B": B, "T": T, "H": H}
    return Row(name, shape, labels, [t.detach() for t in reference], calls, ("loop",), [])


def on_a_grid(tensor, of):
    """Numbers of few digits: a float32 product of two such matrices is exact in any order.

    So float32 and float64 fall on the same side of zero, where g and relu have a kink: one number
    of eight million on the other side has another slope, and shows in a whole row of a gradient.
    """
    return (tensor.detach() * of).round() / of


def line_of(found):
    """A row of the table in words."""
    bar, faster = found["bar"], found["times faster"]
    met = "-" if bar is None else f"{bar:g} " + ("met" if faster["cpu"] >= bar else "missed")
    return {
        "cell (products)": f"{found['row']} ({found['products']})",
        "rounds": found["rounds"],
        **{n: f"{v:.3g}" for n, v in found["ms"].items()},
        **{f"{n}, times faster": f"{v:.3g}" for n, v in faster.items()},
        "bar": met,
    }


if __name__ == "__main__":
    main()
