"""Compare unroll's compiled cells with their alternatives, interleaved in one run.

Forward and backward in float32, B sequences of T steps, I = H. First the gate: outputs, last
states and gradients against a float64 loop; where one is wrong, no time is printed. Then, in every
round, each candidate once; medians of the times and of the ratios of each round.
"""

import argparse
import importlib.util
import json
import os
import sys
from pathlib import Path

import torch
from measure import Row, machine, rounds, summary, table, wrong_in
from written import WRITTEN

import unroll
from unroll.cells import fields

SHAPES = [(1, 64, 128), (32, 64, 256), (16, 64, 512)]  # B, T, H = I
LAYERS = {"LSTM": unroll.LSTM, "GRU": unroll.GRU, "Elman": unroll.RNN}
CELLS = {"LSTM": unroll.LSTMCell, "GRU": unroll.GRUCell, "Elman": unroll.RNNCell}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4.0, help="of timing per row")
    parser.add_argument(
        "--only", default="", help="rows that contain one of these words, separated by commas"
    )
    parser.add_argument(
        "--shape", type=int, nargs=3, metavar=("B", "T", "H"), help="only this shape"
    )
    parser.add_argument("--json", type=Path, help="write all measurements to this file")
    parser.add_argument(
        "--input-gradients", action="store_true", help="also compute the gradient of x"
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="also torch.compile of the loop (a minute or two per row)",
    )
    parser.add_argument("--inference", action="store_true", help="forward only, without gradients")
    parser.add_argument("--stepper", action="store_true", help="one step a call")
    parser.add_argument("--long", action="store_true", help="100,000 steps: time and memory")
    parser.add_argument(
        "--compile-time", action="store_true", help="the time to compile a new cell"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    about = machine(args.threads)
    for key, value in about.items():
        print(f"{key}: {value}")

    rows, fresh = [], []
    if args.inference:
        rows += inference_rows(args)
    if args.stepper:
        rows += stepper_rows(args)
    if args.long or args.compile_time:
        import processes

        if args.long:
            fresh += processes.long_sequences()
        if args.compile_time:
            fresh += processes.compile_times(chosen(WRITTEN, args.only))
    if not rows and not fresh:
        rows = training_rows(args)
    if not rows and not fresh:
        sys.exit(f"--only {args.only} leaves no row.")

    wrong = [sentence for row in rows for sentence in wrong_in(row)]
    if wrong:
        print("The gate is red; nothing was timed.", *wrong, sep="\n")
        sys.exit(1)
    measured = []
    for k, row in enumerate(rows):
        if sys.stderr.isatty():
            print(f"{k + 1}/{len(rows)} {row.title()}", file=sys.stderr)
        measured.append(summary(row, rounds(row, args.seconds)))
    show(measured)
    if fresh:
        print()
        table(fresh)
    if args.json:
        options = {k: v for k, v in vars(args).items() if k != "json"}
        everything = {"machine": about, "options": options, "rows": measured, "processes": fresh}
        args.json.write_text(json.dumps(everything, indent=1) + "\n")


def show(measured):
    """Two short tables: milliseconds, then ratios."""
    for what in ("ms", "ratios"):
        lines = []
        for row in measured:
            shape = [str(row[k]) for k in ("B", "T", "H") if k in row]
            line = {"B, T, H": f"{row['row']} ({', '.join(shape)})", "rounds": row["rounds"]}
            lines.append(line | {n: f"{v:.3g}" for n, v in row[what].items()})
        if lines:
            print(f"\n{'milliseconds' if what == 'ms' else 'ratios of times'}")
            table(lines)


def chosen(names, only):
    wanted = [word.strip().lower() for word in only.split(",") if word.strip()]
    return [n for n in names if not wanted or any(w in n.lower() for w in wanted)]


def training_rows(args):
    rows = []
    for B, T, H in [args.shape] if args.shape else SHAPES:
        torch.manual_seed(0)
        sizes = {"B": B, "T": T, "H": H}
        x, gradient = torch.randn(T, B, H), torch.randn(T, B, H)
        x.requires_grad_(args.input_gradients)
        for name in chosen(LAYERS, args.only):
            rows.append(layer_row(name, sizes, x, gradient, args))
        for name in chosen(WRITTEN, args.only):
            rows.append(written_row(name, sizes, x, gradient, args))
    return rows


def layer_row(name, sizes, x, gradient, args):
    H = sizes["H"]
    layer = LAYERS[name](H, H)
    theirs = layer._torch_class(H, H)
    theirs.load_state_dict(layer.state_dict())
    twin = LAYERS[name](H, H).double()
    twin.load_state_dict(layer.state_dict())
    cell = CELLS[name](H, H)
    cell.load_state_dict({n.removesuffix("_l0"): p for n, p in layer.state_dict().items()})
    row = training_row(name, sizes, cell, x, gradient, args)
    run = trainer(twin, lambda x: twin(x, backend="loop"), doubled(x), gradient.double())
    row.reference = [t.detach() for t in run()]
    ours = {
        b: trainer(layer, lambda x, b=b: layer(x, backend=b), x, gradient)
        for b in ("cpu", "auto", "loop")
    }
    row.calls = {"torch.nn": trainer(theirs, theirs, x, gradient), **ours, **row.calls}
    row.yardsticks = ("loop", "torch.nn")
    row.pairs = [("cpu", other) for other in row.calls if other not in ("cpu", "auto")]
    row.pairs.append(("auto", "torch.nn"))
    return row


def written_row(name, sizes, x, gradient, args):
    H = sizes["H"]
    make, gates = WRITTEN[name]
    cell = make(H, H)
    twin = make(H, H).double()
    twin.load_state_dict(cell.state_dict())
    row = training_row(name, sizes, cell, x, gradient, args)
    run = trainer(twin, over_time(twin, "loop"), doubled(x), gradient.double())
    row.reference = [t.detach() for t in run()]
    ours = {b: trainer(cell, over_time(cell, b), x, gradient) for b in ("cpu", "loop")}
    row.calls = {**ours, **row.calls}
    row.pairs = [("cpu", other) for other in row.calls if other != "cpu"]
    if gates is not None:
        lstm = torch.nn.LSTM(H, H)
        row.calls["torch.nn.LSTM"] = trainer(lstm, lstm, x, gradient)
        row.gates, row.apart = gates, {"torch.nn.LSTM": 4}
    return row


def training_row(name, sizes, cell, x, gradient, args):
    """The part of a row that layers and written cells share: labels, and calls of other compilers."""
    state = cell.initial_state(1)
    labels = ["the outputs", *(f"the last {n}" for n, _ in fields(state))]
    labels += [f"the gradient of {n}" for n, _ in cell.named_parameters()]
    labels += ["the gradient of x"] if x.requires_grad else []
    calls = {}
    if args.compile:
        calls["torch.compile"] = trainer(cell, torch.compile(eager_loop(cell)), x, gradient)
    if importlib.util.find_spec("jax"):
        parameters = dict(cell.named_parameters())
        calls["JAX scan"] = jax_scan(args.threads).training(
            name, parameters, x.detach(), gradient, sizes["H"], x.requires_grad
        )
    return Row(name, sizes, labels, [], calls, ("loop",), [])


def over_time(cell, backend):
    return lambda x: unroll.unroll(cell, x, backend=backend)


def eager_loop(cell):
    """The loop as a user would hand it to torch.compile."""

    def loop(x):
        state, outputs = cell.initial_state(x.shape[1], dtype=x.dtype), []
        for step in x.unbind(0):
            output, state = cell.step(step, state)
            outputs.append(output)
        return torch.stack(outputs), state

    return loop


def trainer(module, function, x, gradient):
    """A call that returns outputs, the last state, and the gradients that training needs."""
    wanted = [*module.parameters(), *([x] if x.requires_grad else [])]

    def run():
        output, state = function(x)
        found = torch.autograd.grad(output, wanted, gradient)
        return [output, *(f for _, f in fields(state)), *found]

    return run


def doubled(x):
    return x.detach().double().requires_grad_(x.requires_grad)


def jax_scan(threads):
    """JAX reads these when it is first imported."""
    flags = "--xla_cpu_multi_thread_eigen=false" if threads == 1 else ""
    os.environ.setdefault("XLA_FLAGS", flags)
    os.environ.setdefault("NPROC", str(threads))
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax_scan

    return jax_scan


def inference_rows(args):
    rows = []
    for B, T, H in [args.shape] if args.shape else SHAPES:
        torch.manual_seed(0)
        x = torch.randn(T, B, H)
        for name in chosen(LAYERS, args.only):
            layer = LAYERS[name](H, H).eval()
            theirs = layer._torch_class(H, H).eval()
            theirs.load_state_dict(layer.state_dict())
            twin = LAYERS[name](H, H).double()
            twin.load_state_dict(layer.state_dict())
            calls = {"torch.nn": forward(theirs, x)}
            for backend in ("cpu", "auto", "loop"):
                calls[backend] = forward(lambda x, l=layer, b=backend: l(x, backend=b), x)
            if B == 1 and all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
                import onnx_layer

                calls["onnxruntime"] = onnx_layer.session(name, layer, x, args.threads)
            pairs = [("cpu", other) for other in calls if other not in ("cpu", "auto")]
            row = Row(
                f"{name}, forward",
                {"B": B, "T": T, "H": H},
                [
                    "the outputs",
                    *(["the last h", "the last c"] if name == "LSTM" else ["the last h"]),
                ],
                forward(lambda x, l=twin: l(x, backend="loop"), x.double())(),
                calls,
                ("loop", "torch.nn"),
                [*pairs, ("auto", "torch.nn")],
            )
            rows.append(row)
    if not all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
        print("Not compared with onnxruntime: pip install onnx onnxruntime")
    return rows


def forward(function, x):
    @torch.no_grad()
    def run():
        output, state = function(x)
        return [output, *(f for _, f in fields(state))]

    return run


def stepper_rows(args):
    """Rows of 1,000 steps, so that milliseconds are microseconds per step."""
    H, T = 128, 1000
    torch.manual_seed(0)
    x = torch.randn(T, 1, H)
    layer = unroll.LSTM(H, H).eval()
    twin = unroll.LSTM(H, H).double()
    twin.load_state_dict(layer.state_dict())
    cell = torch.nn.LSTMCell(H, H)
    cell.load_state_dict({n.removesuffix("_l0"): p for n, p in layer.state_dict().items()})
    xs = list(x.unbind(0))

    def ours():
        stepper = layer.stepper(1)
        return [torch.stack([stepper(step) for step in xs])]

    @torch.no_grad()
    def theirs():
        state, outputs = None, []
        for step in xs:
            state = cell(step, state)
            outputs.append(state[0])
        return [torch.stack(outputs)]

    with torch.no_grad():
        reference = [twin(x.double(), backend="loop")[0]]
    calls = {"LSTMCell": theirs, "stepper": ours}
    pairs = [("stepper", "LSTMCell")]
    name = "LSTM 128, microseconds a step"
    return [
        Row(name, {"B": 1, "T": T, "H": H}, ["the outputs"], reference, calls, ("LSTMCell",), pairs)
    ]


if __name__ == "__main__":
    main()
