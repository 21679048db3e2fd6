"""What training a forecaster minimises: the loss of the windows of the training set."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from unroll.cells import State
from unroll.data.split import evenly_spread
from unroll.errors import UserError
from unroll.layers import Ridge
from unroll.tasks.base import Progress
from unroll.tasks.forecast.backtest import ROWS, batches_in_order
from unroll.tasks.forecast.defaults import BATCH_SIZE, LEARNING_RATE
from unroll.tasks.forecast.network import ForecastNetwork
from unroll.tasks.forecast.reader import ForecastData, table_of_all_rows
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import WindowBatch, WindowBatches
from unroll.training.objective import Objective, TrainingBatch

EVALUATED = 4096  # windows of the validation set, at most, in an evaluation during training
PENALTIES = tuple(10.0**k for k in range(-6, 5))  # of the ridge regression


class ForecastObjective(Objective):
    """The loss of a forecaster over windows; a read-out may be solved in closed form.

    Args:
        network: on its device.
        data: the series.
        settings: resolved.
        device: where the network is.
    """

    def __init__(
        self,
        network: ForecastNetwork,
        data: ForecastData,
        settings: ForecastSettings,
        device: torch.device,
    ) -> None:
        train, valid, _ = data.window_sets(settings)
        self.data, self.settings = data, settings
        self.train = train
        train.windows.base(train.origins)  # all at once takes less time than batch by batch
        self.batches = WindowBatches(
            train.windows, train.origins, settings.batch_size or BATCH_SIZE, settings.seed
        )
        super().__init__(
            network,
            device=device,
            batches_per_epoch=self.batches.per_epoch,
            learning_rate=settings.learning_rate or LEARNING_RATE,
            unit="values",
        )
        self.network = network
        self.closed_form = settings.readout == "ridge"
        self.median = settings.levels.index(0.5)
        if not len(valid.origins):  # where it is learned from
            valid = train
        some = valid.origins[evenly_spread(len(valid.origins), EVALUATED)]
        self.validation = [batch.to(device) for batch in batches_in_order(valid.windows, some)]

    def batch(self, number: int) -> TrainingBatch:
        batch = self.batches.batch(number).to(self.device)

        def loss(state: State | None) -> tuple[Tensor, State | None]:
            return self.network.loss(batch), None

        return TrainingBatch(batch.tokens, loss)

    def evaluate(self) -> dict[str, float]:
        self.network.learn_errors(self.validation)
        tokens = max(1, sum(batch.tokens for batch in self.validation))
        loss, ours, naive = 0.0, 0.0, 0.0
        for batch in self.validation:
            loss += float(self.network.loss(batch))
            ours += absolute_error(self.network.quantiles(batch)[..., self.median], batch)
            naive += absolute_error(batch.base, batch)
        name = "error_over_naive" if self.network.combination is None else "error_over_floor"
        return {"loss": loss / tokens, name: ours / max(naive, 1e-12)}

    def with_validation_set(self) -> ForecastObjective:
        """The same over every row, those of the test set too: figures are made before."""
        table = table_of_all_rows(self.data)
        ends = [len(one) for one in table.series]
        everything = replace(self.data, table=table, train=ends, valid=ends, later=None)
        return ForecastObjective(self.network, everything, self.settings, self.device)

    def solve(self, progress: Progress) -> list[str]:
        """Solve the read-out by ridge regression; the validation set chooses the penalty.

        Raises:
            UserError: where no penalty gives a solution.
        """
        sums = self._sums(progress)
        best: tuple[float, float, dict[str, Tensor]] | None = None
        for penalty in PENALTIES:
            try:
                readout = sums.solve(penalty)
            except ValueError:  # too small a penalty for the states
                continue
            self.network.readout.load_state_dict(readout.state_dict())
            loss = sum(float(self.network.loss(batch)) for batch in self.validation)
            if best is None or loss < best[0]:
                best = loss, penalty, {k: t.clone() for k, t in readout.state_dict().items()}
        if best is None:
            raise UserError(
                "The read-out cannot be solved with any penalty. Use fewer hidden units (--hidden)."
            )
        self.network.readout.load_state_dict(best[2])
        weights = self.network.readout.weight.numel()
        return [
            f"Solved a read-out of {weights:,} weights by ridge regression on {sums.rows:,} windows, "
            f"with penalty {best[1]:g} (the best of {len(PENALTIES)} on the validation set); the "
            "recurrent weights keep their initial values."
        ]

    def _sums(self, progress: Progress) -> Ridge:
        """The sums of the regression over the windows whose targets are all known."""
        sums = Ridge()
        windows, origins = self.train
        for k, batch in enumerate(batches_in_order(windows, origins)):
            batch = batch.to(self.device)
            known = batch.weight.all(0)
            targets = ((batch.y - batch.base) / batch.scale).T
            sums.add(self.network.features(batch)[known], targets[known])
            progress(min(1.0, k * ROWS / len(origins)))
        return sums


def absolute_error(forecast: Tensor, batch: WindowBatch) -> float:
    """The absolute error of scaled forecasts [K, B], in usual changes, summed over known values."""
    return float(((forecast - batch.y) / batch.scale).abs()[batch.weight].sum())
