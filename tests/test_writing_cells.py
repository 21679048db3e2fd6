"""The page on writing cells: its Python runs and prints what it says; every refusal is real."""

import contextlib
import doctest
import io
import re
from pathlib import Path

import pytest
import torch
from torch import nn

import unroll
from unroll.engine.call import checked_call
from unroll.engine.cpu.preparation import planned, prepare

PAGE = (Path(__file__).parents[1] / "docs" / "writing_cells.md").read_text()
ROWS = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
ROWS = [row for row in ROWS if row[0].startswith(("h = ", "assert", "self.", "h.mul_", "return"))]


def test_the_python_of_the_page_runs_and_prints_what_the_page_says():
    blocks = re.findall(r"```(python|text)\n(.*?)```", PAGE, re.DOTALL)
    names, printed = {"__name__": "page"}, ""
    for kind, text in blocks:
        if kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, "writing_cells.md", "exec"), names)
            printed = out.getvalue()
        else:
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            same = doctest.OutputChecker().check_output(text, printed, flags)
            assert same, f"the page says\n{text}\nand it prints\n{printed}"


def cell_of(line):
    """A cell whose step has this line."""
    source = "def forward(self, x, h):\n    a = torch.tanh(self.read(torch.cat([x, h], 1)))\n"
    source += f"    {line}\n    return h, h\n"
    names = {"torch": torch, "nn": nn}
    exec(source, names)

    class StepOfThePage(unroll.Cell):
        forward = names["forward"]

        def __init__(self):
            super().__init__(3, 4)
            self.read, self.batch_norm = nn.Linear(7, 4), nn.BatchNorm1d(4)
            self.kernel, self.count = nn.Parameter(torch.randn(1, 1, 3)), 0
            order = torch.tensor([2, 0, 1, 3])
            diagonals = [torch.diag(torch.ones(4 - abs(d)), d) for d in (1, 0, -1)]
            for name, buffer in {
                "order": order,
                "ordered": torch.eye(4)[:, order],
                "flipped": torch.eye(4).flip(1),
                "upper": torch.ones(4, 4).triu(),
                "bands": torch.stack(diagonals),
                "scale": torch.tensor([0.1, 0.2, 0.3, 0.4]),
            }.items():
                self.register_buffer(name, buffer)

    return StepOfThePage()


def refusal_of(cell):
    """Why it cannot be compiled; its kernels are written, and not compiled."""
    call = checked_call(cell, torch.zeros(1, 2, 3))
    return prepare(call, lambda: planned(call), compiles=False).refusal


@pytest.mark.parametrize(("line", "sentence", "instead"), ROWS, ids=[row[0] for row in ROWS])
def test_each_refusal_of_the_page_is_said_and_what_it_says_instead_is_compiled(
    line, sentence, instead
):
    assert (refusal_of(cell_of(line)) or "").split(", at ")[0] == sentence
    code = re.match(r"`(.+?)`", instead)
    if code:
        assert refusal_of(cell_of(code[1])) is None


@pytest.mark.parametrize("name", ["cumsum", "flip", "conv1d", "self.order", "softmax(a", "einsum"])
def test_what_it_says_instead_gives_the_same_numbers(name):
    (row,) = [row for row in ROWS if name in row[0]]
    torch.manual_seed(1)
    refused, written = cell_of(row[0]), cell_of(re.match(r"`(.+?)`", row[2])[1])
    written.load_state_dict(refused.state_dict())
    x = torch.randn(4, 2, 3)
    found = [unroll.unroll(cell, x, backend="loop")[0] for cell in (refused, written)]
    torch.testing.assert_close(*found)


def test_the_page_has_every_kind_of_refusal():
    assert len(ROWS) >= 27
