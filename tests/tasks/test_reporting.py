"""Sentences that several tasks print."""

import logging

from unroll.tasks.reporting import (
    describe_class_balance,
    is_imbalanced,
    skipped_sentence,
    warn,
)


def test_many_classes_are_not_listed():
    names = [str(k) for k in range(12)]
    sentence = describe_class_balance(range(12), names, 66)
    assert sentence == "12 classes, from 11 with 11 to 0 with 0"
    assert describe_class_balance([0, 0], ["a", "b"], 0) == "2 classes: b 0 (0%), a 0 (0%)"


def test_four_times_as_many_records_are_still_balanced():
    assert not is_imbalanced([4, 1]) and is_imbalanced([5, 1]) and not is_imbalanced([4, 0])


def test_nothing_is_said_where_nothing_was_skipped():
    assert skipped_sentence(0) == []
    assert skipped_sentence(1, "clip") == ["Skipped 1 bad clip."]


def test_a_warning_goes_to_the_logger_of_the_package(caplog, capsys):
    warn("1 file could not be read.")
    assert caplog.record_tuples == [("unroll", logging.WARNING, "1 file could not be read.")]
    assert not capsys.readouterr().out
