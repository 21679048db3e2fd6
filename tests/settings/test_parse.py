"""Words and values become settings, or a sentence that names what can be typed."""

import pytest

from unroll.errors import UserError
from unroll.settings import parse_assignments, settings_from
from unroll.settings.parse import words_of_none
from unroll.tasks import TASKS


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"horizon": "x"}, r"^--horizon \(or --set horizon=\.\.\.\) got 'x'"),
        ({"horizon": 0}, r"got 0: expected at least 1\. Number of steps to forecast\.$"),
        ({"dropout": "1"}, r"got '1': expected less than 1\. .* outputs\.$"),
        ({"segment_length": "x"}, r"got 'x': expected a whole number or 'auto'\. "),
        ({"head": "x"}, r"^--set head=\.\.\. got 'x': expected 'direct' or 'recursive'\."),
        (
            {"colour": "red"},
            r"^There is no setting 'colour' in the task forecast; `unroll train fo",
        ),
        ({"seconds": 3, "steps": 3}, r"^The settings do not fit together: .* expected one of them"),
    ],
)
def test_an_error_names_what_can_be_typed(values, sentence):
    with pytest.raises(UserError, match=sentence) as error:
        settings_from(TASKS["forecast"].settings_class(), values)
    assert len(str(error.value)) < 300


def test_assignments_are_names_and_values():
    words = ["beam=5", "clip-norm=none", "valid=a=b"]
    assert parse_assignments(words) == {"beam": "5", "clip_norm": None, "valid": "a=b"}
    with pytest.raises(UserError, match="--set got 'beam'; expected key=value"):
        parse_assignments(["beam"])


def test_none_is_a_value_where_the_default_is_another():
    kind = TASKS["classify"].settings_class()
    values = words_of_none(kind, {"clip_norm": None, "floor": None, "patience": None})
    assert values == {"clip_norm": "none", "floor": "none", "patience": None}
    for given in (values, {"clip_norm": None, "floor": None}):
        found = settings_from(kind, given)
        assert (found.clip_norm, found.floor, found.patience) == (None, "none", None)
