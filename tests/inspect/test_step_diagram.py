import pytest
import torch

import unroll
from unroll.cells import cell_factory
from unroll.inspect.drawing import Box, TextMark
from unroll.inspect.step_diagram import as_text, draw_step, new_parts, step_parts


def parts_of(name, hidden=4):
    return step_parts(cell_factory(name)(3, hidden).eval(), 3)


def labels(parts):
    return sorted(part.label for part in parts)


def test_the_lstm_is_what_its_equations_say():
    parts = parts_of("lstm")
    assert labels(parts) == sorted(
        "x h c W_ih W_hh + sigmoid sigmoid sigmoid tanh * * + tanh * h' c'".split()
    )
    by_key = {key: part for part in parts for key in part.keys if part.kind == "operation"}
    assert labels(by_key["forget_gate"].before) == ["+"]
    assert by_key["candidate"].label == "tanh"
    memory = next(part for part in parts if part.label == "c'").before[0]
    assert memory.label == "+" and labels(memory.before) == ["*", "*"]


def test_the_walk_of_the_lstm_adds_what_each_figure_needs():
    parts = parts_of("lstm")
    groups = [["forget_gate"], ["input_gate", "candidate"], ["c"], ["output_gate", "h"]]
    assert [labels(new) for new in new_parts(parts, groups)] == [
        ["+", "W_hh", "W_ih", "sigmoid"],
        ["sigmoid", "tanh"],
        ["*", "*", "+", "c'"],
        ["*", "h'", "sigmoid", "tanh"],
    ]


def test_numbers_are_parts_of_an_operation():
    assert {"1 -"} <= {part.label for part in parts_of("gru")}


def test_slices_of_one_value_share_its_box():
    parts = parts_of("layer_norm_gru")
    assert any({"reset_gate", "update_gate"} <= set(part.keys) for part in parts)


@pytest.mark.parametrize(
    "name", ["rnn", "lstm", "slstm", "sru", "lru", "depth_gated", "echo_state"]
)
def test_boxes_do_not_overlap_and_lines_go_to_the_right(name):
    parts = parts_of(name)
    drawing = draw_step(parts, name)
    boxes = [mark for mark in drawing.marks if isinstance(mark, Box)]
    assert len(boxes) == len(parts)
    for n, a in enumerate(boxes):
        assert a.x >= 0 and a.x + a.width <= drawing.width and a.y + a.height <= drawing.height
        for b in boxes[:n]:
            apart = a.x + a.width < b.x or b.x + b.width < a.x
            assert apart or a.y + a.height < b.y or b.y + b.height < a.y
    assert all(before.column < part.column for part in parts for before in part.before)


def test_numbers_are_written_under_the_boxes_of_their_values():
    drawing = draw_step(parts_of("lstm"), "lstm", notes={"forget_gate": "0.25 0.75"})
    texts = [mark for mark in drawing.marks if isinstance(mark, TextMark)]
    (number,) = (mark for mark in texts if mark.text == "0.25 0.75")
    (name,) = (mark for mark in texts if mark.text == "forget gate")
    assert number.x == name.x and number.y > name.y
    assert as_text(torch.arange(6.0), 1) == "0.0 1.0 2.0 3.0 …"


def test_an_own_cell_is_drawn_from_its_step():
    class Leaky(unroll.Cell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.mix = torch.nn.Linear(input_size + hidden_size, hidden_size)

        def forward(self, x, h):
            new = self.tap(new=torch.tanh(self.mix(torch.cat([x, h], 1))))
            h = 0.9 * h + 0.1 * new
            return h, h

    found = labels(step_parts(Leaky(2, 3).eval(), 2))
    assert found == sorted(["x", "h", "cat", "mix.weight", "tanh", "* 0.9", "* 0.1", "+", "h'"])
