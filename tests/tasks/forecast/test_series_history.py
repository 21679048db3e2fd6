"""Windows are what a simple model reads."""

from unroll.tasks.forecast.series_history import SeriesHistory
from unroll.tasks.forecast.windows import ForecastWindows


def test_windows_have_what_a_history_has(walk, table_of, learned):
    table = table_of(walk)
    windows: SeriesHistory = ForecastWindows(table, learned(table, 40), 10, 2)
    for name in (
        *SeriesHistory.__annotations__,
        *(n for n in vars(SeriesHistory) if not n.startswith("_")),
    ):
        assert hasattr(windows, name)
