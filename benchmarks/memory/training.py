"""One loop for every task and every trained cell, and the ridge read-out for reservoirs.

The settings were fixed for all tasks at once; the score on the test part is taken once, at the end.
"""

import math
import sys
import time

import torch
from torch import nn
from torch.nn.functional import one_hot

import unroll
from benchmarks.memory.networks import RESERVOIRS, STACKED, network
from unroll.cells.names import cell_factory
from unroll.layers.ridge import Ridge

CLIP = 1.0
RATE, STACK_RATE = 2e-3, 4e-3
IRNN_RATE = 2e-4  # nothing bounds its state: its paper asks for small ones
SLOW = 0.1  # of the rate, for a decay or an angle: over 784 steps a little of it is a lot
WARM_UP = 0.02  # of the time
UNITS, SHARE, HELD_OUT = 500, 0.5, 5  # of a reservoir: its units; of the time; batches to choose by
PENALTIES = (1e-6, 1e-4, 1e-2, 1.0, 100.0)


def entry(row, task, seconds, seed, counted="wall"):
    """One number of the table: {"score", "seconds", "steps", "note"}."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    clock = Clock(f"{task.name}, {row}", seconds, counted)
    steps = len(task.batch(torch.Generator().manual_seed(0), 1)[0])
    run = reservoir if row.partition(" ")[0] in RESERVOIRS else trained
    model, count, note = run(row, task, steps, generator, clock)
    found = {"seconds": clock.spent(), "wall": clock.wall(), "steps": count, "note": note}
    found["score"] = score(model, task)
    if hasattr(task, "split"):  # to choose by, where something is chosen
        found["valid"] = score(model, task, task.split("valid"))
    return found


def trained(row, task, steps, generator, clock):
    model = network(row, task, steps)
    optimizer = torch.optim.Adam(groups(row.partition(" ")[0], model))
    rates = [group["lr"] for group in optimizer.param_groups]
    bounded = [m for m in model.modules() if hasattr(m, "constrain")]
    count, mean, note = 0, math.nan, ""
    while (share := clock.share()) < 1:
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * slope(share, falls=task.solved is None)
        x, targets = task.batch(generator)
        loss = task.loss(model(x, len(targets)), targets)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        if not norm.isfinite():
            note = "diverged"
            break
        optimizer.step()
        for cell in bounded:
            cell.constrain()
        count += 1
        mean = loss.item() if count == 1 else 0.95 * mean + 0.05 * loss.item()
        clock.tell(f"step {count}, loss {mean:.4g}")
        if task.solved is not None and mean < task.solved:
            note = "solved"
            break
    return model, count, note


def groups(name, model):
    """The parameters with their learning rates."""
    rate = STACK_RATE if name in STACKED else IRNN_RATE if name == "irnn" else RATE
    slow, others = [], []
    for parameter, p in model.named_parameters():
        kind = parameter.rpartition(".")[2]
        (slow if kind in ("log_decay", "log_phase", "log_scale", "decay") else others).append(p)
    found = [{"params": others, "lr": rate}, {"params": slow, "lr": SLOW * rate}]
    return [group for group in found if group["params"]]


def slope(share, falls):
    """The learning rate over the time: a short rise, then level, or down to zero as a cosine."""
    up = min(1, share / WARM_UP + 0.01)
    return up * (0.5 * (1 + math.cos(math.pi * share)) if falls else 1)


def reservoir(row, task, steps, generator, clock):
    """States of a reservoir, read out by ridge regression; the penalty is chosen on fresh batches.

    For digits those are of the part that is learned from, in other places. Half of the time, or a
    hundred rows a unit, is enough to sum.
    """
    options = {"bias_scaling": 0.5, "input_scaling": task.inputs**-0.5, "spectral_radius": 0.99}
    options["leak_rate"] = min(1.0, 20 / steps)  # a memory of the order of the sequence
    if task.name == "mackey glass":
        options = {"spectral_radius": 1.25, "leak_rate": 0.3, "bias_scaling": 1.0}
    model = Reservoir(cell_factory(row, **options), task)
    sums, count, enough = Ridge(), 0, 100 * UNITS
    while clock.share() < SHARE and sums.rows < enough:
        x, targets = task.batch(generator, 100)
        sums.add(model.states(x, len(targets)), model.code(targets))
        count += 1
        clock.tell(f"{sums.rows} rows")
    validation_set = [task.batch(generator, 100) for _ in range(HELD_OUT)]
    validation_set = [(model.states(x, len(y)), y) for x, y in validation_set]

    def badness(readout):
        said = torch.cat([readout(states) for states, _ in validation_set], 1)
        found = task.score(said, torch.cat([y for _, y in validation_set], 1))
        return found if task.better == "below" else -found

    with torch.no_grad():
        model.head = min((sums.solve(penalty) for penalty in PENALTIES), key=badness)
    return model, count, ""


class Reservoir(nn.Module):
    def __init__(self, cell, task):
        super().__init__()
        self.layer = unroll.Recurrent(cell, task.inputs, UNITS)
        self.kinds = task.outputs
        self.head = None

    def code(self, targets):
        """Numbers as they are, kinds one hot."""
        return targets if targets.is_floating_point() else one_hot(targets, self.kinds).float()

    @torch.no_grad()
    def states(self, x, last):
        return self.layer(x)[0][-last:]

    def forward(self, x, last):
        return self.head(self.states(x, last))


@torch.no_grad()
def score(model, task, batches=None):
    model.eval()
    batches = task.test() if batches is None else batches
    said = torch.cat([model(x, len(targets)) for x, targets in batches], 1)
    return task.score(said, torch.cat([targets for _, targets in batches], 1))


class Clock:
    """The time of one entry; tells where it is after 2 seconds, then 4, 8, 16, and every 30.

    counted: "wall", or "cpu": the seconds of a core that this process had, for a machine that
    others use at the same time.
    """

    def __init__(self, name, seconds, counted):
        self.name, self.seconds, self.counted = name, seconds, counted
        self.begun, self.wall_begun = self.now(), time.perf_counter()
        self.next = 2.0

    def now(self):
        if self.counted == "wall":
            return time.perf_counter()
        return time.process_time() / torch.get_num_threads()

    def spent(self):
        return self.now() - self.begun

    def wall(self):
        return time.perf_counter() - self.wall_begun

    def share(self):
        return self.spent() / self.seconds

    def tell(self, words):
        wall = self.wall()
        if wall >= self.next:
            told = f"{self.spent():.0f} s of {self.seconds:g}"
            print(f"  {self.name}: {told}, {words}", file=sys.stderr, flush=True)
            self.next = wall + min(wall, 30)
