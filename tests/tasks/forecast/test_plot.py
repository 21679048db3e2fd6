"""The plot of series: past forecasts before the end, and one after it."""

from xml.etree import ElementTree

import numpy as np

from unroll.tasks.forecast.inputs import ForecastInput
from unroll.tasks.forecast.plot import draw_panel, plot_series
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import ForecastWindows


def test_past_forecasts_meet_the_last_one(walk, table_of, learned):
    table = table_of(walk)
    windows = ForecastWindows(table, learned(table, 40), history=5, horizon=4)
    settings = ForecastSettings(horizon=4, quantiles="0.1,0.5,0.9")
    one = ForecastInput(windows, 0, int(windows.ends[0]) - 1)

    def quantify(origins):
        return np.tile([-1.0, 0.0, 1.0], (len(origins), 4, 1))

    panel = draw_panel(one, settings, quantify)
    places = [list(stretch.places) for stretch in panel.stretches]
    joined = [place for stretch in places for place in stretch]
    assert joined == list(range(places[0][0], places[-1][-1] + 1))
    assert places[-1][0] == len(panel.truth) and panel.labels[places[-1][-1]] == "2024-03-04"

    text = plot_series([one] * 9, settings, quantify, ["a message"])
    ElementTree.fromstring(text)
    assert "The first 8 of 9 series." in text and "a message" in text
