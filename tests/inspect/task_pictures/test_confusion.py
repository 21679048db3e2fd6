import numpy as np

from unroll.inspect.task_pictures.confusion import draw_confused_pairs, draw_confusion


def test_long_names_of_columns_are_numbers():
    counts = np.array([[3, 1], [0, 2]])
    assert ">a</text>" in draw_confusion(counts, ["a", "b"]).svg()
    wide = draw_confusion(np.eye(9, dtype=int), [f"a long name {n}" for n in range(9)]).svg()
    assert ">1 a long name 0</text>" in wide and ">9</text>" in wide
    assert "a predicted as b: 1 (25%)" in draw_confusion(counts, ["a", "b"]).svg()


def test_pairs_are_bars():
    assert "a as b" in draw_confused_pairs([("a", "b", 3)]).svg()
    assert "nothing is confused" in draw_confused_pairs([]).svg()
