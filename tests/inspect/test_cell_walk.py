import json

import pytest
import torch

from unroll.errors import UserError
from unroll.inspect import walk_of_cell


def test_the_numbers_are_those_of_torch():
    walk = walk_of_cell("lstm", "hello", hidden=2, seed=3)
    torch.manual_seed(3)
    cell = torch.nn.LSTMCell(4, 2).double()
    state = None
    assert walk.inputs == list("hello") and walk.x.argmax(1).tolist() == [0, 1, 2, 2, 3]
    for t, x in enumerate(walk.x):
        state = cell(x[None], state)
        torch.testing.assert_close(walk.values["h"][t], state[0][0])
        torch.testing.assert_close(walk.values["c"][t], state[1][0])


def test_a_fresh_cell_does_not_move_the_generator():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    walk_of_cell("gru", "ab")
    assert torch.equal(torch.get_rng_state(), before)


def test_text_dict_table_page_and_pictures_agree():
    walk = walk_of_cell("lstm", "aab", weights="counter", notation="karpathy")
    steps = walk.as_dict()["steps"]
    assert [step["c_t"] for step in steps] == [[1], [2], [1]]
    assert json.loads(json.dumps(walk.as_dict())) == walk.as_dict()
    assert [row[3] for row in walk.table() if row[2] == "c_t"] == ["1.000", "2.000", "1.000"]
    assert "c_t = f ⊙ c_{t-1} + i ⊙ g" in walk.text() and "Step 3, b: x = 0 1" in walk.text()
    assert list(walk.pictures()) == ["step", *(f"figure {k}" for k in range(1, 5)), "unrolled"]
    page = walk.html()
    for words in ("3. The new memory", "forget gate", "h0, c0", "W_xf", "<summary>Weights"):
        assert words in page
    assert "c_t,2.000" in walk.csv("unrolled")


def test_pictures_show_the_step_that_was_asked_for():
    first = walk_of_cell("lstm", "ab", weights="counter", at=1)
    assert "1.00" in first.svg("figure 3") and "a at step 1" in first.svg()
    assert "b at step 2" in walk_of_cell("lstm", "ab").svg()


def test_numbers_from_a_file(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("0.5,-1\n2,0\n")
    walk = walk_of_cell("rnn", numbers=str(file))
    assert walk.x.tolist() == [[0.5, -1], [2, 0]] and walk.inputs == ["0.5 -1", "2 0"]
    for content, sentence in (
        ("1,2\n1,x\n", "line 2: .* is not all numbers"),
        ("1,2\n1\n", "line 2 has 1 numbers; expected 2"),
        ("", "is empty"),
    ):
        file.write_text(content)
        with pytest.raises(UserError, match=sentence):
            walk_of_cell("rnn", numbers=str(file))


@pytest.mark.parametrize(
    "name", ["irnn", "jordan", "coupled_lstm", "slstm", "clockwork", "sru", "lru"]
)
def test_cells_of_all_kinds_are_walked(name):
    walk = walk_of_cell(name, hidden=4)
    assert walk.parts and not walk.refusal
    assert "Step 5, o" in walk.text()
    assert walk.lines or all(value.equation for value in walk.all_values)


def test_cells_with_options_and_cells_of_ones_own(tmp_path):
    walk = walk_of_cell("projected_lstm", cell_options='{"proj_size": 2}')
    assert walk.values["h"].shape == (5, 2) and "unit 3" in walk.table()[0]
    file = tmp_path / "own.py"
    file.write_text(
        "import torch, unroll\n"
        "class Sum(unroll.Cell):\n"
        "    def forward(self, x, h):\n"
        "        h = h + self.tap(total=x.sum(1, keepdim=True))\n"
        "        return h, h\n"
    )
    own = walk_of_cell(f"{file}:Sum", hidden=1)
    assert own.values["h"][:, 0].tolist() == [1, 2, 3, 4, 5]
    assert "total" in own.text()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"text": ""}, "TEXT is empty"),
        ({"text": "a" * 201}, "has 201 steps; expected at most 200"),
        ({"hidden": 0}, "--hidden got 0; expected 1 to 64"),
        ({"at": 6}, "--at got 6; expected a step from 1 to 5"),
        ({"text": "a", "numbers": "x.csv"}, "Both TEXT and --numbers"),
        ({"name": "lstn"}, "lstn"),
    ],
)
def test_what_cannot_be_walked_is_refused(given, sentence):
    with pytest.raises(UserError, match=sentence):
        walk_of_cell(**given)
