"""What a file is for: the plain is read, what may be several things is asked."""

import json
import os
import subprocess
import sys

import pytest

from unroll.errors import UserError
from unroll.tasks import guess_task

TEXTS = [
    (f"the {w} was {a} and {b} to the end number {k}", y)
    for k, (w, a, b, y) in enumerate(
        [("trip", "stale", "dull", "bad"), ("book", "clever", "bright", "good")] * 20
    )
]


def lines(form, rows=TEXTS):
    return "".join(form(*row) + "\n" for row in rows)


def jsonl(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


PLAIN = {
    "fasttext.txt": (lines(lambda t, y: f"__label__{y} {t}"), "classify"),
    "semicolons.csv": (lines(lambda t, y: f"{t};{y}"), "classify"),
    "UPPER.CSV": ("text,label\n" + lines(lambda t, y: f"{t},{y}"), "classify"),
    "pipes.psv": (lines(lambda t, y: f"{y}|{t}"), "classify"),
    "list.json": (json.dumps([{"text": t, "label": y} for t, y in TEXTS]), "classify"),
    "several.jsonl": (jsonl(*({"text": t, "labels": [y]} for t, y in TEXTS)), "classify"),
    "other.jsonl": (jsonl(*({"text": t, "source": y} for t, y in TEXTS)), "language"),
    "poem.txt": ("A rose, it is\na rose that is\n" * 9, "language"),
    "chat.txt": ("Ann: hello there, Bob\nBob: hi, Ann\n" * 20, "language"),
    "pairs.txt": (lines(lambda t, y: f"{t}\t{t[::-1]}"), "translate"),
    "further.txt": (lines(lambda t, y: f"{t}\t{t[::-1]}\tCC-BY 2.0 ({t})"), "translate"),
    "pairs.csv": ("source,target\n" + lines(lambda t, y: f"{t},{t[::-1]}"), "translate"),
    "tokens.jsonl": (jsonl(*[{"tokens": ["a", "b"], "ner_tags": ["O", "B-X"]}] * 9), "tag"),
    "spans.jsonl": (jsonl(*[{"text": "a b", "entities": [[0, 1, "X"]]}] * 9), "tag"),
    "ner.csv": ("Sentence #,Word,POS,Tag\n" + "Sentence: 1,The,DT,O\n,cat,NN,B-x\n" * 9, "tag"),
    "words.TXT": ("the\tO\ncat\tB-animal\n\n" * 9, "tag"),
    "load.csv": (
        "day;load\n" + "".join(f"2023-01-{k:02};{k},5\n" for k in range(1, 29)),
        "forecast",
    ),
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_plain_is_read(tmp_path, name):
    content, task = PLAIN[name]
    (tmp_path / name).write_text(content)
    assert guess_task(str(tmp_path / name), {})[0] == task


ASKED = {
    "tabs.txt": (lines(lambda t, y: f"{y}\t{t}"), ["--task classify", "--task language"]),
    "pipes.txt": (lines(lambda t, y: f"{t}|{y}"), ["--task classify"]),
    "records.txt": (jsonl(*({"text": t, "label": y} for t, y in TEXTS)), ["--task classify"]),
    "fields.jsonl": (jsonl(*({"body": t, "n": k} for k, (t, _) in enumerate(TEXTS))), ["--text"]),
    "other.jsonl": (jsonl(*({"body": t, "kind": y} for t, y in TEXTS)), ["--task classify"]),
    "numbered.txt": (
        lines(lambda t, y: f"{hash(t)}\t{t}\t{t[::-1]}"),
        ["3 columns, separated by tabs", "translate"],
    ),
    "tagged.txt": ("The/DT cat/NN sat/VBD on/IN the/DT mat/NN ./.\n" * 9, ["--task tag"]),
    "tunes.txt": ("X:1\nT:One\nM:4/4\nK:G\nGABc|\n\n" * 9, ["--task music"]),
    "series.dat": (
        "date,y\n" + "".join(f"2023-01-{k:02},{k}\n" for k in range(1, 29)),
        ["--task forecast"],
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_may_be_several_things_is_asked(tmp_path, name):
    content, expected = ASKED[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError) as asked:
        guess_task(str(tmp_path / name), {})
    assert all(words in str(asked.value) for words in [name, *expected])
    if name.endswith(".txt"):  # a setting that only a language model has is an answer
        assert guess_task(str(tmp_path / name), {"per_line": True})[0] == "language"


def test_what_can_be_no_data_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "wide.txt").write_bytes("hello".encode("utf-16"))
    (tmp_path / "cut.csv.gz").write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\0xx")
    (tmp_path / "empty.csv").touch()
    for path, said in {
        "": "The name of the data is empty",
        " ": "The name of the data is empty",
        "/dev/zero": "is a device",
        str(tmp_path / "pipe.txt"): "is a named pipe",
        str(tmp_path / "wide.txt"): "UTF-16",
        str(tmp_path / "cut.csv.gz"): "not a complete gzip file",
        str(tmp_path / "empty.csv"): "is empty",
        str(tmp_path / "none.txt"): "There is no file",
    }.items():
        with pytest.raises(UserError, match=said):
            guess_task(path, {})


def test_a_guess_loads_no_torch(tmp_path):
    (tmp_path / "a.csv").write_text(PLAIN["UPPER.CSV"][0])
    code = (
        "import sys; from unroll.tasks import guess_task; guess_task(sys.argv[1], {}); "
        "assert not {'torch', 'pyarrow', 'openpyxl'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "a.csv"], check=True)


def test_a_table_of_no_task_is_told_with_its_columns(tmp_path):
    lines = [f"2024-01-01 10:00:{k:02},{k % 5},{'ab'[k % 2]}" for k in range(50)]
    (tmp_path / "sensors.csv").write_text("time,x,activity\n" + "\n".join(lines))
    with pytest.raises(UserError, match=r"the columns time, x, activity.* --set id=COLUMN"):
        guess_task(str(tmp_path / "sensors.csv"), {})
    given = {"id": "activity", "label": "activity"}
    assert guess_task(str(tmp_path / "sensors.csv"), given)[0] == "classify"
