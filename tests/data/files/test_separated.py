"""Separators are found by rows of one width; quotes are respected; reading is linear."""

import time

import pytest

from unroll.data.files.separated import Lines, Separator, find_separator, separated_rows
from unroll.data.problems import Problems


def numbered(text):
    return list(enumerate(text.split("\n"), 1))


@pytest.mark.parametrize(
    "text,usual,expected",
    [
        ("text,label\none,a\ntwo,b", ",", ","),
        ("text;label\none, two;a\nthree;b", ",", ";"),
        ("text;label\none, two;a\nthree, four;b\nfive, six;a", ",", ";"),
        ("text\tlabel\none, two\ta\nthree\tb", ",", "\t"),
        ("text|label\none, two|a\nthree|b", ",", "|"),
        ('text,label\n"one; two",a\n"three; four",b', ",", ","),
        ('text;label\n"one; two";a\n"three";b', ",", ";"),
        ("a,b\tc,d\ne,f\tg,h", "\t", "\t"),
        ("a,b\nc,d", "\t", ","),
        ("1,5;2,5\n2,5;3,5", ",", ";"),  # decimal commas
        ("date;load\n2023;15,79\n2024;16,10", ",", ";"),
        ("text,label\none,a\ntoo,many,cells\ntwo,b", ",", ","),  # one bad row
        ("no separator\nat all", ",", ","),
        ('LJ1|He said, "hello|and 5\'" tall', None, "|"),
        ("a line, of prose\nand, one more", None, None),
        ("some prose, with a comma\nand a line without", None, None),
        ("", None, None),
    ],
)
def test_the_separator_gives_rows_of_one_width(text, usual, expected):
    found, _ = find_separator(numbered(text), usual)
    assert (found and found.character) == expected


def rows(text, separator=",", quoted=True, problems=None):
    problems = problems or Problems(skip=True)
    return [
        (row.line, row.cells)
        for row in separated_rows(numbered(text), "a", Separator(separator, quoted), problems)
    ]


def test_quotes_hold_separators_and_line_ends_or_stand_for_themselves():
    assert rows('a;"b;""c""\nd"\n\ne;f', ";") == [(1, ["a", 'b;"c"\nd']), (4, ["e", "f"])]
    assert rows('a|"b"\n"c|d', "|", quoted=False) == [(1, ["a", "b"]), (2, ['"c', "d"])]


def test_after_an_open_quote_reading_goes_on_in_the_next_line():
    problems = Problems(skip=True)
    assert rows('a,b\n"x,b\nc,d\n', problems=problems) == [(1, ["a", "b"]), (3, ["c", "d"])]
    assert problems.count == 1


class CountedLines(Lines):
    """Lines that count how often one is handed out."""

    count = 0

    def __next__(self):
        CountedLines.count += 1
        return super().__next__()


@pytest.mark.parametrize("line", ['x","', '"', '"x', 'a\n"', '"a\nb"\n"'])
def test_lines_with_open_quotes_are_read_a_bounded_number_of_times(monkeypatch, line):
    monkeypatch.setattr("unroll.data.files.separated.Lines", CountedLines)
    work = []
    for count in (5_000, 10_000):
        CountedLines.count = 0
        rows("\n".join([line] * count))
        work.append(CountedLines.count)
    assert work[1] < 3 * work[0] and work[1] < 12 * 10_000


def test_time_grows_with_the_size():
    seconds = []
    for count in (4_000, 8_000):
        text = "\n".join(['x","'] * count)
        start = time.process_time()
        rows(text)
        seconds.append(time.process_time() - start)
    assert seconds[1] < 3 * seconds[0] + 0.05
