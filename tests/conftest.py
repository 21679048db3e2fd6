"""Every test starts from the same random numbers, on one thread."""

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)

# the same examples everywhere: a change is judged by what it changes
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")


@pytest.fixture(scope="session", autouse=True)
def one_cache(tmp_path_factory):
    """Kernels that one test has built serve the others; nothing of the user's is touched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def same_random_numbers():
    torch.manual_seed(0)
