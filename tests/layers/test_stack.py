import pytest
import torch

import unroll
from unroll.layers.stack import Part, run_stack

T, B = 5, 3


def two_by_two():
    """Two layers in two directions of a cell whose state has two fields."""
    rows = [[unroll.LSTMCell(2, 4), unroll.LSTMCell(2, 4)]]
    rows += [[unroll.LSTMCell(8, 4), unroll.LSTMCell(8, 4)]]
    return rows, [[Part(cell) for cell in row] for row in rows]


def test_layers_read_both_directions_of_the_layer_below():
    rows, parts = two_by_two()
    x, lengths = torch.randn(T, B, 2), [5, 0, 3]
    output, state = run_stack(parts, x, None, lengths=lengths, backend="loop")
    y, finals = x, []
    for row in rows:
        runs = [
            unroll.unroll(cell, y, lengths=lengths, reverse=bool(direction), backend="loop")
            for direction, cell in enumerate(row)
        ]
        finals += [final for _, final in runs]
        y = torch.cat([run for run, _ in runs], -1)
    torch.testing.assert_close(output, y)
    assert isinstance(state, unroll.LSTMState)
    torch.testing.assert_close(state.c, torch.stack([final.c for final in finals]))


def test_each_part_is_given_its_row_of_the_state():
    _, parts = two_by_two()
    state = unroll.LSTMState(torch.randn(4, B, 4), torch.randn(4, B, 4))
    _, final = run_stack(parts, torch.randn(0, B, 2), state, backend="loop")
    torch.testing.assert_close(tuple(final), tuple(state))


def test_given_parameters_replace_the_cells_own():
    cell, other = unroll.GRUCell(2, 4), unroll.GRUCell(2, 4)
    x = torch.randn(T, B, 2)
    output, _ = run_stack([[Part(cell, dict(other.named_parameters()))]], x, None, backend="loop")
    torch.testing.assert_close(output, unroll.unroll(other, x, backend="loop")[0])


def test_dropout_is_between_layers_alone():
    cells = [unroll.GRUCell(4, 4), unroll.GRUCell(4, 4)]
    x = torch.randn(T, B, 4)
    one, _ = run_stack([[Part(cells[0])]], x, None, dropout_between=0.9, backend="loop")
    torch.testing.assert_close(one, unroll.unroll(cells[0], x, backend="loop")[0])
    parts = [[Part(cell)] for cell in cells]
    dropped, _ = run_stack(parts, x, None, dropout_between=0.9, backend="loop")
    assert not torch.equal(dropped, run_stack(parts, x, None, backend="loop")[0])


@pytest.mark.parametrize("count", [0, 3, 5])
def test_another_number_of_records_is_refused(count):
    _, parts = two_by_two()
    records = [unroll.Recording() for _ in range(count)]
    with pytest.raises(ValueError, match=rf"got {count} records; expected L\*D=4"):
        run_stack(parts, torch.randn(T, B, 2), None, records=records)
