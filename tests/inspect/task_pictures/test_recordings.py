import json
import math

import numpy as np

from unroll.inspect.task_pictures.recordings import recording_results, word_errors
from unroll.tasks.pictures import RecognisedRecord, RecognisedRecords


def record(reference, output, strokes=None, unit="s"):
    features = np.arange(12.0).reshape(4, 3)
    words = [(word, float(k), k + 0.5) for k, word in enumerate(output.split())]
    peaks = [(0.25, "a", 0.9), (1.0, " ", 0.4)]
    return RecognisedRecord("a.wav", reference, output, features, strokes, 2.0, unit, words, peaks)


def results(*records, kind="audio"):
    return recording_results(RecognisedRecords(records, kind, 9), "it", {})


def test_words_and_peaks_stand_at_their_times():
    found = results(record("a pear", "a pair"), record("tree", "tree"))
    assert "1 of 2 recordings are read without an error; 1 of 3 words differ" in found.text()
    svg = found.svg("record")
    assert "pair: 1 to 1.5s" in svg and "read as: a pair" in svg and "90% at 0.25s" in svg
    assert svg.count("<image") == 1 and found.png()[:4] == b"\x89PNG"
    assert "a <del>pear</del>" in found.html() and "a <ins>pair</ins>" in found.html()
    assert found.table()[2] == ["a.wav", "pair", "1s", "1.5s"] and list(found.pictures()) == [
        "record",
        "record 2",
    ]
    assert found.conditions["records"] == "2 of 9, evenly spread"
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_strokes_are_a_path():
    path = np.array([[0.0, 0.0], [1.0, 1.0], [math.nan, math.nan], [2.0, 0.0], [2.0, 1.0]])
    found = results(record("l", "", path, ""), kind="strokes")
    assert "<image" not in found.svg() and "read as: nothing" in found.svg()
    assert found.sentences()[0].startswith("0 of 1 line")


def test_errors_are_words_that_are_missing_or_wrong():
    assert word_errors([record("a b c", "a x c"), record("d", "")]) == (4, 2)
