"""What a row of the table is: a cell by name, where it starts, and what is around it.

"lstm" is a name of `unroll cells`; a second word is another start: "rnn orthogonal", "lstm chrono".
"""

import torch
from torch import nn
from torch.nn.functional import gelu, glu

import unroll
from unroll.cells import GRUCell, LSTMCell, RNNCell
from unroll.cells.names import FAMILIES, cell_factory
from unroll.models.initialisation import initialise

HIDDEN = 128
LAYERS, WIDTH = 3, 64  # of a stack, for the cells whose papers stack them
STACKED, RESERVOIRS = FAMILIES["independent and linear"], FAMILIES["reservoirs"]
LRU_RING = {"r_min": 0.9, "r_max": 0.999}  # as its authors take for digits


def network(row, task, steps):
    """One layer of 128 units, or a stack of three of 64; a linear layer reads it out."""
    name, _, start = row.partition(" ")
    if name in STACKED:
        if start:
            raise SystemExit(f"--cells {row}: {name} has no start but its own. Say {name}.")
        options = {"indrnn": {"steps": steps}, "lru": LRU_RING}.get(name, {})
        return Stack(cell_factory(name, **options), task.inputs, task.outputs, task.whole)
    return Single(name, start, task.inputs, task.outputs, steps)


class Single(nn.Module):
    def __init__(self, name, start, inputs, outputs, steps):
        super().__init__()
        self.layer = unroll.Recurrent(name, inputs, HIDDEN)
        self.head = nn.Linear(self.layer.output_size, outputs)
        begin(self.layer.cells[0], start, steps)

    def forward(self, x, last):
        """x [T, B, I]; what is said at the last so many steps, [last, B, O]."""
        hidden, _ = self.layer(x)
        return self.head(hidden[-last:])


def begin(cell, start, steps):
    """The start that a row names; without one a plain cell starts as torch's, gates as the field's.

    The field's: orthogonal recurrent weights, and one as the bias of an LSTM's forget gate.
    """
    if start == "chrono":
        chrono(cell, steps)
    elif start or not isinstance(cell, RNNCell):
        initialise(cell, start or "auto")


@torch.no_grad()
def chrono(cell, steps):
    """Gates that start with memories of 1 to T steps (Tallec and Ollivier 2018)."""
    if not isinstance(cell, LSTMCell | GRUCell):
        raise SystemExit(f"A chrono start is for lstm and gru; {type(cell).__name__} is neither.")
    initialise(cell, "auto")
    H = cell.hidden_size
    long = torch.empty(H).uniform_(1, max(2, steps - 1)).log()
    gates = cell.bias_ih.view(-1, H)  # i, f, g, o of an LSTM; r, z, n of a GRU, which keeps by z
    gates[1] = long
    if isinstance(cell, LSTMCell):
        gates[0] = -long


class Stack(nn.Module):
    """Residual blocks of norm, cell and a gated linear unit, as the LRU's authors stack theirs.

    Where one thing is said of a whole sequence (the digits), the mean over time is read, as theirs.
    """

    def __init__(self, cell, inputs, outputs, whole):
        super().__init__()
        self.whole = whole
        self.encoder = nn.Linear(inputs, WIDTH)
        self.layers = nn.ModuleList(unroll.Recurrent(cell, WIDTH, WIDTH) for _ in range(LAYERS))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(LAYERS))
        self.mixers = nn.ModuleList(nn.Linear(WIDTH, 2 * WIDTH) for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, outputs)

    def forward(self, x, last):
        x = self.encoder(x)
        for norm, layer, mixer in zip(self.norms, self.layers, self.mixers, strict=True):
            hidden, _ = layer(norm(x))
            x = x + glu(mixer(gelu(hidden)))
        return self.head(x.mean(0, keepdim=True) if self.whole else x[-last:])
