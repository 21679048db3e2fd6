"""How much the network counts beside the simple model, and bands that hold what they promise.

K horizon, B windows, Q quantiles, S series.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.tasks.forecast.metrics import block_means

SHARES = tuple(k / 10 for k in range(11))  # of the network's correction, that are tried
BLOCKS = 3  # of a horizon of at least twice as many steps, each with a share of its own
LEAST_BLOCKS = 4  # of windows, without which a gain cannot be told from chance
LEAST_CERTAINTY = 0.3  # standard errors of a gain, below which the network counts nothing
HALF_AT = 0.5  # standard errors of a gain, at which half the share counts
POWERS = tuple(k / 8 for k in range(11))  # of recent errors, that are tried
# the most likely power before windows are seen, and how many windows this counts as
USUAL_POWER, USUAL_COUNTS = 0.75, 30
NETWORK_NEEDS = 200  # windows, from which on the width of the network's band is tried
RECENT_RANGE = (0.2, 20.0)
LEAST_WIDTH = 1e-3
BOTH_TAILS = 0.25  # how much a quantile is that of both tails together
SERIES_COUNTS = 5  # windows of a usual size, that the size of the errors of a series begins with
WIDER = 1.05  # bands: models are chosen by the errors that bands are fitted to
MOST_ERRORS = 1 << 23  # that a quantile is taken of


@dataclass(frozen=True)
class Errors:
    """Forecasts on windows that nothing was fitted to, in usual changes.

    Attributes:
        own: the network's quantiles, relative to the simple model [K, B, Q].
        truth: relative to the simple model [K, B].
        known: where the truth is known, bool [K, B].
        recent: the size of the simple model's last errors [B].
        series: numbers of their series from 1 [B]; 0 for an unseen series.
    """

    own: Tensor
    truth: Tensor
    known: Tensor
    recent: Tensor
    series: Tensor

    def pooled(self) -> Errors:
        """The same as of one series."""
        return replace(self, series=self.series.clamp(max=1))


class Sizes(NamedTuple):
    """Mean sizes of errors.

    Attributes:
        steps: of each step [K].
        series: of each series, relative to others [S + 1].
    """

    steps: Tensor
    series: Tensor

    def of(self, series: Tensor) -> Tensor:
        """The sizes of errors of windows of these series [K, B]. series: numbers [B]."""
        return self.steps[:, None] * self.series[series]


class Bands(NamedTuple):
    """What bands are made of.

    Attributes:
        offsets: the quantiles of the residuals, in the unit of spread [K, Q].
        series: the sizes of series, by which that unit is multiplied [S + 1].
    """

    offsets: Tensor
    series: Tensor


class Combination(nn.Module):
    """The simple model and the network together.

        median_k = floor_k + a_k m_k            m: the network's median, relative to the floor
        q_k = median_k + o_kq c u, u = r^p w^s  r: recent errors of the floor, w: the network's width,
                                                c: the size of the errors of the series

    Before it is fitted the network counts fully, with its own quantiles.

    Args:
        horizon: K.
        levels: the quantiles [Q], 0.5 among them.
        series: S.

    Attributes:
        fitted: 1 where it is fitted.
        share: a, how much of the network's correction counts [K].
        offsets: o, the quantiles of the residuals, in u [K, Q].
        powers: p and s [2].
        sizes: c of each series, the first one of an unseen series [S + 1]; None of a single series.
    """

    def __init__(self, horizon: int, levels: tuple[float, ...], series: int = 1) -> None:
        super().__init__()
        self.levels, self.middle, self.series = levels, levels.index(0.5), series
        self.fitted: Tensor
        self.share: Tensor
        self.offsets: Tensor
        self.powers: Tensor
        self.register_buffer("fitted", torch.zeros(()))
        self.register_buffer("share", torch.ones(horizon))
        self.register_buffer("offsets", torch.zeros(horizon, len(levels)))
        self.register_buffer("powers", torch.zeros(2))
        self.sizes: Tensor | None
        self.register_buffer("sizes", torch.ones(series + 1) if series > 1 else None)

    def forward(self, own: Tensor, recent: Tensor, series: Tensor) -> Tensor:
        """Quantiles relative to the simple model [K, B, Q].

        Args:
            own: the network's [K, B, Q].
            recent: the size of the simple model's last errors [B].
            series: numbers of their series [B].
        """
        if not bool(self.fitted):
            return own
        centre = self.share[: len(own), None] * own[..., self.middle]
        unit = spread_unit(own, recent, self.powers)
        if self.sizes is not None:
            unit = unit * self.sizes[series]
        return centre[..., None] + self.offsets[: len(own), None] * unit[..., None]

    @torch.no_grad()
    def fit(self, held_out: Errors, earlier: Errors | None) -> None:
        """Fit the shares, then the bands by conformal prediction.

        A share counts as far as its gain is no chance.

        Args:
            held_out: windows of the validation set.
            earlier: windows of the training set after a simple model that was fitted before them;
                the network's own quantiles are not read.
        """
        if self.sizes is None:  # bands of one size, whatever the series
            held_out = held_out.pooled()
            earlier = None if earlier is None else earlier.pooled()
        shares = [self._best_share(held_out, block) for block in self._blocks()]
        for block, share in zip(self._blocks(), shares, strict=True):
            self.share[block] = share
        left = held_out.truth - self.share[:, None] * held_out.own[..., self.middle]
        parts = [(left, held_out)]
        if earlier is not None:
            now, before = (mean_of(e.abs(), held_out.known) for e in (left, held_out.truth))
            parts.append((earlier.truth * (now / before if before > 0 else 1.0), earlier))
        powers = (recent_power(parts, self.series), 0.0)
        if held_out.truth.shape[1] >= NETWORK_NEEDS:
            powers = min(powers, (0.0, 1.0), key=partial(self._held_out_loss, parts))
        bands = self._bands(parts, powers)
        self.powers.copy_(torch.tensor(powers))
        self.offsets.copy_(bands.offsets)
        if self.sizes is not None:
            self.sizes.copy_(bands.series)
        self.fitted.fill_(1)

    def _blocks(self) -> list[slice]:
        """Parts of the horizon with a share of their own."""
        horizon = len(self.share)
        count = BLOCKS if horizon >= 2 * BLOCKS else 1
        ends = [horizon * k // count for k in range(count + 1)]
        return [slice(a, b) for a, b in pairwise(ends)]

    def _best_share(self, held_out: Errors, block: slice) -> float:
        """The share with the smallest absolute error, less where its gain may be chance.

        share z^2 / (z^2 + 1/4)    z: the gain in its standard errors, of blocks of windows
        """
        known = held_out.known[block]
        used = known.any(0)
        counts = known.sum(0)[used]

        def errors(share: float) -> Tensor:
            left = held_out.truth[block] - share * held_out.own[block, :, self.middle]
            return (left.abs() * known).sum(0)[used] / counts

        if not len(counts):
            return 0.0
        share = min(SHARES, key=lambda share: float(errors(share).mean()))
        gain = (errors(0.0) - errors(share)).double().cpu().numpy()
        means = block_means(gain, len(self.share))
        if share == 0 or len(means) < LEAST_BLOCKS:
            return 0.0
        noise = float(means.std(ddof=1)) / math.sqrt(len(means))
        certainty = float(gain.mean()) / max(noise, 1e-12)
        if certainty < LEAST_CERTAINTY:
            return 0.0
        return share * certainty**2 / (certainty**2 + HALF_AT**2)

    def _bands(self, parts: list[tuple[Tensor, Errors]], powers: tuple[float, float]) -> Bands:
        """The quantiles of the residuals, in the unit of spread.

        Split conformal prediction (Lei et al., 2018): of n errors the quantile at p (n + 1) / n,
        so that a new one lies below it with probability p at least. Steps share the form of their
        distribution, each with a size of its own; a part of each quantile is that of both tails,
        which scatters less.
        """
        used = parts[:1] if powers[1] else parts
        left = torch.cat(
            [one / spread_unit(e.own, e.recent, torch.tensor(powers)) for one, e in used], 1
        )
        known = torch.cat([errors.known for _, errors in used], 1)
        series = torch.cat([errors.series for _, errors in used])
        sizes = sizes_of(left.abs(), known, series, self.series)
        count = int(known.any(0).sum())
        if not count:
            return Bands(torch.zeros_like(self.offsets), sizes.series)
        pooled = (left / sizes.of(series))[known].double()
        at = torch.tensor(self.levels, dtype=torch.float64, device=left.device)
        outward = 0.5 + (at - 0.5).abs()
        outward = (outward * (count + 1) / count).clamp_max(1)
        at = torch.where(at < 0.5, 1 - outward, outward)
        pooled = pooled[:MOST_ERRORS]
        both = (at - 0.5).sign() * torch.quantile(pooled.abs(), (2 * outward - 1).clamp_min(0))
        shape = WIDER * torch.lerp(torch.quantile(pooled, at), both, BOTH_TAILS).to(left)
        shape[: self.middle].clamp_(max=0)
        shape[self.middle] = 0
        shape[self.middle + 1 :].clamp_(min=0)
        return Bands(sizes.steps[:, None] * shape, sizes.series)

    def _held_out_loss(
        self, parts: list[tuple[Tensor, Errors]], powers: tuple[float, float]
    ) -> float:
        """The quantile loss on each half of the validation set with offsets of the rest."""
        left, errors = parts[0]
        count, total = left.shape[1], 0.0
        at = torch.tensor(self.levels).to(left)
        for half in (slice(0, count // 2), slice(count // 2, count)):
            mask = torch.ones(count, dtype=torch.bool, device=left.device)
            mask[half] = False
            rest = (left[:, mask], select(errors, mask))
            bands = self._bands([rest, *parts[1:]], powers)
            own = select(errors, ~mask)
            unit = spread_unit(own.own, own.recent, torch.tensor(powers)) * bands.series[own.series]
            miss = left[:, ~mask, None] - bands.offsets[:, None] * unit[..., None]
            loss = torch.maximum(at * miss, (at - 1) * miss).sum(-1)
            total += float(loss[own.known].sum())
        return total


def select(errors: Errors, windows: Tensor) -> Errors:
    """Some of the windows. windows: bool [B]."""
    return Errors(
        errors.own[:, windows],
        errors.truth[:, windows],
        errors.known[:, windows],
        errors.recent[windows],
        errors.series[windows],
    )


def sizes_of(sizes: Tensor, known: Tensor, series: Tensor, count: int) -> Sizes:
    """Mean sizes of errors, of steps and of series, whose product is the size of an error.

    The size of a series begins at 1, as if so many windows had been seen as `SERIES_COUNTS` says.

    Args:
        sizes: of errors [K, B].
        known: where they are known, bool [K, B].
        series: numbers of the series of windows [B].
        count: S.
    """
    of_windows = ((sizes / step_means(sizes, known)[:, None]) * known).sum(0)
    used = known.any(0)
    of_windows = of_windows[used] / known.sum(0)[used]
    of_series = sizes.new_zeros(count + 1).index_add_(0, series[used], of_windows)
    counts = torch.bincount(series[used], minlength=count + 1)
    of_series = (of_series + SERIES_COUNTS) / (counts + SERIES_COUNTS)
    of_series[0] = 1
    return Sizes(step_means(sizes / of_series[series], known), of_series)


def step_means(sizes: Tensor, known: Tensor) -> Tensor:
    """The mean of the known sizes of each step [K], above 0; of all where none is known."""
    overall = mean_of(sizes, known)
    means = [mean_of(s, k) if k.any() else overall for s, k in zip(sizes, known, strict=True)]
    return torch.tensor(means).to(sizes).clamp_min(1e-9)


def recent_power(parts: list[tuple[Tensor, Errors]], count: int) -> float:
    """The power p of recent errors r that the errors e tell, near the usual one of few windows.

        the likelihood of |e_k| as exponential with mean s_k c r^p, of each window the mean over k;
        s_k: the size of a step, c: that of a series

    Args:
        parts: the residuals [K, B], with their windows.
        count: S.
    """
    sizes = torch.cat([left.abs() for left, _ in parts], 1).double()
    known = torch.cat([errors.known for _, errors in parts], 1)
    recent = torch.cat([errors.recent for _, errors in parts]).clamp(*RECENT_RANGE).double()
    series = torch.cat([errors.series for _, errors in parts])

    def cost(power: float) -> float:
        expected = sizes_of(sizes / recent**power, known, series, count).of(series) * recent**power
        whole = (expected.log() + sizes / expected)[known].sum() / len(sizes)
        return float(whole) + USUAL_COUNTS / 2 * (power - USUAL_POWER) ** 2

    return min(POWERS, key=cost)


def spread_unit(own: Tensor, recent: Tensor, powers: Tensor) -> Tensor:
    """What widths of bands are measured in [K, B].

    Args:
        own: the network's quantiles [K, B, Q].
        recent: the size of the simple model's last errors [B].
        powers: of recent errors and of the network's width [2].
    """
    unit = recent.clamp(*RECENT_RANGE) ** powers[0].to(recent)
    unit = unit.expand(len(own), -1)
    if float(powers[1]):
        unit = unit * (own[..., -1] - own[..., 0]).clamp_min(LEAST_WIDTH) ** powers[1].to(own)
    return unit


def mean_of(values: Tensor, known: Tensor) -> float:
    """The mean of the known values."""
    return float(values[known].double().mean()) if bool(known.any()) else 0.0
