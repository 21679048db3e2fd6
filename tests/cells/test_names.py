"""Every cell has one name, one row in the table, and one public place."""

import ast
import importlib
import os
import pkgutil
import runpy
import subprocess
import sys
from importlib.util import find_spec
from inspect import Parameter
from pathlib import Path

import pytest

import unroll
import unroll.cells
from unroll.cells import CELLS, Cell, cell_factory
from unroll.cells.names import constructor_options

# what a constructor cannot do without
NEEDED = {"projected_lstm": {"proj_size": 8}, "conv_lstm": {"height": 2, "width": 3}}
# not for people: bases of several cells, and the adapter around torch's own
INNER = {"DepthGatedLayer", "MutatedCell", "TorchCell", "VariantLSTMCell"}


@pytest.mark.parametrize("name", CELLS)
def test_every_row_is_true(name):
    row = CELLS[name]
    kind = getattr(unroll, row.cell)
    assert issubclass(kind, Cell) and kind.__module__ == f"unroll.cells.{row.module or name}"
    assert kind.__doc__.splitlines()[0].strip(), "the first line says what it is"
    assert row.purpose and "\n" not in row.purpose and not row.purpose.endswith(".")
    takes = constructor_options(cell_factory(name))
    assert row.options.items() <= takes.items()
    needs = {option for option, value in takes.items() if value is Parameter.empty}
    assert needs == set(NEEDED.get(name, {}))
    cell = cell_factory(name, **NEEDED.get(name, {}))(12, 24)
    assert (cell.input_size, cell.hidden_size) == (12, 24) and type(cell) is kind


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("lsmt", "lstm"), ("LSTM", "lstm"), ("GRUCell", "gru"), ("rnn-relu", "rnn_relu")],
)
def test_a_wrong_name_is_told_what_is_near(wrong, near):
    with pytest.raises(ValueError, match=f"no cell named '{wrong}'; similar names: .*\\b{near}\\b"):
        cell_factory(wrong)


def test_a_name_like_none_is_told_where_they_stand():
    with pytest.raises(unroll.UserError, match=r"no cell named '@'\. `unroll cells` lists"):
        cell_factory("@")


def test_options_go_to_the_constructor():
    assert cell_factory("rnn_relu")(3, 4).nonlinearity == "relu"
    assert cell_factory("gru", bias=False)(3, 4).bias is False


def test_the_names_cost_no_torch_and_one_cell_not_the_others():
    code = (
        "import sys, unroll, unroll.cells\n"
        "from unroll.cells import CELLS, cell_factory\n"
        "assert 'torch' not in sys.modules and len(CELLS) > 3\n"
        "cell_factory('lstm')(3, 4)\n"
        "assert 'unroll.cells.gru' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def stub_names(module):
    """What a type checker reads in a package's stub: each name with the module it comes from."""
    tree = ast.parse(Path(module.__file__).with_suffix(".pyi").read_text())
    return {
        alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_type_checkers_see_the_names_that_there_are():
    modules = unroll.cells.MODULES.items()
    assert stub_names(unroll.cells) == {name: f"unroll.cells.{file}" for name, file in modules}
    rooms = dict.fromkeys(unroll.ROOMS, "unroll")
    assert stub_names(unroll) == unroll.PUBLIC | {"__version__": "unroll.version"} | rooms


def test_the_stubs_are_what_make_stubs_writes():
    path = Path(__file__).parents[2] / ".ci" / "stubs.py"
    if not path.exists():
        pytest.skip("the folder .ci is in the repository alone")
    for stub, text in runpy.run_path(str(path))["stubs"]().items():
        assert stub.read_text() == text, f"{stub.name} is not the tables': run `make stubs`"


@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_sees_the_classes_and_refuses_unknown_names(tmp_path):
    (tmp_path / "user.py").write_text(
        "import unroll\n"
        "import unroll.cells\n"
        "reveal_type(unroll.MinGRUCell(3, 4))\n"
        "reveal_type(unroll.ZoneoutCell)\n"
        "unroll.NoSuchCell\n"
    )
    found = mypy(tmp_path)
    assert "user.py:3: note: Revealed type is" in found and "min_gru.MinGRUCell" in found
    assert "user.py:4: note: Revealed type is" in found and "zoneout.ZoneoutCell" in found
    assert 'user.py:5: error: Module has no attribute "NoSuchCell"' in found


def mypy(folder):
    """What mypy says of `user.py` in a folder; torch is not read, which would take a minute."""
    words = ["-m", "mypy", "--no-site-packages", "--ignore-missing-imports", "user.py"]
    environment = os.environ | {"MYPYPATH": str(Path(unroll.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert not done.stderr, done.stderr
    return done.stdout


def test_every_cell_is_public():
    for info in pkgutil.walk_packages(unroll.cells.__path__, "unroll.cells."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, Cell) and name not in INNER:
                assert unroll.PUBLIC.get(name) == "unroll.cells", name
                assert f"unroll.cells.{unroll.cells.MODULES[name]}" == info.name, name


def test_the_public_names_are_few_enough_to_read():
    assert len(unroll.__all__) <= 90
