import math

import pytest

from unroll.learn.lessons.hello import exercises, files, pairs


def test_the_text_is_the_word_alone():
    assert files() == {"hello.txt": "hello"}


def test_answers(tmp_path):
    loss, share, code = exercises(tmp_path)
    assert math.exp(-loss.value) == pytest.approx(1 / 4) and share.value == 3 / 4
    assert pairs("hello") == [("h", "e"), ("e", "l"), ("l", "l"), ("l", "o")]
    assert code.judge(lambda text: [list(pair) for pair in pairs(text)]).right
    assert not code.judge(lambda text: pairs(text[:-1])).right
