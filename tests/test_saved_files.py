"""Files of a run are read whole, of a known form, never through a link and never without an end."""

import json
import os
from dataclasses import dataclass

import pytest

from unroll.saved_files import (
    STRICT,
    Damaged,
    check_folder,
    is_listed,
    parse_json,
    read_record,
    read_regular,
    read_whole,
)
from unroll.training.files import write_folder


@dataclass
class Fruit:
    __pydantic_config__ = STRICT
    name: str
    seeds: tuple[int, ...]
    weight: float = 1.0


def saved(tmp_path, content):
    write_folder(tmp_path / "run", {"a.json": content})
    return tmp_path / "run"


def test_a_record_comes_back_as_its_class(tmp_path):
    folder = saved(tmp_path, b'{"name": "\xed\xa0\x80", "seeds": [1, 2]}')
    assert read_record(folder, "a.json", Fruit) == Fruit("\ud800", (1, 2))
    assert is_listed(folder, "a.json") and not is_listed(folder, "b.json")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" * 40 + b"]" * 40, "nested too deeply"),
        (b"1" * 5000, "not JSON"),
        (b"\xff", "not JSON"),
        (b"null", "it holds None"),
        (b'{"name": 1, "seeds": []}', "name is 1"),
        (b'{"name": "a", "seeds": [1, "x"]}', "seeds.1 is 'x'"),
        (b'{"name": "a", "seeds": [], "weight": NaN}', "NaN is not a number"),
        (b'{"name": "a", "seeds": [], "weight": 1e999}', "weight is inf"),
        (b'{"name": "a", "seeds": [], "colour": 1}', "colour is 1"),
        (b'{"name": "a"}', "seeds"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path, content, word):
    with pytest.raises(Damaged) as error:
        read_record(saved(tmp_path, content), "a.json", Fruit)
    sentence = str(error.value).replace(str(tmp_path), "")
    assert "/run/a.json" in sentence and word in sentence and len(sentence) < 300


def test_metrics_may_be_infinite(tmp_path):
    assert parse_json(b"[Infinity]", tmp_path, finite=False) == [float("inf")]


def test_what_is_read_is_listed(tmp_path):
    folder = saved(tmp_path, b"[]")
    (folder / "manifest.json").write_bytes(b"{}")
    for look in (read_whole, lambda folder, name: check_folder(folder, {name})):
        with pytest.raises(Damaged, match=r"a\.json is not listed in manifest\.json"):
            look(folder, "a.json")
    check_folder(folder, {"not there"})


def test_a_pipe_and_a_device_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path.parent / "..", "/dev/zero"):
        with pytest.raises(Damaged, match="is not a file"):
            read_regular(type(tmp_path)(path))


def test_a_file_that_is_too_long_is_not_read(tmp_path):
    (tmp_path / "a").write_bytes(json.dumps("x" * 100).encode())
    with pytest.raises(Damaged, match="has 102 bytes; expected at most 50"):
        read_regular(tmp_path / "a", 50)
