"""Settings in words: which have flags of their own."""

from inspect import signature

import pytest

from unroll.cli.train import train
from unroll.errors import UserError
from unroll.settings import settings_from
from unroll.settings.parse import FLAGS
from unroll.tasks import TASKS


def test_flags_are_those_of_the_command():
    own = {
        "data",
        "out",
        "task",
        "resume",
        "overwrite",
        "trust_code",
        "assignments",
        "json",
        "quiet",
    }
    assert set(signature(train).parameters) - own == FLAGS


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"horizon": "x"}, r"^--horizon \(or --set horizon=\.\.\.\) got 'x'"),
        ({"head": "x"}, r"^--set head=\.\.\. got 'x'"),
    ],
)
def test_an_error_names_what_can_be_typed(values, said):
    with pytest.raises(UserError, match=said):
        settings_from(TASKS["forecast"].settings_class(), values)
