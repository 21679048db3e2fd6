"""Times: how they are written, the step between them, what follows."""

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.forecast.time_forms import seconds_of
from unroll.tasks.forecast.times import (
    TimeStep,
    calendar_features,
    find_cycles,
    find_time_step,
    format_time,
)


def seconds(*words):
    return np.array([seconds_of(word) for word in words])


@pytest.mark.parametrize(
    ("times", "name", "after"),
    [
        (["2024-01-01", "2024-01-02", "2024-01-03"], "day", "2024-01-04"),
        (["2024-01-01", "2024-02-01", "2024-03-01"], "month", "2024-04-01"),
        (["2023-11-30", "2023-12-31", "2024-01-31"], "month", "2024-02-29"),
        (["2024-01-01", "2024-04-01", "2024-07-01"], "quarter", "2024-10-01"),
        (["2022-01-01", "2023-01-01", "2024-01-01"], "year", "2025-01-01"),
        (["2024-01-01", "2024-01-08", "2024-01-15"], "week", "2024-01-22"),
        (["2024-01-01 00:00", "2024-01-01 00:15", "2024-01-01 00:30"], "15 minutes",
         "2024-01-01 00:45"),
    ],
)  # fmt: skip
def test_the_step_is_found_and_goes_on(times, name, after):
    at = seconds(*times)
    step = find_time_step([at], True, "auto")
    assert step.name == name
    assert step.positions(at).tolist() == [0, 1, 2]
    assert format_time(step.after(at[-1], 1), True) == after


@pytest.mark.parametrize(
    ("times", "name", "anchor", "after"),
    [
        (["2024-01-30", "2024-02-29", "2024-03-30"], "month", "30", ["2024-04-30", "2024-05-30"]),
        (["2023-01-30", "2023-02-28", "2023-03-30"], "month", "30", ["2023-04-30", "2023-05-30"]),
        (["2022-12-31", "2023-01-31", "2023-02-28"], "month", "last day", ["2023-03-31"]),
        (["2023-12-29", "2024-01-31", "2024-02-29", "2024-03-29"], "month", "last business day",
         ["2024-04-30", "2024-05-31", "2024-06-28"]),
        (["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01", "2024-06-03"],
         "month", "first business day", ["2024-07-01", "2024-08-01", "2024-09-02"]),
        (["2023-03-31", "2023-06-30", "2023-09-29", "2023-12-29"], "quarter", "last business day",
         ["2024-03-29", "2024-06-28"]),
        (["2020-02-29", "2021-02-28", "2022-02-28"], "year", "last day", ["2023-02-28", "2024-02-29"]),
        (["2024-01-15 08:00", "2024-02-15 08:00"], "month", "15", ["2024-03-15 08:00"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("asked", [False, True])
def test_a_step_of_months_keeps_its_day(times, name, anchor, after, asked):
    at = seconds(*times)
    step = find_time_step([at], True, name if asked else "auto")
    assert (step.name, step.anchor) == (name, anchor)
    assert step.positions(at).tolist() == list(range(len(at)))
    assert (anchor in step.place_in_words) or anchor == "1"
    shown = [format_time(step.after(at[-1], k), True) for k in range(1, len(after) + 1)]
    assert shown == after
    loose = find_time_step([at], True, "row")
    assert loose.loose and format_time(loose.after(at[-1], 1), True) == after[0]


def test_holidays_move_business_days_and_other_days_are_off_the_grid():
    ends = np.arange(np.datetime64("2022-02"), np.datetime64("2024-05")).astype("datetime64[D]")
    ends = np.busday_offset(ends, -1, roll="forward")
    ends[ends == np.datetime64("2024-03-29")] = np.datetime64("2024-03-28")  # Good Friday
    at = ends.astype("datetime64[s]").astype(float)
    step = find_time_step([at], True, "auto")
    assert step.anchor == "about last business day"
    assert step.place_in_words == ", on or near the last business day of the month"
    assert step.positions(at).tolist() == list(range(len(at)))
    assert format_time(step.after(at[-1], 1), True) == "2024-04-30"
    odd = seconds(
        "2024-01-01", "2024-02-01", "2024-03-02", *(f"2024-{m:02}-01" for m in range(4, 9))
    )
    assert np.isnan(find_time_step([odd], True, "auto").positions(odd)).tolist() == [
        False, False, True, False, False, False, False, False,
    ]  # fmt: skip


def test_a_step_without_an_anchor_is_that_of_earlier_runs():
    step = TimeStep("month", 1)
    assert format_time(step.after(seconds_of("2024-01-31"), 1), True) == "2024-02-29"
    assert step.positions(seconds("2024-01-30", "2024-02-29", "2024-03-30")).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("unit", "size", "season"),
    [
        ("second", 60, 60), ("second", 900, 96), ("second", 3600, 24), ("second", 86_400, 7),
        ("second", 2 * 86_400, 1), ("second", 604_800, 52), ("month", 1, 12), ("month", 3, 4),
        ("month", 12, 1), ("weekday", 1, 5), ("number", 1, 1), ("second", 1, 1),
    ],
)  # fmt: skip
def test_a_season_is_that_of_the_clock_or_the_calendar(unit, size, season):
    assert TimeStep(unit, size).season == season


def test_a_time_keeps_its_offset():
    assert format_time(seconds_of("2024-02-29 13:00"), True, 3600.0) == "2024-02-29 13:00+01:00"
    assert format_time(seconds_of("2024-02-29"), True, -12600.0) == "2024-02-29 00:00-03:30"


def test_weekdays_have_no_weekend():
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-02-01"))
    days = days[np.is_busday(days)]
    at = days.astype("datetime64[s]").astype(float)
    step = find_time_step([at], True, "auto")
    assert step.name == "weekday" and step.season == 5
    assert step.positions(at).tolist() == list(range(len(at)))
    friday = seconds_of("2024-01-05")
    assert format_time(step.after(friday, 1), True) == "2024-01-08"


def test_a_time_off_the_grid_has_no_position():
    step = TimeStep("second", 3600)
    at = seconds("2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 01:30")
    assert np.isnan(step.positions(at)).tolist() == [False, False, True]


def test_numbers_have_steps_too():
    step = find_time_step([np.array([0.5, 1.0, 1.5, 3.0])], False, "auto")
    assert step.name == "0.5" and step.positions(np.array([0.5, 3.0])).tolist() == [0, 5]
    with pytest.raises(UserError, match="plain numbers"):
        find_time_step([np.array([1.0, 2.0])], False, "day")


def test_calendar_turns_with_its_cycles():
    hours = seconds("2024-01-01 00:00", "2024-01-01 06:00", "2024-01-02 00:00")
    features = calendar_features(hours, ("day", "week", "year"))
    assert features.shape == (3, 8)  # day, week, year twice
    np.testing.assert_allclose(features[:, 0], [0, 1, 0], atol=1e-9)  # sine of the day
    np.testing.assert_allclose(features[0, [1, 5]], [0, 1], atol=1e-9)  # a Monday
    week = calendar_features(seconds("2024-01-01", "2024-01-08"), ("week",))
    np.testing.assert_allclose(week[0], week[1], atol=1e-9)
    assert calendar_features(hours, ()).shape == (3, 0)


def test_cycles_are_those_that_were_seen_whole():
    hour, day, month, year = 3600.0, 86_400.0, 2_629_746.0, 31_556_952.0
    assert find_cycles(TimeStep("second", hour), 3 * year) == ("day", "week", "year")
    assert find_cycles(TimeStep("second", hour), 5 * day) == ("day",)
    assert find_cycles(TimeStep("second", day), 0.9 * year) == ("week",)
    assert find_cycles(TimeStep("weekday", 1), 2 * year) == ("week", "year")
    assert find_cycles(TimeStep("month", 1), 2 * year) == ("year",)
    assert find_cycles(TimeStep("month", 12), 200 * year) == ()
    assert find_cycles(TimeStep("number", 1), 9 * month) == ()
