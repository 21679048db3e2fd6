from pathlib import Path

import pytest

from unroll.errors import UserError
from unroll.in_memory.wording import Wording, Wordings

FRAME = Wording(Path("/t/d/data.csv"), "DataFrame", "row", 3, [2, 3, 5], ["p", "q", "r"])


def test_lines_become_rows_with_their_labels():
    assert FRAME.say("/t/d/data.csv, line 4: bad.") == "Row 1 (index 'q') of the DataFrame: bad."
    assert (
        FRAME.say("/t/d/data.csv, line 1: bad.")
        == "The names of the columns of the DataFrame: bad."
    )
    told = FRAME.say("data.csv, line 5: the time stands in line 2 already.")
    assert (
        told == "Row 2 (index 'r') of the DataFrame: the time stands in row 0 (index 'p') already."
    )


def test_the_file_becomes_the_data():
    assert FRAME.say("a tenth of /t/d/data.csv") == "a tenth of the DataFrame of 3 rows"
    assert FRAME.say("/t/d/image-2.png is no image.") == "image 2 of the DataFrame is no image."
    assert FRAME.say("other.csv, line 5: bad.") == "other.csv, line 5: bad."


def test_sentences_anywhere_in_a_value():
    wordings = Wordings((FRAME,))
    said = wordings.say({"a": ["/t/d/data.csv"], "b": 5})
    assert said == {"a": ["The DataFrame of 3 rows"], "b": 5}
    with pytest.raises(UserError, match="Row 0"), wordings.errors():
        raise UserError("/t/d/data.csv, line 2: bad.")
