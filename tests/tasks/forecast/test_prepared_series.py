"""A series without gaps: fills worked by hand, words as zeros and ones."""

import numpy as np

from unroll.data.problems import Problems
from unroll.tasks.forecast.columns import TableRequest
from unroll.tasks.forecast.prepared_series import fill_gaps
from unroll.tasks.forecast.series_table import read_series
from unroll.tasks.forecast.windows import ForecastWindows


def test_fills_by_hand():
    forward_filled, interpolated, next_known = fill_gaps(
        np.array([[np.nan], [2.0], [np.nan], [4.0], [np.nan]])
    )
    assert forward_filled[:, 0].tolist() == [0, 2, 2, 4, 4]
    assert interpolated[:, 0].tolist() == [0, 2, 3, 4, 4]
    assert next_known[:, 0].tolist() == [1, 1, 3, 3, 4]


def test_unknown_words_are_read_as_no_word(tmp_path, learned):
    days = np.datetime64("2024-01-01") + np.arange(40)
    sky = ["sun", "rain"] * 15 + ["hail"] * 10
    text = "\n".join(f"{d},{k % 7},{s}" for k, (d, s) in enumerate(zip(days, sky, strict=True)))
    (tmp_path / "a.csv").write_text("d,y,sky\n" + text + "\n")
    table = read_series(tmp_path / "a.csv", TableRequest(target="y", past="sky"), Problems())
    preprocessor = learned(table, 30, calendar=False)
    assert preprocessor.words == {"sky": ["rain", "sun"]}
    x = (
        ForecastWindows(table, preprocessor, history=4, horizon=1)
        .batch(np.array([31]))
        .x.numpy()[:, 0]
    )
    assert x[:, 1:3].tolist() == [[0, 1], [1, 0], [0, 0], [0, 0]]
