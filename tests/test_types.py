"""What a type checker says of programs that use unroll: `mypy --strict` passes, and results have types."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

README = Path(__file__).parents[1] / "README.md"
PROGRAM = """
import torch
import unroll
from typing import Any, assert_type

run = unroll.train("reference.txt", seconds=90)
assert_type(run, unroll.Run)
assert_type(run.generate("The for statement", 150, temperature=0.5, seed=1), str)
assert_type(run.next("the value of the expressi", top=1), list[dict[str, Any]])
assert_type(run.predict("a"), dict[str, Any])
assert_type(run.predict(["a", "b"]), list[dict[str, Any]])
assert_type(run.evaluate("other.txt"), dict[str, Any])
assert_type(unroll.load("runs/rose"), unroll.Run)

x = torch.zeros(5, 2, 3)
output, (h, c) = unroll.LSTM(3, 4)(x, lengths=[5, 2])
assert_type((output, h, c), tuple[torch.Tensor, torch.Tensor, torch.Tensor])
assert_type(unroll.GRU(3, 4)(x), tuple[torch.Tensor, torch.Tensor])
assert_type(unroll.RNN(3, 4)(x, hx=h), tuple[torch.Tensor, torch.Tensor])
packed = torch.nn.utils.rnn.pack_sequence([x[:, 0], x[:3, 1]])
sequences, last = unroll.GRU(3, 4)(packed)
assert_type(sequences, torch.nn.utils.rnn.PackedSequence)
assert_type(unroll.Recurrent("gru", 3, 4)(x)[0], torch.Tensor)
assert_type(unroll.unroll(unroll.GRUCell(3, 4), x)[0], torch.Tensor)
assert_type(unroll.explain(unroll.GRU(3, 4)), str)


class Cell(unroll.Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.read = torch.nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = torch.tanh(self.read(torch.cat([x, h], 1)))
        return h, h


layer = unroll.Recurrent(Cell, 8, 16, num_layers=2, bidirectional=True)
steady = unroll.Recurrent(lambda i, h: unroll.ZoneoutCell(unroll.LSTMCell(i, h), 0.1), 8, 16)
model = unroll.accelerate(torch.nn.Sequential(torch.nn.GRU(32, 64)))

run.generate(150)  # wrong
unroll.GRU(3, 4)("text")  # wrong
unroll.LSTM(3, 4)(x, lengths=True, records=3)  # wrong
run.paint()  # wrong
unroll.trian("reference.txt")  # wrong
"""


def said_by_mypy(tmp_path, program):
    """The lines that mypy finds wrong, and everything that it says."""
    (tmp_path / "program.py").write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    command += ["--python-executable", sys.executable, "--config-file", "", "program.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return {int(n) for n in re.findall(r"^program.py:(\d+): error", done.stdout, re.M)}, done.stdout


def test_strict_mypy_passes_on_programs_and_finds_their_errors(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    # cells in README are written as papers write equations, without types
    readme = "\n".join(block for block in blocks if "class " not in block)
    assert "unroll.train(" in readme
    program = PROGRAM + readme
    wrong = {n for n, line in enumerate(program.split("\n"), 1) if line.endswith("# wrong")}
    found, said = said_by_mypy(tmp_path, program)
    assert found == wrong, said
