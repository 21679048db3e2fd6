import numpy as np

from unroll.inspect.task_pictures.numbered_map import draw_numbered_map, legend_of, visible


def test_columns_are_numbered_and_named_below():
    drawing = draw_numbered_map(np.eye(2), ["le", "chat"], ["the", "cat"], "it")
    svg = drawing.svg()
    assert ">1</text>" in svg and "1 the · 2 cat" in svg and ">chat</text>" in svg
    assert drawing.png()[:4] == b"\x89PNG"


def test_letters_need_no_numbers_and_many_names_go_on():
    assert legend_of([*"la vie", "<eos>"])[0].startswith("l · a · ␣")
    assert len(legend_of([f"word{n}" for n in range(20)])) > 2 and visible("") == "∅"
