"""Cells, their plans, and what to ask of a plan, for the tests of the engine.

I input, H hidden.
"""

import functools
import json
from functools import partial

import torch
from torch import nn

import unroll
from unroll.engine.call import checked_call, parameters_of
from unroll.engine.compiler.plan import plan
from unroll.engine.compiler.trace import trace
from unroll.engine.runtime.interpret import interpreter
from unroll.engine.runtime.planned import Job, run_plans
from unroll.engine.runtime.recipe import from_json, recipe_of, to_json

from .written_cells import CELLS

I, H = 3, 8


PROJECTED = partial(unroll.ProjectedLSTMCell, proj_size=2)


class ResetBefore(unroll.Cell):
    """A product of both, as papers write it: W [x, h]."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.both = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        h = torch.tanh(self.both(torch.cat([x, h], 1)))
        return h, h


MAKE = {
    "lstm": unroll.LSTMCell,
    "gru": unroll.GRUCell,
    "tanh": unroll.RNNCell,
    "relu": partial(unroll.RNNCell, nonlinearity="relu"),
    "projected": PROJECTED,
    "of both": ResetBefore,
    **{f"written {n}": c for n, c in CELLS.items()},
}


@functools.cache
def planned(name, gradients=True):
    """A cell and its plan, made once."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        cell = MAKE[name](I, H).double()
    return cell, plan_of(cell, gradients)


def plan_of(cell, gradients=True):
    call = call_of(cell, torch.zeros(1, 1, cell.input_size, dtype=torch.float64))
    return plan(trace(cell, parameters_of(call), call.x, call.state), gradients)


def call_of(cell, x, state=None, **settings):
    arguments = {"lengths": None, "resets": None, "reverse": False, "record": None}
    arguments |= {"parameters": None, **settings}
    return checked_call(cell, x, state, **arguments)


def nodes_of(program):
    """All that a program computes."""
    return [
        n
        for stage in program.stages
        for group in stage
        for n in [*(n for p in group.products for n in p), *group.body]
    ]


def products_of(program):
    return [n for n in nodes_of(program) if n.op == "product"]


class Gated(unroll.Cell):
    """A minimal GRU with two linears, as a user writes it."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.z, self.n = nn.Linear(input_size, hidden_size), nn.Linear(input_size, hidden_size)

    def forward(self, x, h):
        z, n = torch.sigmoid(self.z(x)), self.n(x)
        h = (1 - z) * h + z * torch.where(n >= 0, n + 0.5, torch.sigmoid(n))
        return h, h


def width_saved(made):
    return sum(w for n, w in made.widths.items() if n.startswith("saved"))


plans = {}


class Interpreted:
    """A backend that runs plans in eager PyTorch."""

    NAME = "interpreted"

    @staticmethod
    def supports(call):
        return None

    @staticmethod
    def run(call):
        cell = call.cell
        if (id(cell), call.x.dtype) not in plans:
            made = plan(trace(cell, parameters_of(call), call.x, call.state))
            # through text and back, as a plan that another process made
            plans[id(cell), call.x.dtype] = (
                cell,
                from_json(json.loads(json.dumps(to_json(recipe_of(made))))),
            )
        initial = None
        if call.resets is not None:
            x = call.x
            initial = cell.initial_state(x.shape[1], dtype=x.dtype, device=x.device)
        _, recipe = plans[id(cell), call.x.dtype]
        return run_plans([Job(recipe, call, parameters_of(call), initial, interpreter)])[0]
