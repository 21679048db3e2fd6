import json

import numpy as np

from unroll.inspect.task_pictures.clips import clip_results, runs_of
from unroll.tasks.pictures import ClipStrip, ClipStrips

P = np.array([[0.2, 0.8], [0.9, 0.1]])


def results(clip, per_frame=False):
    return clip_results(ClipStrips([clip], ["left", "right"], per_frame, 3), "it", {})


def test_the_frames_stand_above_the_probabilities():
    frames = np.zeros((2, 4, 6, 3), dtype=np.uint8)
    found = results(ClipStrip("a.png", frames, [1, 2], [1, 2], P, ["right"], ["left"]))
    svg = found.svg("clip")
    assert svg.count("<image") == 2 and "a.png: right, taken for left" in svg
    assert svg.count('class="curve') >= 2 and found.png()[:4] == b"\x89PNG"
    assert found.csv().splitlines()[1:] == ["1,0.2,0.8", "2,0.9,0.1"]
    assert found.table()[1] == ["a.png", "right", "left", "90%"]
    assert "1 clip of 3, 1 of them with a mistake" in found.sentences()[0]
    assert json.dumps(found.as_dict(), allow_nan=False) and "<section" in found.html()


def test_numbers_are_curves_and_labels_of_frames_are_short():
    numbers = np.arange(8.0).reshape(2, 4)
    labels = ["left", "right"]
    found = results(ClipStrip("a", numbers, [], [1, 2], P, labels, labels), per_frame=True)
    assert "number 1, scaled" in found.svg() and "<image" not in found.svg()
    assert runs_of(["a", "a", "b"]) == "a x2, b x1" and runs_of(["a", "a"]) == "a"
    one = results(ClipStrip("a", numbers[:1], [], [1], P[:1], ["right"], ["right"]))
    assert one.svg().count('class="curve') >= 2
