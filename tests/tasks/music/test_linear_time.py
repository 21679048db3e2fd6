"""Tunes from elsewhere: the work grows as their size, and no number in them is without bound."""

import gc
import time
from contextlib import suppress

import pytest

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.music.abc import split_pieces
from unroll.tasks.music.abc_bars import read_bars
from unroll.tasks.music.abc_fields import (
    parse_length,
    parse_metre,
    parse_passes,
    parse_tempo,
    parse_tuplet,
    parse_unit,
)
from unroll.tasks.music.abc_playback import abc_score
from unroll.tasks.music.description import check_report
from unroll.tasks.music.keys import CannotTranspose, Interval, parse_key, transpose_tune
from unroll.tasks.music.midi import midi_tunes
from unroll.tasks.music.prompt import parse_prompt
from unroll.tasks.music.settings import MusicSettings

HEAD = "X:1\nM:4/4\nL:1/8\nK:C\n"
GROWTH = 3.0  # at twice the size: linear is 2, quadratic 4


def seconds(work, text):
    gc.collect()
    gc.disable()  # a collection goes through all objects of the process, not of the tune
    try:
        begin = time.process_time()
        work(text)
        return time.process_time() - begin
    finally:
        gc.enable()


def transposed(tune):
    try:
        return transpose_tune(tune, Interval(1, 2))
    except CannotTranspose:
        return tune


def prompt(tune):
    with suppress(UserError):
        parse_prompt(tune.removeprefix(HEAD))


@pytest.mark.parametrize(
    ("work", "piece", "end"),
    [
        (split_pieces, "[a:", ""),
        (split_pieces, '["(1:1/:', "x"),
        (read_bars, "[CEG", ""),
        (read_bars, "[V:1]A>", "B|"),
        (read_bars, "A/977B/991", "|"),
        (abc_score, "A2|", ""),
        (transposed, '"G)', '"'),
        (prompt, "K:  ", "G"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_twice_the_size_takes_twice_the_time(work, piece, end):
    def run(size):
        tune = f"{HEAD}{piece * size}{end}\n"
        return min(seconds(work, tune) for _ in range(2))

    size = 1000
    while (once := run(size)) < 0.01 and size < 100_000:
        size *= 4
    assert min(run(2 * size), run(2 * size)) < GROWTH * max(once, 0.005), (size, once)


def test_a_key_and_a_chord_take_no_time_whatever_they_hold():
    spaces = "C" + " " * 20_000 + "!"
    assert seconds(parse_key, spaces) < 1
    chord = HEAD + '"G' + "b5" * 40 + '!"A|\n'  # two ways to read each b5
    assert seconds(transposed, chord) < 1


def test_numbers_of_many_digits_are_none():
    digits = "9" * 5000
    assert parse_length(digits) == parse_length(f"1/{digits}") == parse_length("/" * 5000) == 1
    assert parse_metre(f"{digits}/4") is parse_metre(f"4/{digits}") is None
    assert parse_unit(f"1/{digits}") is None and parse_tempo(digits, 1) is None
    assert parse_passes(f"1,{digits}") == (1,)
    assert parse_tuplet(f"(3:{digits}", None)[0] == 3


def test_a_tune_of_long_numbers_is_checked_and_played(tmp_path):
    digits = "9" * 5000
    path = tmp_path / "a.abc"
    fields = f"X:{digits}\nM:{digits}/4\nL:1/{digits}\nQ:1/4={digits}\nK:C\n"
    path.write_text(f"{fields}A{digits}B/{digits}|[{digits} ({digits} c {'>' * 9999} d ^_C C',|\n")
    assert check_report(str(path), MusicSettings())["tunes"] == 1
    assert len(abc_score(path.read_text()).notes) == 6


def midi(events):
    track = events + b"\0\xff\x2f\0"
    return b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(track).to_bytes(4, "big") + track


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (midi(b"\xff" * 100_000 + b"\0\x90\x40\x40"), "bytes above 127 in a row"),
        (midi(b"\xff\xff\xff\xff\x7f\x90\x40\x40"), "ticks between two events; expected at most"),
        (midi(b"\0\xff\x01\xff\xff\xff\x7f"), "is not a complete MIDI file"),
        (midi(b"\0\xff\x59\2\x40\0"), "is not a complete MIDI file"),
        (midi(b"\0\xff\x51\0"), "is not a complete MIDI file"),
    ],
)
def test_a_hostile_midi_file_is_a_bad_record(tmp_path, content, said):
    path = tmp_path / "a.mid"
    path.write_bytes(content)
    problems = Problems(skip=True)
    assert list(midi_tunes(path, "a.mid", problems)) == []
    assert said in problems.messages()[1]
