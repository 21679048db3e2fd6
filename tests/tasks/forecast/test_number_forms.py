"""How numbers are written: one decimal mark for a table, said or asked for."""

import pytest

from unroll.errors import UserError
from unroll.tasks.forecast.number_forms import find_number_form, is_written_number


def find(columns, **options):
    cells = {name: list(enumerate(texts, 2)) for name, texts in columns.items()}
    return find_number_form("a.csv", cells, **options)


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["18,50", "1.029"], [18.5, 1029]),
        (["1.000", "1.029", "998"], [1000, 1029, 998]),
        (["1.234,5", "1.234.567"], [1234.5, 1234567]),
        (["1,234.5", "12,34,567"], [1234.5, 1234567]),
        (["$1,234.50", "($3.00)", "-$5", "5-"], [1234.5, -3, -5, -5]),
        (["1\u00a0234,5 €", "998 €"], [1234.5, 998]),
        (["1'234.5", "\u22125.5"], [1234.5, -5.5]),
        (["12.5%", "0", "3 %"], [12.5, 0, 3]),
        (["1.2M", "350.5K"], [1.2e6, 350500]),
        (["1029", "1.029"], [1029, 1.029]),
        (["0.998", "1.029"], [0.998, 1.029]),
        (["1e5", "-.5", "1_000"], [1e5, -0.5, 1000]),
    ],
)
def test_numbers_are_read_as_the_table_writes_them(texts, values):
    form = find({"y": texts})
    assert [form.value("y", text) for text in texts] == values


def test_what_is_not_plain_is_said_with_an_example():
    assert "decimal comma, 1.000 as 1000" in find({"y": ["1.000", "998"]}).messages[0]
    assert "a decimal point, 1.029 as 1.029" in find({"y": ["1.029", "1.044"]}).messages[0]
    assert "12.5% in line 2 is read as 12.5" in find({"y": ["12.5%"]}).messages[0]
    assert find({"y": ["1.5", "1.029", "2"]}).messages == ()
    assert not find({"y": ["1", "2"]}).known


@pytest.mark.parametrize(
    "columns",
    [
        {"y": ["1.029", "1.058", "998"]},
        {"y": ["1,029", "1,058"]},
        {"y": ["18.50"], "x": ["1.030", "998"]},
    ],
)
def test_what_a_table_does_not_tell_is_asked(columns):
    with pytest.raises(UserError, match=r"between thousands.*--set decimal=") as asked:
        find(columns)
    assert len(str(asked.value)) < 300
    name = next(iter(columns))
    assert find(columns, asked=("point", None)).value(name, "1,029.5") == 1029.5
    assert find(columns, asked=(None, ".")).value(name, "1.029") == 1029
    assert find(columns, asked=("comma", "none")).decimal == ","


def test_two_decimal_marks_are_refused_and_one_odd_number_is_a_bad_cell():
    with pytest.raises(UserError, match=r"decimal point, 1.5 in line 2, .*comma, 1,5 in line 3"):
        find({"y": ["1.5", "1,5"]})
    with pytest.raises(ValueError, match="a decimal point"):
        find({"y": ["1.5"] * 50 + ["1,5"]}).value("y", "1,5")
    with pytest.raises(UserError, match="expected point or comma"):
        find({"y": ["1"]}, asked=("dot-ish", None))


def test_a_later_table_has_to_be_written_as_that_of_the_run():
    assert find({"y": ["1.029", "998"]}, like=".").value("y", "1.029") == 1.029
    with pytest.raises(UserError, match=r"such as 15,5; expected a decimal point"):
        find({"y": ["15,5"]}, like=".")
    assert find({"y": ["15,5"]}, like=".", asked=("comma", None)).value("y", "15,5") == 15.5
    with pytest.raises(UserError, match="are without %; expected them in %"):
        find({"y": ["0.5"]}, like=".", like_units={"y": "%"})


@pytest.mark.parametrize(
    "text", ["5 kg", "01.02.2023", "12 34", "12:30", "1.2.3", "", "a", "1.23.456"]
)
def test_other_texts_are_no_numbers(text):
    assert not is_written_number(text)
