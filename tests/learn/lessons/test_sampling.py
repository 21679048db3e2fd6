import pytest

from unroll.learn.lessons.sampling import drawn, exercises, files, with_temperature


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_of_the_exercise_is_that_of_generate(temperature):
    p = (0.6, 0.3, 0.1)
    assert with_temperature(list(p), temperature) == pytest.approx(
        drawn(p, temperature=temperature), rel=1e-5
    )


def test_answers(tmp_path):
    share, kept, code = exercises(tmp_path)
    assert share.value == pytest.approx(0.64 / 0.68, rel=1e-5) and kept.solution == "b"
    assert code.judge(code.solution).right and list(files()) == ["pears.txt"]
