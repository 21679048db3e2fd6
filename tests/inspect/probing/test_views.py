import csv
import io
import math

import pytest

from unroll.inspect.probing.rules import Probe
from unroll.inspect.probing.statistics import Estimate
from unroll.inspect.probing.study import Excerpt, ProbedPart, ProbeResult
from unroll.inspect.probing.views import (
    probe_html,
    probe_picture,
    probe_sentence,
    probe_table,
    probe_text,
    shares,
)


@pytest.fixture
def result():
    low, high = Estimate(0.61, 0.5, 0.7), Estimate(0.99, 0.98, 1.0)
    parts = [
        ProbedPart("layer 1 h", "layer 1 h[2]", 2, 1, low, high, (low, low), (0.6, 0.55)),
        ProbedPart("layer 1 c", "layer 1 c[0]", 8, -1, high, high, (low, low), (0.6, math.nan)),
        ProbedPart("all", "layer 1 c[0]", 8, -1, high, high, (low, low), (0.6, 0.55)),
    ]
    excerpt = Excerpt(["the", "<b>", "were"], [0, 1, math.nan], [1, -1, -0.5], [0.1, 0.9, math.nan])
    return ProbeResult(
        Probe("many", "x&y", None), "a.txt", 100, 7, 0.5, False, parts, excerpt, True
    )


def test_text_and_table(result):
    sentence = probe_sentence(result)
    assert (
        "layer 1 c[0] tells many: AUC 0.990 (0.980-1.000), low where the label is high" in sentence
    )
    rows = probe_table(result)
    assert rows[1][:2] == ["layer 1 h", "[2]"] and rows[3][:2] == ["all", "layer 1 c[0]"]
    assert rows[2][-2:] == ["0.600", "-"]
    assert probe_text(result)[-3:] == ["  the <b> were", "  ### === ----", "  000 111"]


def test_a_unit_at_the_level_of_chance_is_said_to_be(result):
    result.parts[:] = result.parts[:1]
    assert "tells no more than chance about many" in probe_sentence(result)


def test_picture_and_page(result):
    picture = probe_picture(result)
    rows = list(csv.reader(io.StringIO(picture.csv())))
    assert rows[0] == ["token", "many", "layer 1 c[0]", "read-out"] and rows[3][1] == ""
    page = probe_html(result)
    assert "x&amp;y" in page and "<b>" not in page and "<table>" in page
    assert shares([2.0, 4.0, math.nan]) == [0.0, 1.0, 0.0] and shares([3.0]) == [0.0]
