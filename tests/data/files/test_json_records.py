"""JSON in every form that people keep records in."""

import json

import pytest

from unroll.data.files import json_records
from unroll.data.files.json_records import json_lines, json_values
from unroll.data.problems import Problems
from unroll.errors import UserError

RECORDS = [{"text": "é\n[", "label": 1}, {"text": 'b"', "label": 2}]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(RECORDS),
        json.dumps(RECORDS, indent=2, ensure_ascii=False),
        "\n\n".join(json.dumps(each, indent=1) for each in RECORDS),
        json.dumps({"version": "1", "data": RECORDS}),
        json.dumps({"text": [r["text"] for r in RECORDS], "label": [1, 2]}),
        json.dumps({k: {str(n): r[k] for n, r in enumerate(RECORDS)} for k in ("text", "label")}),
        json.dumps({"columns": ["text", "label"], "data": [list(r.values()) for r in RECORDS]}),
        "\ufeff" + json.dumps(RECORDS),
    ],
)
@pytest.mark.parametrize("block", [1, 7, 1 << 16])
def test_records_are_the_same_in_every_form(tmp_path, monkeypatch, text, block):
    monkeypatch.setattr(json_records, "BLOCK", block)
    if block < 3 and text[0] == "\ufeff":
        pytest.skip("a mark is read whole")
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    assert [value for _, value in json_values(tmp_path / "a.json", "a.json")] == RECORDS


def test_a_record_on_several_lines_has_the_line_where_it_begins(tmp_path):
    (tmp_path / "a.json").write_text('[\n{"a":\n 1},\n\n{"a": 2}]')
    assert [line for line, _ in json_values(tmp_path / "a.json", "a")] == [2, 5]
    (tmp_path / "a.json").write_text("[12, 3]")
    assert list(json_values(tmp_path / "a.json", "a")) == [(1, 12), (1, 3)]


@pytest.mark.parametrize(
    "content,said",
    [
        (b'[{"a": 1},\n{"a" 2}]', "line 2: not JSON"),
        (b'[{"a": 1},\n{"a": 2}', "line 2: the list has no end"),
        (b"[" * 100_000, "line 1: not JSON"),
        (b'[{"a": "\xe9"}]', "not UTF-8 (byte 0xE9)"),
        ('[{"a": 1}]'.encode("utf-16"), "UTF-16, not UTF-8"),
    ],
)
def test_what_is_no_json_is_told_with_its_line(tmp_path, content, said):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError) as error:
        list(json_values(tmp_path / "a.json", "a.json"))
    assert said in str(error.value) and "a.json" in str(error.value)


def test_a_record_that_is_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(json_records, "LONGEST_VALUE", 1000)
    monkeypatch.setattr(json_records, "BLOCK", 64)
    (tmp_path / "a.json").write_text(json.dumps([{"a": 1}, {"a": "x" * 9000}]))
    with pytest.raises(UserError, match="line 1: a record of more than"):
        list(json_values(tmp_path / "a.json", "a.json"))


def test_lines_of_json(tmp_path):
    (tmp_path / "a").write_text('{"a": 1}\n\nnope\n[1, 2]\n')
    problems = Problems(skip=True)
    assert list(json_lines(tmp_path / "a", "a", problems)) == [(1, {"a": 1}), (4, [1, 2])]
    assert "a, line 3: not JSON" in problems.messages()[1]
