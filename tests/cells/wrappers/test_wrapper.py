"""What all wrappers pass on, and wrappers around wrappers."""

import pytest
import torch
from torch import nn

import unroll
from unroll.cells import Noise, fields
from unroll.cells.wrappers.attentive import AttentiveCell
from unroll.cells.wrappers.gate_norm import GateNormCell
from unroll.cells.wrappers.highway import HighwayCell
from unroll.cells.wrappers.recurrent_dropout import RecurrentDropoutCell
from unroll.cells.wrappers.residual import ResidualCell
from unroll.cells.wrappers.stacked import StackedCell
from unroll.cells.wrappers.update_dropout import UpdateDropoutCell
from unroll.cells.wrappers.weight_drop import WeightDropCell
from unroll.cells.wrappers.wrapper import Wrapper
from unroll.cells.wrappers.zoneout import ZoneoutCell
from unroll.engine.noise import draw_noise
from unroll.testing import check_cell

from .trained import INNER, check_layer, check_trained, runs

WRAPPERS = {
    "zoneout": ZoneoutCell,
    "recurrent_dropout": RecurrentDropoutCell,
    "update_dropout": UpdateDropoutCell,
    "weight_drop": WeightDropCell,
    "residual": ResidualCell,
    "highway": HighwayCell,
    "attentive": AttentiveCell,
    "gate_norm": GateNormCell,
    "stacked": lambda cell: StackedCell([cell]),
}
NESTED = {
    "zoneout of residual": lambda i, h: ZoneoutCell(ResidualCell(unroll.LSTMCell(h, h)), 0.2),
    "stack of zoneout and dropout": lambda i, h: StackedCell(
        [ZoneoutCell(unroll.LSTMCell(i, h), 0.2), RecurrentDropoutCell(unroll.GRUCell(h, h))]
    ),
    "zoneout of a stack": lambda i, h: ZoneoutCell(
        StackedCell([unroll.GRUCell(i, h), unroll.LSTMCell(h, h)]), {"0": 0.1, "1.c": 0.4}
    ),
    "dropout of a stack": lambda i, h: UpdateDropoutCell(
        RecurrentDropoutCell(StackedCell([unroll.GRUCell(i, h), unroll.LSTMCell(h, h)]))
    ),
    "dropout of norms": lambda i, h: RecurrentDropoutCell(GateNormCell(unroll.LSTMCell(i, h))),
    "norms of dropout": lambda i, h: GateNormCell(RecurrentDropoutCell(unroll.LSTMCell(i, h))),
    "highway of zoneout": lambda i, h: HighwayCell(ZoneoutCell(nn.GRUCell(i, h), 0.3)),
}
nested = pytest.mark.parametrize("name", NESTED)


@pytest.mark.parametrize("name", WRAPPERS)
def test_sizes_start_and_noise_are_the_inner_cells(name):
    handed = []

    class Noisy(unroll.ProjectedLSTMCell):
        def noise(self):
            return {"mask": Noise((2,), keep=0.5), "shift": Noise((3,), "normal", "call")}

        def step(self, x, state, noise):
            handed.append(noise)
            return super().step(x, state)

    cell = WRAPPERS[name](Noisy(2, 4, proj_size=2))
    assert (cell.input_size, cell.hidden_size, cell.output_size) == (2, 4, 2)
    shapes = {tuple(f.shape) for _, f in fields(cell.initial_state(3))}
    assert {(3, 2), (3, 4)} <= shapes
    handed = []
    unroll.unroll(cell.train(), torch.randn(2, 3, 2), backend="loop")
    assert [{k: tuple(v.shape) for k, v in noise.items()} for noise in handed] == [
        {"mask": (3, 2), "shift": (3, 3)}
    ] * 2
    assert not torch.equal(handed[0]["mask"], handed[1]["mask"])
    handed = []
    unroll.unroll(cell.eval(), torch.randn(2, 3, 2), backend="loop")
    assert handed == [None, None]


@pytest.mark.parametrize("name", WRAPPERS)
def test_what_is_no_cell_is_refused_in_a_sentence(name):
    with pytest.raises(TypeError, match="Got Linear; expected a cell"):
        WRAPPERS[name](nn.Linear(3, 4))


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_leaves_the_cell_as_it_was_made(name):
    inner = unroll.LSTMCell(4, 4)
    before = {k: v.clone() for k, v in inner.state_dict().items()}
    cell = WRAPPERS[name](inner)
    assert all(torch.equal(v, before[k]) for k, v in inner.state_dict().items())
    cell.reset_parameters()
    assert not any(torch.equal(v, before[k]) for k, v in inner.state_dict().items())


@pytest.mark.parametrize("name", ["recurrent_dropout", "update_dropout", "weight_drop"])
def test_eval_mode_of_what_only_drops_is_the_inner_cell(name):
    inner, x = unroll.LSTMCell(3, 4), torch.randn(5, 2, 3)
    torch.testing.assert_close(
        unroll.unroll(WRAPPERS[name](inner).eval(), x), unroll.unroll(inner, x)
    )


def test_an_inner_cell_in_eval_mode_gets_no_noise():
    inner = ZoneoutCell(unroll.GRUCell(3, 4), 0.3)
    cell = RecurrentDropoutCell(inner, 0.2)
    assert list(draw_noise(cell, torch.randn(5, 2, 3))) == ["cell.keep.h", "mask.cell.weight_hh"]
    inner.eval()
    assert list(draw_noise(cell, torch.randn(5, 2, 3))) == ["mask.cell.weight_hh"]
    unroll.unroll(cell, torch.randn(5, 2, 3))


def test_a_wrapper_of_ones_own():
    class Doubled(Wrapper):
        def forward(self, x, state, noise=None):
            output, state = self.inner_step(x, state, noise)
            return 2 * output, state

    check_cell(lambda i, h: Doubled(ZoneoutCell(unroll.GRUCell(i, h), 0.2)))


def test_weight_drop_goes_together_with_what_changes_products():
    x = torch.randn(5, 2, 3)
    drop = lambda cell: RecurrentDropoutCell(cell, 0.3)  # noqa: E731
    weights = lambda cell: WeightDropCell(cell, 0.4)  # noqa: E731
    inner = unroll.LSTMCell(3, 4)
    outputs = []
    for outer_first in (False, True):
        cell = drop(weights(inner)) if outer_first else weights(drop(inner))
        given = {name: noise.shape for name, noise in cell.noise().items()}
        noise = {
            name: MASK_OF_WEIGHT if shape == (16, 4) else MASK_OF_STATE
            for name, shape in given.items()
        }
        assert len(noise) == 2
        state = unroll.LSTMState(torch.ones(2, 4), torch.ones(2, 4))
        outputs.append(cell.step(x[0], state, noise)[0])
    with torch.no_grad():  # torch's own cell, with both in its weights
        inner.weight_hh *= MASK_OF_WEIGHT / 0.6 * MASK_OF_STATE[0] / 0.7
    expected, _ = nn.LSTMCell.forward(inner, x[0], (torch.ones(2, 4), torch.ones(2, 4)))
    torch.testing.assert_close(outputs, [expected, expected])


MASK_OF_STATE = torch.tensor([1.0, 0.0, 1.0, 1.0]).expand(2, 4)
MASK_OF_WEIGHT = (torch.arange(64) % 3 > 0).float().reshape(16, 4)


@nested
def test_promises_of_nested_wrappers(name):
    check_cell(NESTED[name], input_size=4)


@nested
def test_compiled_kernels_are_given_the_same_noise(name):
    check_trained(lambda i, h: NESTED[name](h, h))


def test_in_layers():
    check_layer(NESTED["stack of zoneout and dropout"])


@pytest.mark.parametrize("inner", INNER)
def test_a_stepper_is_without_noise(inner):
    layer = unroll.Recurrent(lambda i, h: ZoneoutCell(INNER[inner](i, h), 0.3), 3, 4).train()
    x = torch.randn(5, 2, 3)
    stepper = layer.stepper(2)
    outputs = torch.stack([stepper(step) for step in x])
    torch.testing.assert_close(outputs, layer.eval()(x)[0])


def test_another_seed_is_other_noise():
    cell = NESTED["zoneout of a stack"](3, 4)
    same, other = (runs(cell, "loop", seed=seed)[0] for seed in (1, 2))
    assert not torch.equal(same, other)
