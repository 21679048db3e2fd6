"""Settings of training: one budget, and flags that subclasses add to."""

import pytest

from unroll.errors import UserError
from unroll.settings import RecurrentSettings, TrainingSettings, settings_from


def test_only_one_budget_is_taken():
    assert settings_from(TrainingSettings, {"steps": "3"}).steps == 3
    with pytest.raises(UserError, match="steps and epochs are given"):
        settings_from(TrainingSettings, {"steps": 3, "epochs": 3})


def test_flags_of_a_subclass_come_after_those_of_its_base():
    flags = list(RecurrentSettings.all_flags())
    assert flags[: len(TrainingSettings.flags)] == list(TrainingSettings.flags)
    assert flags[len(TrainingSettings.flags) :] == list(RecurrentSettings.flags)
