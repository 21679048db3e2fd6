"""Columns of times by their names and first cells."""

from unroll.tasks.forecast.time_names import is_time_column, time_columns_among


def test_columns_of_times_are_told_from_numbers_and_words():
    table = {"date": ["1/31/2024"], "Time": ["1:30 PM"], "y": ["5"], "note": ["at 13:00"]}
    assert time_columns_among(table) == ["date", "Time"]
    assert time_columns_among({"Year": ["2024"], "mo": ["1"], "y": ["5"]}) == ["Year", "mo"]
    assert time_columns_among({"start": ["13:00"], "y": ["5"]}) == []
    assert is_time_column("ds", ["20240131", "20240201"])
    assert is_time_column("time", ["1667602800", "1667606400"])
    assert not is_time_column("volume", ["1667602800", "1667606400"])
    assert not is_time_column("time", ["0.5", "1.0"]) and not is_time_column("time", [])
