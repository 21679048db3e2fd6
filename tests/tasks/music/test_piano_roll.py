"""The piano roll of a score."""

import xml.etree.ElementTree as ElementTree

import pytest

from unroll.tasks.music.abc_playback import abc_score
from unroll.tasks.music.piano_roll import piano_roll

TUNE = "X:1\nT:A & B\nM:4/4\nL:1/4\nQ:1/4=120\nK:C\nA2c2|e4|]\n"


def test_a_piano_roll_has_a_box_for_each_note():
    root = ElementTree.fromstring(piano_roll(abc_score(TUNE)))
    boxes = [e for e in root.iter() if e.get("class") == "note"]
    assert len(boxes) == 3
    widths = [float(box.get("width")) for box in boxes]
    assert widths[2] == pytest.approx(2 * widths[0], rel=0.05)
    heights = [float(box.get("y")) for box in boxes]
    assert heights == sorted(heights, reverse=True)  # higher notes stand higher
    assert "A &amp; B" in piano_roll(abc_score(TUNE))
