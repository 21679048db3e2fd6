"""The picture of forecasts: a sound SVG with what it should show."""

import math
from xml.etree import ElementTree

from unroll.tasks.forecast.picture import Panel, Stretch, draw, ticks


def test_a_picture_is_xml_with_truth_band_forecast_and_outliers():
    truth = [1.0, math.nan, 2.0, 9.0]
    past = Stretch([2, 3], [2.0, 3.0], [1.0, 2.0], [3.0, 4.0])
    later = Stretch([4], [3.0], [2.0], [4.0])
    text = draw([Panel("sales & <co>", truth, [past, later], list("abcde"))], "what it is")
    root = ElementTree.fromstring(text)
    kinds = [element.get("class") for element in root.iter()]
    assert kinds.count("truth") == 2  # a gap parts the line
    assert kinds.count("band") == kinds.count("forecast") == 2
    assert kinds.count("outside") == 1
    assert "sales & <co>" in [element.text for element in root.iter()]


def test_a_flat_series_is_drawn_too():
    ElementTree.fromstring(draw([Panel("flat", [0.0, 0.0], [], list("ab"))], ""))


def test_ticks_are_round():
    assert ticks(0.3, 10.2) == [2, 4, 6, 8, 10]
    assert ticks(-0.02, 0.03) == [-0.02, -0.01, 0.0, 0.01, 0.02, 0.03]
