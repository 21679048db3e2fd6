"""Every test starts from the same random numbers, on one thread."""

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)

# the same examples everywhere: a change is judged by what it changes
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def same_random_numbers():
    torch.manual_seed(0)
