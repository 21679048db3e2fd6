import math

from unroll.inspect.text_rows import WIDTH, label_marks, levels_of, text_with_rows


def test_words_have_spaces_and_rows_stand_below_their_tokens():
    lines = text_with_rows(["the", ",", "cats"], True, ["+=#", "0 1"])
    assert lines == ["  the , cats", "  +++ = ####", "  000   1111"]
    assert text_with_rows(list("a\nb"), False, ["012"]) == ["  a\\nb", "  0112"]
    assert text_with_rows(["ab", "c", "de"], False, ["xyz"]) == ["  ab cde", "  xx yzz"]


def test_long_texts_are_wrapped():
    lines = text_with_rows(["word"] * 40, True, ["1" * 40])
    assert len(lines) == 6 and all(len(line) <= WIDTH + 2 for line in lines)
    assert sum(line.count("word") for line in lines) == 40


def test_numbers_as_characters():
    assert levels_of([-2.0, 0.0, 2.0, math.nan]) == ["=", ".", "#", " "]
    assert label_marks([0.0, 1.0, 12.0, -3.0, math.nan]) == ["0", "1", "+", "-", " "]
