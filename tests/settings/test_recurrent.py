"""Settings of the network: cells by name, sizes of memory, JSON of options."""

import pytest

from unroll.errors import UserError
from unroll.settings import RecurrentSettings, settings_from
from unroll.settings.parse import parse_assignments


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"cell": "lsmt"}, "there is no cell of this name; .*lstm"),
        ({"cell_options": "{"}, "it is not JSON"),
        ({"memory": "much"}, "expected a size such as 4GB"),
        ({"memory": "4GB", "segment_length": 8}, "expected one of them"),
        ({"segment_length": 0}, "--set segment_length"),
    ],
)
def test_what_cannot_be_is_refused(values, sentence):
    with pytest.raises(UserError, match=sentence):
        settings_from(RecurrentSettings, values)


@pytest.mark.parametrize("memory", ["4GB", "500 MB", "2gib", "0.5TB", "1000"])
def test_sizes_of_memory_are_taken(memory):
    assert settings_from(RecurrentSettings, {"memory": memory}).memory == memory


def test_options_of_a_cell_are_json():
    settings = settings_from(RecurrentSettings, {"cell_options": '{"heads": 4}'})
    assert settings.cell_options == {"heads": 4}


def test_no_floor_can_be_asked_for_in_words():
    assert RecurrentSettings(**parse_assignments(["floor=none"])).floor == "none"
