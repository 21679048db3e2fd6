"""A device is there, or the error names those that are."""

import pytest
import torch

from unroll.errors import UserError
from unroll.training.device import checked_device


def test_the_processor_is_always_available():
    assert checked_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["toaster", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_available_is_named_with_those_that_are(name):
    sentence = rf"^Device '{name}' is not available\. Available: cpu.* \(--device\)\.$"
    with pytest.raises(UserError, match=sentence):
        checked_device(name)
