"""How far cells remember: adding, copying, digits row by row and pixel by pixel, Mackey-Glass.

    python -m benchmarks.memory --seconds 60
    python -m benchmarks.memory --tasks rows --cells lstm --seconds 120
    python -m benchmarks.memory --tasks pixels --cells lru --seconds 840

A row is a cell by its name in `unroll cells`; a second word is another start: "rnn orthogonal",
"lstm chrono". Every entry has the same time; adding and copying stop when they are solved.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from benchmarks.measure import machine, table
from benchmarks.memory import adding, chaos, copying, digits
from benchmarks.memory.training import entry
from unroll.cells.names import CELLS, suggestions

ROWS = (
    "rnn", "rnn orthogonal", "irnn", "lstm", "lstm chrono", "gru", "gru chrono",
    "indrnn", "min_gru", "lru", "rg_lru", "echo_state",
)  # fmt: skip
FIELD = """\
The field: an Elman cell forgets within tens of steps, where LSTM and GRU add and copy over hundreds
(Hochreiter and Schmidhuber 1997); rectified units that start as the identity add as far as an LSTM
and read pixels, slowly (Le et al. 2015); an orthogonal start helps where things are to be kept as
they are, less where they are to be chosen (Henaff et al. 2016); independent and linear cells in
stacks read pixels best (Li et al. 2018, Orvieto et al. 2023); reservoirs are for Mackey-Glass
(Jaeger and Haas 2004)."""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", default="", help="some of them, with commas; default: all")
    parser.add_argument("--cells", default=",".join(ROWS), help="rows, with commas")
    parser.add_argument("--seconds", type=float, default=60.0, help="of learning, an entry")
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="what --seconds counts; cpu: what this process had of a machine that others use too",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="for the digits")
    parser.add_argument("--json", type=Path, help="write everything that was measured there")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows, tasks = chosen_rows(args.cells), chosen_tasks(args.tasks, args.data)
    about = machine(args.threads)
    for key, value in about.items():
        print(f"{key}: {value}")

    found = {}
    for task in tasks:
        for row in rows:
            found[row, task.name] = entry(row, task, args.seconds, args.seed, args.clock)
            print(f"{task.name}, {row}: {shown(found[row, task.name])}", file=sys.stderr)
            if args.json:
                save(args, about, found)
    lines = [
        {"cell": row} | {title(task): shown(found[row, task.name]) for task in tasks}
        for row in rows
    ]
    kind = "seconds" if args.clock == "wall" else "seconds of a core"
    print(f"\nthe score on the test part, and the {kind} of learning (at most {args.seconds:g})")
    table(lines)
    print()
    for task in tasks:
        good = [row for row in rows if meets(task, found[row, task.name]["score"])]
        bad = [row for row in rows if row not in good]
        print(f"{title(task)}: {', '.join(good) or 'none'}; not: {', '.join(bad) or 'none'}")
    print(FIELD)


def chosen_rows(words):
    rows = [word.strip() for word in words.split(",") if word.strip()]
    for row in rows:
        name = row.partition(" ")[0]
        if name not in CELLS:
            sys.exit(f"--cells: there is no cell named {name!r}{suggestions(name)}.")
    return rows


def chosen_tasks(words, data):
    everything = {t.name: t for t in [*adding.TASKS, *copying.TASKS, *digits.tasks(data)]}
    everything |= {t.name: t for t in chaos.TASKS}
    names = [word.strip() for word in words.split(",") if word.strip()] or list(everything)
    for name in names:
        if name not in everything:
            sys.exit(f"--tasks: there is no task {name!r}; there are {', '.join(everything)}.")
        if isinstance(everything[name], digits.Digits) and not everything[name].folder.is_dir():
            sys.exit(f"{everything[name].folder} is not there; give --data, or other --tasks.")
    return [everything[name] for name in names]


def title(task):
    return f"{task.name} ({task.unit} {task.better} {task.bar:g})"


def meets(task, score):
    return score <= task.bar if task.better == "below" else score >= task.bar


def shown(found):
    words = f"{found['score']:.4g} in {found['seconds']:.3g} s"
    return f"{words}, {found['note']}" if found["note"] == "diverged" else words


def save(args, about, found):
    options = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()}
    entries = [{"cell": row, "task": task} | entry for (row, task), entry in found.items()]
    everything = {"machine": about, "options": options, "entries": entries}
    args.json.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
