import re
import signal

import numpy as np
import pytest
import torch

from unroll.errors import UserError
from unroll.learn.exercise import Code, Number, OneOf, Word


def test_a_number_may_be_off_by_a_hundredth_or_as_asked():
    assert Number(0.5).judge("0.504").right and not Number(0.5).judge("0.506").right
    assert Number(45, within=0).judge("45.0").right and not Number(45, within=0).judge(46).right
    assert Number(0.73).judge(" 73 %").right and Number(-0.5).judge("-0.5").right
    assert Number(0.75).judge("3/4").right and Number(0.75).judge("3 / 4").right
    assert Number(0.73).judge("73").remark == "If that is a percentage, write 73 %."
    for wrong in ("half", "", None, [1, 2], "1/0", "a/b"):
        with pytest.raises(UserError, match="expected a number"):
            Number(1).judge(wrong)


def test_a_choice_has_one_true_sentence():
    choice = OneOf(a=False, b=2 > 1)
    assert choice.judge("B.").right and not choice.judge("a").right and choice.solution == "b"
    with pytest.raises(UserError, match="one of the letters a, b"):
        choice.judge("c")
    with pytest.raises(RuntimeError):
        OneOf(a=True, b=True)


def test_a_word_counts_in_any_case():
    assert Word("o").judge(" 'O' ").right and not Word("o").judge("l").right


def double(x):
    return 2 * x


def test_a_function_is_compared_with_ours_case_by_case():
    code = Code("double", double, [(1.0,), (np.ones(2),)])
    assert code.judge(lambda x: x + x).right
    assert code.judge(lambda x: torch.as_tensor(x) * 2).right
    verdict = code.judge(lambda x: x)
    assert not verdict.right and verdict.remark == "double(1.0) gives 1.0; ours gives 2.0."
    assert not code.judge(lambda x: [2 * x]).right  # another shape
    assert "line" in code.judge(lambda x: x / "a").remark
    assert "not numbers" in code.judge(lambda x: "two").remark


def test_texts_are_compared_exactly():
    code = Code("letters", list, [("ab",)])
    assert code.judge(lambda text: ["a", "b"]).right and not code.judge(lambda text: ["a"]).right


def test_lists_of_arrays_are_compared_each_by_each():
    code = Code("parts", lambda: [np.ones(2), np.zeros((1, 2))], [()])
    assert code.judge(lambda: [[1, 1], torch.zeros(1, 2)]).right
    for wrong in ([np.ones(2)], [np.ones(2), np.ones((1, 2))], 1.0):
        assert not code.judge(lambda wrong=wrong: wrong).right
    assert "gives" in code.judge(lambda: [np.ones(2)]).remark


def test_a_function_cannot_change_the_numbers_of_the_next_call():
    def careless(x):
        x *= 2
        return x

    assert Code("double", double, [(np.ones(2),)] * 2).judge(careless).right


def test_what_a_function_prints_does_not_mix_with_json(capsys):
    assert Code("double", double, [(1.0,)]).judge(lambda x: print("hello") or 2 * x).right
    assert capsys.readouterr() == ("", "hello\n")


def test_a_function_may_stand_in_a_file(tmp_path):
    code = Code("double", double, [(1.0,)])
    file = tmp_path / "mine.py"
    file.write_text("def double(x):\n    return 2 * x\n")
    assert code.judge(str(file)).right
    file.write_text("def double(x):\n    return 2 x\n")
    assert "SyntaxError, line 2" in code.judge(str(file)).remark
    assert not code.judge(str(file)).judged
    file.write_text("import numpyy\n")
    assert "ModuleNotFoundError, line 1" in code.judge(str(file)).remark
    file.write_text("import sys\n\nsys.exit(3)\n")
    assert "SystemExit, line 3" in code.judge(str(file)).remark
    file.write_text("def other(x):\n    return 2 * x\n")
    with pytest.raises(UserError, match="has no function double"):
        code.judge(str(file))
    with pytest.raises(UserError, match=r"There is no file .*none\.py"):
        code.judge(str(tmp_path / "none.py"))
    for wrong in (tmp_path / "none.py", tmp_path):
        with pytest.raises(UserError, match="expected a file of Python with the function double"):
            code.judge(str(wrong))


def test_an_endless_loop_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("unroll.learn.exercise.SECONDS", 0.3)
    file = tmp_path / "mine.py"
    file.write_text("def step(x):\n    while True:\n        x = x\n")
    verdict = Code("step", lambda x: x, [(1,)]).judge(str(file))
    assert not verdict.right
    assert re.search(r"line [23]: no end after 0.3 seconds", verdict.remark)
    assert "TypeError: " in Code("step", max, [(1, 2)]).judge(str.upper).remark  # no line of theirs
    file.write_text("while True:\n    pass\n")
    assert "no end after" in Code("step", lambda x: x, [(1,)]).judge(str(file)).remark
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
