"""1.0 is the label 1; nothing else changes."""

import pytest

from unroll.data.class_labels import ClassNumbers, different_classes, without_point


@pytest.mark.parametrize(
    "label,same",
    [
        ("1.0", "1"),
        ("-3.00", "-3"),
        ("10.0", "10"),
        ("1.5", "1.5"),
        ("01.0", "01.0"),
        ("v1.0",) * 2,
    ],
)
def test_a_fraction_of_zeros_is_dropped(label, same):
    assert without_point(label) == same


@pytest.mark.parametrize("classes,label", [(["0", "1"], "1.0"), (["0.0", "1.0"], "1")])
def test_a_label_that_is_the_same_number_is_the_same_class(classes, label):
    numbers = ClassNumbers(classes)
    assert label in numbers and numbers[label] == 1 and list(numbers) == classes
    assert "2" not in numbers and "01" not in numbers and 1 not in numbers
    with pytest.raises(KeyError):
        numbers["2"]


def test_one_class_however_it_is_written():
    assert different_classes(["1", "1.0", "2.0", "2.00", "a", "1.5"]) == {"1", "2.0", "a", "1.5"}
