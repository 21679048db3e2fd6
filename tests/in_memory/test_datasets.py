import numpy as np
import pandas
import torch

from unroll.in_memory.datasets import class_names, items_of, plain_item


class Pairs(torch.utils.data.Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, place):
        return torch.ones(3, 2) * place, torch.tensor(place)


class ClassLabel:
    names = ("neg", "pos")


class Reviews:  # as a data set of Hugging Face
    def __init__(self):
        self.features = {"text": None, "label": ClassLabel()}

    def __iter__(self):
        yield {"text": "a", "label": 1}
        yield {"text": "b", "label": -1}


def test_a_data_set_of_torch_is_read_by_place():
    items = items_of(Pairs())
    assert len(items) == 2 and items[1][0].shape == (3, 2)


def test_classes_get_their_names():
    assert class_names(Reviews()) == {"label": ["neg", "pos"]}
    assert [record["label"] for record in items_of(Reviews())] == ["pos", -1]


def test_scalars_become_numbers():
    assert plain_item(torch.tensor(3)) == 3 and plain_item(np.float64(0.5)) == 0.5


def test_arrays_of_pandas_are_lists():
    assert items_of(pandas.Categorical(["a", "b"])) == ["a", "b"]
    assert items_of(pandas.array([1, 0], dtype="Int64")) == [1, 0]
    assert items_of(pandas.Index(["a"])) == ["a"]
