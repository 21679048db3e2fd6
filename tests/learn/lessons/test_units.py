import pytest

from unroll.learn.lessons.units import LONGEST, auc, exercises, files


def test_the_auc_of_the_exercise_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")
    inside, outside = [0.3, 0.9, 0.3, -1.0], [0.3, 0.1, 2.0]
    expected = metrics.roc_auc_score([1] * 4 + [0] * 3, inside + outside)
    assert auc(inside, outside) == pytest.approx(expected)


def test_the_sentences_agree_and_are_short():
    lines = files()["plural.txt"].splitlines()
    assert len(lines) > 1000
    for line in lines:
        words = line.split()
        assert len(words) <= LONGEST
        assert ("were" in words) == words[1].endswith("s")


def test_answers(tmp_path):
    share, tells, code = exercises(tmp_path)
    assert share.value == pytest.approx(5 / 6) and tells.solution == "b"
    assert code.judge(code.solution).right
