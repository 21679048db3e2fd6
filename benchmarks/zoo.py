"""Compare every cell with torch.nn.LSTM and with its own eager loop.

Forward and backward in float32, I = H, on one thread unless told otherwise. A cell at a time: first
the gate, outputs, last states and gradients of the compiled cell and of the loop against a float64
loop, at the very shapes that are timed; a cell whose gate is red is not timed, and the run ends
with 1. Then, in every round, each candidate once, at two shapes:

    a batch     B = 32, T = 64, H = 256, beside torch.nn.LSTM: the ratio of times, and per FLOP
    one row     B = 1, T = 64, H = 128, beside the eager loop: how many times faster

Cells without a product in their recurrence also run over B = 32, T = 512, H = 256, where what their
loop moves does not fit into a cache: GB/s of the loop alone, beside a copy's in the same rounds.

On one thread the seconds are the processor's, so that a busy machine does not favour a candidate.
Reservoirs are not trained through time: their rows compare the forward pass with nn.LSTM's.
"""

import argparse
import copy
import json
import statistics
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
import zoo_page
from cells import chosen, doubled, forward, over_time, trainer
from measure import EPSILON, Row, machine, ratio, rounds, table, wrong_in
from torch.utils.flop_counter import FlopCounterMode

import unroll
from unroll import cells
from unroll.cells import EchoStateCell, cell_factory, fields
from unroll.cells.names import CELLS
from unroll.engine import cpu
from unroll.engine.backends import choose
from unroll.engine.call import checked_call
from unroll.engine.runtime import recurrence

BATCH = (32, 64, 256)  # B, T, H = I
ONE = (1, 64, 128)
LONG = (32, 512, 256)
NUDGED = 3  # loops in the gate beside the one as it is
LSTM = "torch.nn.LSTM"

# arguments that a constructor requires, at a width of H
NEEDS = {
    "projected_lstm": lambda H: {"proj_size": H // 2},
    "conv_lstm": lambda H: {"height": 8, "width": 8},
}

# gates and candidates of a step, for cells that have fewer than three; others are held to the bar
FEW_GATES = {
    **dict.fromkeys(["rnn", "rnn_relu", "irnn", "clockwork", "echo_state", "indrnn"], 1),
    **dict.fromkeys(["jordan", "janet", "minimal_gated", "min_gru", "lru", "rg_lru"], 2),
    "deep_echo_state": 1,
}
ELEMENTWISE = ("indrnn", "sru", "qrnn", "min_gru", "min_lstm", "lru", "rg_lru")


def around_lstm(wrapper, *args, **options):
    return lambda I, H: getattr(cells, wrapper)(unroll.LSTMCell(I, H), *args, **options)


def two_layers(I, H):
    return cells.StackedCell([unroll.LSTMCell(I, H), unroll.LSTMCell(H, H)])


WRAPPERS = {
    "ZoneoutCell": around_lstm("ZoneoutCell", 0.1),
    "RecurrentDropoutCell": around_lstm("RecurrentDropoutCell", 0.2),
    "UpdateDropoutCell": around_lstm("UpdateDropoutCell", 0.2),
    "WeightDropCell": around_lstm("WeightDropCell", 0.5),
    "ResidualCell": around_lstm("ResidualCell"),
    "HighwayCell": around_lstm("HighwayCell"),
    "AttentiveCell": around_lstm("AttentiveCell", 5),
    "GateNormCell": around_lstm("GateNormCell"),
    "DilatedCell": around_lstm("DilatedCell", 2),
    "StackedCell": two_layers,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--cells", default="", help="names that contain one of these words, separated by commas"
    )
    parser.add_argument("--threads", type=int, default=1, help="of torch and of the kernels")
    parser.add_argument("--seconds", type=float, default=2.0, help="of timing per cell and shape")
    parser.add_argument("--json", type=Path, help="write all measurements to this file")
    parser.add_argument("--table", type=Path, metavar="JSON", help="show what an earlier run wrote")
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FILE.md",
        help="with --table: replace the measured columns of this document",
    )
    args = parser.parse_args()
    if args.table:
        found = json.loads(args.table.read_text())
        if args.into:
            args.into.write_text(zoo_page.replace_measured_columns(args.into.read_text(), found))
        else:
            print(zoo_page.markdown(found))
        return
    torch.set_num_threads(args.threads)
    clock = time.process_time if args.threads == 1 else time.perf_counter
    about = machine(args.threads)
    for key, value in about.items():
        print(f"{key}: {value}")
    names = chosen([*CELLS, *WRAPPERS], args.cells)
    if not names:
        sys.exit(f"--cells {args.cells} leaves none; `unroll cells` lists the names.")

    measured, wrong = [], []
    for k, name in enumerate(names, start=1):
        red, found = measure(name, args.seconds, clock)
        wrong += red
        measured.append(found)
        progress = "the gate is red" if red else zoo_page.progress_line(found)
        print(f"{k}/{len(names)} {name}: {progress}", file=sys.stderr, flush=True)
        if args.json:
            options = {k: v for k, v in vars(args).items() if k != "json"}
            everything = {"machine": about, "options": options, "cells": measured}
            args.json.write_text(json.dumps(everything, indent=1, default=str) + "\n")
    print()
    table([zoo_page.line(found) for found in measured if "batch" in found])
    for sentence in zoo_page.missed(measured):
        print(sentence)
    if wrong:
        print("The gate is red; what follows was not timed.", *wrong, sep="\n")
        sys.exit(1)


def maker(name):
    """The cell of this name at any width, as a callable of (input_size, hidden_size)."""
    if name in WRAPPERS:
        return WRAPPERS[name]
    options = NEEDS.get(name, lambda H: {})
    return lambda I, H: cell_factory(name, **options(H))(I, H)


def measure(name, seconds, clock):
    """The sentences of a red gate, and all measurements."""
    make = maker(name)
    gates = 4 if name in WRAPPERS else FEW_GATES.get(name, zoo_page.THREE)
    found = {"cell": name, "products": products(make, BATCH[2]), "gates": gates}
    compiled, why = backend_of(make)
    found["backend"], found["why"] = compiled, why
    shapes = [BATCH, ONE, *([LONG] if name in ELEMENTWISE else [])]
    races = {shape: Race(make, shape, compiled) for shape in shapes}
    wrong = [s for race in races.values() for s in wrong_in(race.gate(name))]
    if wrong:
        return wrong, found

    race = races[BATCH]
    times = rounds(race.row(name, {"ours": race.ours, LSTM: race.lstm}), seconds, clock)
    time_ratio = ratio(times["ours"], times[LSTM])
    theirs = sum(products(nn_lstm, BATCH[2])[race.counted])
    ours = sum(found["products"][race.counted])
    found["batch"] = {
        **median_ms(times),
        "ratio": time_ratio,
        "per FLOP": None if name in ELEMENTWISE else time_ratio * theirs / ours,
    }
    found["forward only"] = not race.wanted
    race = races[ONE]
    times = rounds(race.row(name, {"ours": race.ours, "loop": race.loop}), seconds, clock)
    found["one"] = {**median_ms(times), "times faster": ratio(times["loop"], times["ours"])}
    if name in ELEMENTWISE:
        found["bandwidth"] = bandwidth(name, races[LONG], seconds, clock)
    return [], found


class Race:
    """What runs at one shape. A cell of buffers alone is run forward only."""

    def __init__(self, make, shape, backend):
        B, T, H = self.shape = shape
        torch.manual_seed(0)
        self.cell = make(H, H)
        self.wanted = [*self.cell.parameters()]
        self.counted = "training" if self.wanted else "forward"
        self.backend = backend
        self.x = torch.randn(T, B, H)
        self.gradient = torch.randn(T, B, self.cell.output_size)
        self.ours = self.call(self.cell, backend, self.x)
        self.loop = self.call(self.cell, "loop", self.x)
        lstm, its_gradient = torch.nn.LSTM(H, H), torch.randn(T, B, H)
        lstm_trainer = trainer(lstm, lstm, self.x, its_gradient)
        self.lstm = lstm_trainer if self.wanted else forward(lstm, self.x)

    def call(self, cell, backend, x):
        run = over_time(cell, backend)
        return trainer(cell, run, x, self.gradient.to(x.dtype)) if self.wanted else forward(run, x)

    def gate(self, name):
        """The row whose results are compared.

        A candidate may be twice as far from float64 as float32 loops whose inputs and weights are
        changed by a rounding. One loop is not enough: where a cell divides by a small deviation, a
        rounding grows from step to step, and the error of a single run is a matter of chance.
        """
        twin = copy.deepcopy(self.cell).double()
        true = seeded(self.call(twin, "loop", doubled(self.x)))
        labels = ["the outputs", *(f"the last {n}" for n, _ in fields(self.cell.initial_state(1)))]
        labels += [f"the gradient of {n}" for n, _ in self.cell.named_parameters()]
        calls = {self.backend: seeded(self.ours), "loop": seeded(self.loop)}
        for k in range(NUDGED):
            loop = self.call(nudged(self.cell), "loop", rounded_anew(self.x))
            calls[f"nudged loop {k + 1}"] = seeded(loop)
        row = self.row(name, calls, labels, [t.detach().double() for t in true()])
        row.yardsticks = tuple(calls)[1:]
        # one running sum of B T rows makes a weight's gradient, where the loop adds T short ones
        row.roundings *= max(1.0, (len(self.x) * self.x.shape[1] / 256) ** 0.5)
        return row

    def row(self, name, calls, labels=(), reference=()):
        B, T, H = self.shape
        return Row(name, {"B": B, "T": T, "H": H}, labels, reference, calls, ("loop",), [])


def nudged(cell):
    """The cell with weights that are a rounding away."""
    other = copy.deepcopy(cell)
    with torch.no_grad():
        for weight in (*other.parameters(), *other.buffers()):
            if weight.is_floating_point():
                weight.copy_(rounded_anew(weight))
    return other


def rounded_anew(tensor):
    """Numbers up to a rounding away."""
    return tensor.detach() * (1 + EPSILON * (2 * torch.rand_like(tensor) - 1))


def seeded(call):
    """The call with noise that is the same in float32 and float64."""
    draw = torch.bernoulli

    def run():
        torch.manual_seed(1)
        with patch("torch.bernoulli", lambda p: draw(p.float()).to(p.dtype)):
            return call()

    return run


def median_ms(times):
    return {
        "ms": {n: round(statistics.median(v), 4) for n, v in times.items()},
        "rounds": count(times),
    }


def count(times):
    return len(next(iter(times.values())))


def nn_lstm(I, H):
    return unroll.LSTMCell(I, H)


def backend_of(make):
    """What runs the cell: cpu where it is planned, else what `auto` takes; and why it is not."""
    cell = make(BATCH[2], BATCH[2])
    call = checked_call(cell, torch.zeros(1, 1, BATCH[2]), None, None, None, False, None, None)
    refusal = cpu.supports(call)
    return ("cpu", None) if refusal is None else (choose(call)[0].NAME, refusal)


# ---------------------------------------------------------------- FLOPs


def products(make, H):
    """Products of H x H numbers that a step needs, (of inputs, of states), "forward" and "training".

    Counted by torch in the eager loop: what one step more costs. A product that only inputs go into
    is done twice in training, forward and for its weight's gradient; one that reads the state three
    times. What a mask makes zero (clockwork, reservoirs) is subtracted: nobody needs it.
    """
    cell = make(H, H)
    step = partial(flops, cell, H)
    once, thrice = step(False), step(True)  # a + b, 2 a + 3 b
    b = thrice - 2 * once
    zeros = sum(idle(module) for module in cell.modules()) / H**2
    a, b = once - b, b - zeros
    return {"forward": (a, b), "training": (2 * a, 3 * b)}


def flops(cell, H, training, B=2, T=12):
    """Of a step, in products of H x H numbers with one sequence."""
    for buffer in cell.buffers():  # reservoirs: counted as if they were trained
        if buffer.is_floating_point():
            buffer.requires_grad_()
    counted = []
    for steps in (T, T - 1):
        with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(training):
            output, _ = unroll.unroll(cell, torch.zeros(steps, B, H), backend="loop")
            if training:
                output.sum().backward()
        counted.append(counter.get_total_flops())
    return (counted[0] - counted[1]) / (2 * B * H**2)


def idle(module):
    """Numbers of a recurrent matrix that are zero by construction."""
    if isinstance(module, EchoStateCell):
        return int((module.weight_hh == 0).sum())
    connected = getattr(module, "connected", None)
    return 0 if connected is None else int((~connected).sum())


# ---------------------------------------------------------------- bytes


def bandwidth(name, race, seconds, clock):
    """GB/s of the loop alone, forward and backward, beside a copy's of about as many bytes."""
    moved = sum(bytes_of(race).values())
    source = torch.randn(moved // 8)  # read once and written once
    target = torch.empty_like(source)
    loops = []

    def ours():
        with timed(clock) as spent:
            race.ours()
        loops.append(sum(spent))

    row = race.row(name, {"ours": ours, "copy": lambda: target.copy_(source)})
    copies = rounds(row, seconds, clock)["copy"]
    loops = loops[-len(copies) :]
    ours_GB, copy_GB = moved / 1e9, source.nbytes * 2 / 1e9
    return {
        "bytes": bytes_of(race),
        "loop ms": statistics.median(loops) * 1e3,
        "GB/s": ours_GB / statistics.median(loops),
        "copy GB/s": copy_GB / statistics.median(copies) * 1e3,
    }


@contextmanager
def timed(clock):
    """Within the block, the seconds of each of the engine's loops, forward or backward."""
    spent, run = [], recurrence.run

    def watched(begun):
        start = clock()
        run(begun)
        spent.append(clock() - start)

    with patch.object(recurrence, "run", watched):
        yield spent


def bytes_of(race):
    """Bytes that the loop has to read from memory or to write there, by direction and kind.

    Each number of every step counts once a direction: what was read of the inputs, outputs, whole
    histories of states, values saved for the backward, gradients in and out. A state that the next
    step alone reads stays in the cache, and so do parameters.
    """
    B, T, _ = race.shape
    call = checked_call(race.cell, race.x, None, None, None, False, None, None)
    recipe = cpu.prepared(call).recipe
    whole = {f"state:{k}" for k in recipe.history}
    over_time = {"forward": recipe.forward, "backward": recipe.backward}
    found = {}
    for direction, program in over_time.items():
        stores = [b for buffers in program.stores.values() for b in buffers]
        for way, buffers in (("read", program.loads.values()), ("written", stores)):
            columns = {
                (b.tensor, b.lo): b.width * b.dtype.itemsize
                for b in buffers
                if b.time == "rows"
                or (
                    (b.tensor in whole and b.time in ("previous", "next"))
                    and (direction, way) != ("forward", "read")
                )  # its own writing, a step ago
            }
            found[f"{direction}, {way}"] = sum(columns.values()) * B * T
    return found


if __name__ == "__main__":
    main()
