import pytest

from unroll.compare.variants import variants_of
from unroll.errors import UserError

ONE = {"init": "torch", "gain": 1.0, "clip": 1.0, "truncate": None}


def test_a_setting_with_several_values_is_in_the_label_and_no_other():
    assert [v.label for v in variants_of(["rnn", "lstm"], **ONE)] == ["rnn", "lstm"]
    found = variants_of(["rnn"], **{**ONE, "gain": [0.5, 1.1], "truncate": [5, None]})
    assert [v.label for v in found] == [
        "rnn gain 0.5 truncate 5",
        "rnn gain 0.5 truncate none",
        "rnn gain 1.1 truncate 5",
        "rnn gain 1.1 truncate none",
    ]
    assert found[2].gain == 1.1 and found[2].truncate == 5 and found[2].clip == 1.0


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"init": ["he", "best"]}, "--init got 'best'"),
        ({"gain": 0.0}, "--gain got 0"),
        ({"clip": [None, -1.0]}, "--clip got -1"),
        ({"truncate": [0]}, "--truncate got 0"),
        ({"directions": 3}, "--directions got 3"),
        ({"directions": [1, 2], "truncate": 5}, "--truncate is for networks of one direction"),
        ({"clip": [1.0, 1.0]}, "each of them once"),
        ({"gain": [0.1 * k for k in range(1, 20)]}, "19 networks to compare; expected up to 12"),
    ],
)
def test_values_that_cannot_be_compared_are_refused(changed, expected):
    with pytest.raises(UserError, match=expected):
        variants_of(["rnn"], **{**ONE, **changed})
