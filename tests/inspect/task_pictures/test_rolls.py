import json

from unroll.inspect.task_pictures.rolls import draw_roll, pitch_name, roll_results
from unroll.tasks.pictures import NoteRoll, NoteRolls

ROLL = NoteRoll("One", [(0.0, 1.0, 60), (1.0, 0.5, 64), (17.0, 1.0, 67)], 4.0)


def test_notes_have_their_places():
    drawing = draw_roll(ROLL, 0)
    svg = drawing.svg()
    assert "C4 at 0, 1 quarters" in svg and "G4 at 17, 1 quarters" in svg  # in a second row
    assert pitch_name(60) == "C4" and pitch_name(61) == "C#4"


def test_a_tune_stands_beside_a_sample():
    rolls = NoteRolls([ROLL, NoteRoll("no notes", [], 4.0)], "M:4/4", 1.0, 1)
    found = roll_results(rolls, "it", {})
    assert list(found.pictures()) == ["tune", "sample"]
    for name in found.pictures():
        assert found.svg(name) and found.png(name)
    assert found.table()[1] == ["One", "3", "C4", "G4", "0.83 quarters", "3.5 semitones"]
    assert found.csv("tune").splitlines()[1] == "0.0,1.0,60"
    assert "after M:4/4" in found.text() and json.dumps(found.as_dict(), allow_nan=False)
