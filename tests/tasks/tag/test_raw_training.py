"""Character networks learn a raw text in the steps or seconds that they get."""

import math

import pytest
import torch

from unroll.errors import UserError
from unroll.tasks.tag.raw_training import learn_raw_text, read_raw_text
from unroll.tasks.tag.settings import TagSettings

TEXT = "she runs fast and he left\n" * 100


@pytest.fixture
def path(tmp_path):
    (tmp_path / "big.txt").write_text(TEXT)
    return str(tmp_path / "big.txt")


def nats(sentences):
    return float(sentences[-1].split(": ")[1].split(" nats")[0])


def test_more_steps_know_the_text_better_and_other_random_numbers_stay(path):
    first, more = [], []
    torch.manual_seed(0)
    learn_raw_text(path, TagSettings(raw_size=16, raw_steps=1), first.append)
    drawn = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(3), drawn)
    again = learn_raw_text(path, TagSettings(raw_size=16, raw_steps=150), more.append)
    assert nats(more) < 0.6 * nats(first) < math.log(30)
    assert "2,600 characters of raw text" in more[0] and "for 150 steps" in more[0]
    same = learn_raw_text(path, TagSettings(raw_size=16, raw_steps=150), more.append)
    for name, weight in same.networks.state_dict().items():
        assert torch.equal(weight, again.networks.state_dict()[name])


def test_a_budget_of_seconds_gives_a_quarter(path):
    said = []
    learn_raw_text(path, TagSettings(raw_size=2, seconds=0.4), said.append)
    assert "learn it for 0.1 s" in said[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "a text of 0 characters; expected at least 1,000"),
        (b"short", "a text of 5 characters"),
        (b"\x00\x01" * 900, "binary data, not text"),
        (b"\xff\xe9" * 900, "not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, expected):
    path = tmp_path / "raw.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=expected):
        read_raw_text(str(path))


def test_a_text_that_is_missing_is_refused(tmp_path):
    with pytest.raises(UserError, match="no file or folder"):
        read_raw_text(str(tmp_path / "none.txt"))
    with pytest.raises(UserError, match="raw=- is not possible"):
        read_raw_text("-")


def test_a_folder_of_texts_is_read_in_order(tmp_path):
    for name in "ba":
        (tmp_path / f"{name}.txt").write_text(name * 600)
    assert read_raw_text(str(tmp_path)) == "a" * 600 + "\n" + "b" * 600
