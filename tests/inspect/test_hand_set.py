import json

import pytest
import torch
from safetensors.torch import save_file

import unroll
from unroll.errors import UserError
from unroll.inspect.hand_set import counter_weights, hand_set_weights, read_small, set_weights


def test_the_counter_counts():
    cell = unroll.LSTMCell(3, 1).double()
    set_weights(cell, counter_weights(["a", "b", "r"]), "counter")
    x = torch.eye(3, dtype=torch.float64)[torch.tensor([0, 0, 0, 1, 1, 0, 2, 0, 1])]
    record = unroll.Recording()
    unroll.unroll(cell, x[:, None], record=record)
    assert record.states["c"][:, 0, 0].tolist() == pytest.approx([1, 2, 3, 2, 1, 2, 0, 1, 0])


def test_weights_from_json_and_safetensors_are_the_same(tmp_path):
    weights = {"weight_ih": torch.arange(4.0).reshape(2, 2), "bias_ih": torch.ones(2)}
    save_file(weights, tmp_path / "w.safetensors")
    (tmp_path / "w.json").write_text(json.dumps({n: w.tolist() for n, w in weights.items()}))
    for name in ("w.json", "w.safetensors"):
        cell = unroll.RNNCell(2, 2)
        before = cell.weight_hh.detach().clone()
        set_weights(cell, hand_set_weights(str(tmp_path / name), []), name)
        assert torch.equal(cell.weight_ih, weights["weight_ih"])
        assert torch.equal(cell.weight_hh, before)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[1]", "expected an object such as"),
        ('{"weight_ih": [[1], [2, 3]]}', "weight_ih is no array of numbers"),
        ('{"weight_ih": "many"}', "weight_ih is no array of numbers"),
        ('{"weight_ix": [1]}', "which the cell does not have; expected weight_ih, weight_hh"),
        ('{"weight_ih": [[1, 2]]}', r"weight_ih is \[1, 2\]; the cell's is \[2, 2\]"),
        ("{", "JSON"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, content, sentence):
    file = tmp_path / "w.json"
    file.write_text(content)
    with pytest.raises(UserError, match=sentence) as error:
        set_weights(unroll.RNNCell(2, 2), hand_set_weights(str(file), []), str(file))
    assert len(str(error.value)) < 300 + len(str(file))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"There is no file .*nothing.json"):
        hand_set_weights(str(tmp_path / "nothing.json"), [])
    (tmp_path / "w.safetensors").write_bytes(b"no")
    with pytest.raises(UserError, match="is no safetensors"):
        hand_set_weights(str(tmp_path / "w.safetensors"), [])
    with pytest.raises(UserError, match="is for the cell lstm"):
        set_weights(unroll.GRUCell(1, 1), counter_weights(["a"]), "counter")


def test_a_file_is_read_whole_or_refused(tmp_path):
    file = tmp_path / "x.csv"
    file.write_bytes(b"1" * 2**20)
    assert len(read_small(file, "x.csv", 2**20)) == 2**20
    file.write_bytes(b"1" * (2**20 + 1))
    with pytest.raises(UserError, match="larger than 1 MiB"):
        read_small(file, "x.csv", 2**20)
