"""The simple model in a run: fitted to the training set, calibrated, and fitted again to all rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from unroll.data.split import evenly_spread
from unroll.tasks.forecast.backtest import batches_in_order
from unroll.tasks.forecast.combination import Errors
from unroll.tasks.forecast.floor_fit import fit_floor, refit_floor, series_fitted
from unroll.tasks.forecast.reader import (
    EarlierFloor,
    ForecastData,
    choose_base,
    make_windows,
    table_of_all_rows,
)
from unroll.tasks.forecast.settings import ForecastSettings

if TYPE_CHECKING:
    from unroll.tasks.forecast.network import ForecastNetwork
    from unroll.tasks.forecast.preprocessor import ForecastPreprocessor

CALIBRATED = 4096  # windows of each set that the combination is fitted to


def with_floor(data: ForecastData, settings: ForecastSettings) -> ForecastData:
    """The data with the simple model fitted to its training set, as it was before in a resumed run."""
    before = data.preprocessor.floor
    fitted = series_fitted(settings.seconds) if before is None else before.fitted
    bare = replace(data, preprocessor=replace(data.preprocessor, floor=None))
    base = choose_base(bare, settings) if settings.relative_to == "auto" else settings.relative_to
    windows = make_windows(bare.table, bare.preprocessor, settings, bare.history)
    found = fit_floor(windows, bare.train, bare.valid, base, fitted)
    floor = replace(found.floor, sizes_bands=before is None or before.sizes_bands)
    return replace(
        bare,
        preprocessor=replace(bare.preprocessor, floor=floor),
        earlier=EarlierFloor(found.earlier, found.cut),
    )


def with_all_rows(data: ForecastData, settings: ForecastSettings) -> ForecastPreprocessor | None:
    """The preprocessor with the simple model fitted to every row, those of the test set too."""
    preprocessor = data.preprocessor
    if preprocessor.floor is None:
        return None
    table = table_of_all_rows(data)
    windows = make_windows(table, replace(preprocessor, floor=None), settings, data.history)
    floor = refit_floor(preprocessor.floor, windows, [len(one) for one in table.series])
    until = {one.name: float(one.times[len(one) - 1]) for one in table.series}
    return replace(preprocessor, floor=floor, until=preprocessor.until | until)


@torch.no_grad()
def fit_combination(
    network: ForecastNetwork, data: ForecastData, settings: ForecastSettings, device: torch.device
) -> list[str] | None:
    """Fit how much the network counts, and the bands, on windows that neither was fitted to.

    Returns:
        A sentence on what was fitted; None for a network that is alone.
    """
    combination = network.combination
    if combination is None:
        return None
    network.eval()
    sets = data.window_sets(settings)
    windows, origins = sets.valid
    some = origins[evenly_spread(len(origins), CALIBRATED)]
    held_out = network.errors([one.to(device) for one in batches_in_order(windows, some)])
    earlier = earlier_errors(data, settings, device, len(settings.levels))
    combination.fit(held_out, earlier)
    shares = [float(share) for share in combination.share]
    counts = (
        f"{min(shares):.0%}"
        if min(shares) == max(shares)
        else (f"{min(shares):.0%} to {max(shares):.0%}, by the step of the horizon")
    )
    windows_used = len(some) + (earlier.truth.shape[1] if earlier is not None else 0)
    return [
        f"The network's correction of the simple model counts {counts} (fitted on the validation "
        f"set); bands are the errors on {windows_used:,} windows that were not fitted to."
    ]


def earlier_errors(
    data: ForecastData, settings: ForecastSettings, device: torch.device, levels: int
) -> Errors | None:
    """Errors of a simple model on windows of the training set that it was not fitted to."""
    if data.earlier is None:
        return None
    floor, cut = data.earlier
    windows = make_windows(
        data.table, replace(data.preprocessor, floor=floor), settings, data.history
    )
    origins = windows.origins(begins=cut, ends=data.train)
    origins = origins[evenly_spread(len(origins), CALIBRATED)]
    if not len(origins):
        return None
    base, recent = windows.base(origins)
    truth = windows.truths(origins)
    errors = (truth - base) / windows.usual_change(origins)[:, None]
    known = torch.from_numpy(~np.isnan(truth).T)
    return Errors(
        torch.zeros(settings.horizon, len(origins), levels, device=device),
        torch.from_numpy(np.nan_to_num(errors).T).float().to(device),
        known.to(device),
        torch.from_numpy(recent).float().to(device),
        torch.from_numpy(windows.series_numbers(origins)).to(device),
    )
