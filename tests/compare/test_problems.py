from unroll.compare.problems import PROBLEMS


def test_every_problem_is_known_by_its_name():
    assert set(PROBLEMS) == {
        "hello",
        "agreement",
        "counting",
        "copy",
        "reversal",
        "adding",
        "names",
    }
    for name, kind in PROBLEMS.items():
        problem = kind()
        assert kind.name == name and problem.title and problem.distance and kind.__doc__
        assert set(problem.tested) and problem.steps > 0
