from unroll.learn.lessons.directions import adding, both, exercises, files


def test_both_directions_meet_at_every_step():
    assert both(adding, adding, [1, 2, 4]) == [(1, 7), (3, 6), (7, 4)]
    assert both(adding, adding, []) == []


def test_answers(tmp_path):
    width, seen, code = exercises(tmp_path)
    assert width.solution == 128 and seen.solution == "a"
    assert code.judge(code.solution).right
    assert not code.judge(lambda f, b, xs: both(f, f, xs)).right
    assert list(files()) == ["teddy.conll"]
