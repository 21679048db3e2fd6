"""Tables of series: what is read, and which tables are refused."""

import numpy as np
import pytest

from unroll.errors import UserError


def test_several_series_with_words_and_a_known_future(read):
    table = read(
        "store;day;y;promo;sky\n"
        "A;2024-01-02;2;0;sun\nA;2024-01-01;1;1;rain\nA;2024-01-03;3;1;sun\nA;2024-01-04;;0;\n"
        "B;2024-01-01;5;0;rain\nB;2024-01-02;6;0;rain\n",
        by="store", target="y", past="sky", known="promo",
    )  # fmt: skip
    assert table.columns == ("y", "sky", "promo") and table.ahead == 1
    assert [one.name for one in table.series] == ["A", "B"]
    a = table.series[0]
    assert len(a) == 3 and a.values.shape == (4, 3)
    assert a.values[:3, 0].tolist() == [1, 2, 3] and np.isnan(a.values[3, 0])
    assert a.lines.tolist() == [3, 2, 4, 5]
    assert table.words == {"sky": ["rain", "sun"]}
    assert a.values[:3, 1].tolist() == [0, 1, 1] and a.values[:, 2].tolist() == [1, 0, 1, 0]
    assert "not in order" in table.messages[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("d,y\n", "no rows below its names"),
        ("2024-01-01,3\n2024-01-02,3\n", "line 1: .*expected the different names"),
        ("a,y\nb,1\nc,2\n", "no column of dates"),
        ("d,y\n2024-01-01,a\n2024-01-02,b\n", "0 columns of numbers"),
        ("d,y\n2024-01-01,\n2024-01-02,\n", "no value of y"),
        ("d,y\n2024-01-01,1\n", "no two rows"),
    ],
)
def test_tables_without_series_are_refused(read, text, sentence):
    with pytest.raises(UserError, match=sentence):
        read(text)
