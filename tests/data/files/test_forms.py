"""The form of a file is found by its content."""

import gzip
import json

import pytest

from unroll.data.files.forms import find_form, suffix_of
from unroll.errors import UserError

ONE = json.dumps({"text": "a", "label": 1})


@pytest.mark.parametrize(
    "name,content,kind",
    [
        ("a.csv", "text,label\n", "separated"),
        ("A.CSV", "text,label\n", "separated"),
        ("a.csv", f"{ONE}\n{ONE}\n", "json lines"),
        ("a.jsonl", f"{ONE}\n", "json lines"),
        ("a.NDJSON", f"{ONE}\n{ONE}", "json lines"),
        ("a.json", f"{ONE}\n{ONE}", "json lines"),
        ("a.json", f"[{ONE}, {ONE}]", "json list"),
        ("a.json", f"[\n{ONE},\n{ONE}\n]", "json list"),
        ("a.jsonl", f"[{ONE}, {ONE}]", "json list"),
        ("a.json", ONE, "json list"),
        ("a.jsonl", '["a", "good"]\n["b", "bad"]', "json lines"),
        ("a.json", '[["a", "good"], ["b", "bad"]]', "json list"),
        ("a.txt", "[1] A note.\n[2] Another.\n", "text"),
        ("a.txt", "[Verse 1]\nla la\n", "text"),
        ("a.txt", "a poem, of one\nor more lines\n", "text"),
        ("a.txt", "one\ttwo\nthree\tfour\n", "separated"),
        ("a.ts", "one,two\nthree,four\n", "separated"),
        ("a.arff", "@attribute x numeric\n@data\n1\n", "arff"),
        ("a.txt", "__label__x some words\n__label__y __label__z others\n", "labelled lines"),
        ("a.npy", b"\x93NUMPY\x01\0", "arrays"),
        ("a.bin", b"PAR1", "parquet"),
        ("empty.csv", "", "separated"),
        ("empty.txt", "", "text"),
    ],
)
def test_kinds(tmp_path, name, content, kind):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert find_form(path, name).kind == kind
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert find_form(path, name).kind == (kind if isinstance(content, str) else "text")


def test_suffixes():
    names = {"a.csv": ".csv", "A.CSV.GZ": ".csv", "a.b.tsv.zip": ".tsv", "a": "", "a.gz": ""}
    from pathlib import Path

    assert {name: suffix_of(Path(name)) for name in names} == names


def test_the_first_line_of_excel_names_the_separator(tmp_path):
    (tmp_path / "a.csv").write_text("sep=;\nx;y\n1,5;2\n")
    form = find_form(tmp_path / "a.csv", "a.csv")
    assert form.separator.character == ";" and form.first_line == 2


def test_what_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes("text,label\n".encode("utf-16"))
    (tmp_path / "a.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    for name, said in {"a.csv": "UTF-16", "a.xls": "old Excel", "none.csv": "no file"}.items():
        with pytest.raises(UserError, match=said):
            find_form(tmp_path / name, name)
