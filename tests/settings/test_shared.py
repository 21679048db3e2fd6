"""Settings of several tasks: the same limits and the same sentence wherever one stands."""

import pytest
from pydantic import BaseModel, ValidationError

from unroll.settings import shared
from unroll.tasks import TASKS


class Example(BaseModel):
    beam: shared.BeamWidth = 5
    smoothing: shared.TokenSmoothing = 0.1
    min_count: shared.MinCount = None


def test_limits_hold_with_the_default_of_the_task():
    assert Example(beam=1, smoothing=0, min_count=1).beam == 1
    for wrong in ({"beam": 0}, {"smoothing": 1}, {"min_count": 0}):
        with pytest.raises(ValidationError):
            Example(**wrong)


@pytest.mark.parametrize("name", ["beam", "length_penalty"])
def test_one_setting_has_one_sentence_in_all_tasks(name):
    fields = [
        fields[name]
        for entry in TASKS.values()
        if name in (fields := entry.settings_class().model_fields)
    ]
    assert len(fields) > 1
    assert len({field.description for field in fields}) == 1
