"""The cell of a run: by name, or from a file of the user that is run only where it is trusted."""

import pytest

from unroll.errors import UserError
from unroll.settings import RecurrentSettings
from unroll.training.files import as_json
from unroll.training.folder import RunFolder
from unroll.training.run_cell import (
    given_cell,
    recorded_cell,
    recorded_word,
    trust_flag,
    try_user_cell,
)

SOURCE = """\
import torch
import unroll


class AddCell(unroll.Cell):
    def __init__(self, input_size, hidden_size, *, scale=1.0):
        super().__init__(input_size, hidden_size)
        self.read = torch.nn.Linear(input_size, hidden_size)
        self.scale = scale

    def forward(self, x, h):
        h = h + self.scale * self.read(x)
        return h, h
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(SOURCE)
    return path


def settings(cell, **options):
    return RecurrentSettings(cell=str(cell), cell_options=options)


def test_a_named_cell_has_no_file():
    cell = given_cell(settings("gru", bias=False))
    assert (cell.word, cell.files, cell.own) == ("gru", {}, None)
    made = cell.make(3, 4)
    assert made.hidden_size == 4 and not hasattr(made, "bias_ih_") and cell.make(3, 4) is not made
    assert trust_flag(settings("gru")) == ""
    try_user_cell(cell, 3, 4)


def test_a_file_is_kept_with_the_class_that_was_found(file):
    cell = given_cell(settings(file, scale=2.0))
    assert cell.word == "own.py:AddCell" and cell.files == {"cell.py": SOURCE.encode()}
    assert cell.make(3, 4).scale == 2.0
    assert trust_flag(settings(file)) == " --trust-code"
    try_user_cell(cell, 3, 4)


def test_a_cell_that_fails_is_named_with_its_line_before_data_is_read(file):
    file.write_text(SOURCE.replace("self.read(x)\n", "self.read(h)\n"))
    with pytest.raises(UserError, match=r"own\.py, line 12: RuntimeError"):
        try_user_cell(given_cell(settings(file)), 3, 4)


@pytest.mark.parametrize(
    ("cell", "options", "sentence"),
    [
        ("gru", {"heads": 2}, "--cell-options has heads; --cell gru takes bias"),
        ("conv_lstm", {}, "needs height, width"),
        ("clockwork", {"periods": 0}, "--cell clockwork with --cell-options"),
    ],
)
def test_options_that_do_not_fit_are_refused(cell, options, sentence):
    with pytest.raises(UserError, match=sentence):
        given_cell(settings(cell, **options)).make(3, 15)


def test_a_recorded_file_is_run_only_where_it_is_trusted_and_whole(file, tmp_path):
    kept = {"config.json": as_json({}), "cell.py": SOURCE.encode()}
    folder = RunFolder.create(tmp_path / "run", kept, overwrite=False)
    recorded = settings("own.py:AddCell")
    with pytest.raises(UserError, match=r"If you trust that file, use --trust-code"):
        recorded_cell(folder, recorded, trust_code=False)
    cell = recorded_cell(folder, recorded, trust_code=True)
    assert type(cell.make(3, 4)).__name__ == "AddCell"
    assert recorded_word(str(file), cell) == recorded_word(f"{file}:AddCell", cell) == cell.word
    assert recorded_word("gru", cell) == "gru"
    file.write_text(SOURCE + "\n")
    with pytest.raises(UserError, match="its SHA-256 differs"):
        recorded_word(str(file), cell)
    (folder.path / "cell.py").write_text(SOURCE + "\n")
    with pytest.raises(UserError, match=r"is damaged: .*cell\.py"):
        recorded_cell(folder, recorded, trust_code=True)
