import json
import os

import pytest

from unroll.errors import UserError
from unroll.learn.lesson import all_lessons
from unroll.learn.notebook import file_name, notebook_of, write_notebooks

QUICK = {3}  # lessons whose notebook every test run executes; it has data, too


def test_notebooks_are_valid_and_kept(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    written = write_notebooks(tmp_path / "notebooks")
    assert len(written) == len(all_lessons())
    for path in written:
        nbformat.validate(nbformat.read(path, as_version=4))
    written[0].write_text("mine")
    assert write_notebooks(tmp_path / "notebooks") == []
    assert written[0].read_text() == "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be used for notebooks"):
        write_notebooks(tmp_path / "file", 1)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(lesson.number, marks=() if lesson.number in QUICK else pytest.mark.slow)
        for lesson in all_lessons()
    ],
)
def test_a_notebook_shows_its_picture_and_checks_answers(number, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    lesson = next(lesson for lesson in all_lessons() if lesson.number == number)
    notebook = nbformat.from_dict(notebook_of(lesson))
    assert file_name(lesson) == f"{number:02}-{lesson.name}"
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute(env=os.environ | {"OMP_NUM_THREADS": "1"})
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    shown = json.dumps(outputs)
    assert "<svg" in shown and "0 of 3 right." in shown
