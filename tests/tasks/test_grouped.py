"""Metrics of groups of records."""

import pytest

import unroll.tasks.grouped
from unroll.errors import UserError
from unroll.tasks.grouped import group_table, measure_groups


def test_each_group_is_measured_by_its_rows():
    assert measure_groups(["b", "a", "b"], tuple) == {"a": (1,), "b": (0, 2)}


def test_columns_that_name_no_groups_are_refused(monkeypatch):
    monkeypatch.setattr(unroll.tasks.grouped, "MOST_GROUPS", 2)
    with pytest.raises(UserError, match="3 different values in 3 records; expected at most 2"):
        measure_groups(["a", "b", "c"], tuple)


def test_a_long_table_is_cut(monkeypatch):
    monkeypatch.setattr(unroll.tasks.grouped, "MOST_LINES", 1)
    lines = group_table({"": 1, "b": 2, "c": 3}, str)
    assert lines == ["By group:", "  (empty)  1", "  and 2 more groups (--json has all)."]
    assert group_table({}, str) == []
