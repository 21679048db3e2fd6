"""Rows: a bad row stops with its line, or is skipped."""

import pytest

from unroll.errors import UserError


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("2024-01-09,x", r"line 4: y is 'x'; expected a number"),
        ("2024-01-09,inf", r"line 4: y is not a finite number"),
        ("2024-01-09", r"line 4: 1 cells; expected 2"),
        ("soon,3", r"line 4: the time is 'soon'; expected a date"),
        ("2024-01-02,3", r"line 4: the time 2024-01-02 is already in line 3"),
    ],
)
def test_bad_rows_stop_or_are_skipped(read, row, sentence):
    text = f"d,y\n2024-01-01,1\n2024-01-02,2\n{row}\n2024-01-03,3\n"
    with pytest.raises(UserError, match=sentence):
        read(text)
    table, problems = read(text, skip=True)
    assert problems.count == 1 and len(table.series[0]) == 3


AUTUMN = [
    *(f"2022-10-30 0{hour}:00+02:00" for hour in (0, 1, 2)),
    *(f"2022-10-30 0{hour}:00+01:00" for hour in (2, 3)),
]


def table(times):
    return "d,y\n" + "".join(f"{time},{k}\n" for k, time in enumerate(times))


def test_offsets_are_kept_through_a_change(read):
    found = read(table(AUTUMN))
    assert found.clock == "utc" and found.step.name == "hour" and found.missing == 0
    one = found.series[0]
    assert [found.time_of(one, row) for row in range(5)] == AUTUMN
    days = [f"2022-10-{day}T00:00+0{2 if day < 31 else 1}:00" for day in range(28, 32)]
    whole = read(table(days))
    assert whole.clock == "local" and whole.step.name == "day"
    assert whole.end == "2022-10-31 00:00+01:00"
    assert read(table(["2022-10-28", "2022-10-29"])).clock == "plain"


def test_an_offset_that_others_do_not_have_is_a_bad_row(read):
    times = [*AUTUMN, "2022-10-30 04:00"]
    with pytest.raises(UserError, match="line 7: the time has no offset from UTC; others have one"):
        read(table(times))
    found, problems = read(table(times), skip=True)
    assert problems.count == 1 and len(found.series[0]) == 5


def test_tables_of_other_forms_are_read(read, tmp_path):
    json = '[{"d": "2024-01-01", "y": 1.029}, {"d": "2024-01-02", "y": 998}, {"d": "2024-01-03", "y": null}]'
    table = read(json, name="a.json")
    assert table.series[0].values[:2, 0].tolist() == [1.029, 998]  # numbers of JSON have no mark
    trailing = read("d;y;\n2024-01-01;1;\n2024-01-02;2;\n")
    assert trailing.columns == ("y",)
    rows_of_r = read("d,y\n" + "".join(f"{k},2024-01-{k:02},{k % 4}\n" for k in range(1, 12)))
    assert rows_of_r.end == "2024-01-11" and rows_of_r.columns == ("y",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("YEAR,JAN,FEB,MAR\n1950,1,2,3\n1951,1,2,3\n", "a column for each month, JAN to MAR"),
        ("name,2021,2022,2023\na,1,2,3\nb,1,2,3\n", "a column for each time, 2021 to 2023"),
        ("d,y\n2024-01-01,15,79\n2024-01-02,16,2\n", "line 2: 3 cells; .*decimal commas need quotes"),
    ],
)  # fmt: skip
def test_tables_that_are_not_one_row_per_time_are_told(read, text, sentence):
    with pytest.raises(UserError, match=sentence) as told:
        read(text)
    assert len(str(told.value)) < 340
