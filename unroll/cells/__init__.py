"""One step. Each file is one family of cells and reads like its equations."""

from unroll.cells.cell import Cell as Cell
from unroll.cells.cell import Noise as Noise
from unroll.cells.elman import RNNCell as RNNCell
from unroll.cells.gru import GRUCell as GRUCell
from unroll.cells.lstm import LSTMCell as LSTMCell
from unroll.cells.lstm import LSTMState as LSTMState
from unroll.cells.lstm import ProjectedLSTMCell as ProjectedLSTMCell
from unroll.cells.names import CELLS as CELLS
from unroll.cells.names import named_cell as named_cell
from unroll.cells.state import State as State
from unroll.cells.state import fields as fields
from unroll.cells.state import map_state as map_state
from unroll.cells.torch_cell import as_cell as as_cell
