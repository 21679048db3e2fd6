"""How much the network counts beside the simple model, and bands that hold what they promise.

K horizon, B windows, Q quantiles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

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
    """

    own: Tensor
    truth: Tensor
    known: Tensor
    recent: Tensor


class Combination(nn.Module):
    """The simple model and the network together.

        median_k = floor_k + a_k m_k            m: the network's median, relative to the floor
        q_k = median_k + o_kq u,   u = r^p w^s  r: recent errors of the floor, w: the network's width

    Before it is fitted the network counts fully, with its own quantiles.

    Args:
        horizon: K.
        levels: the quantiles [Q], 0.5 among them.

    Attributes:
        fitted: 1 where it is fitted.
        share: a, how much of the network's correction counts [K].
        offsets: o, the quantiles of what is left, in u [K, Q].
        powers: p and s [2].
    """

    def __init__(self, horizon: int, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.levels, self.middle = levels, levels.index(0.5)
        self.fitted: Tensor
        self.share: Tensor
        self.offsets: Tensor
        self.powers: Tensor
        self.register_buffer("fitted", torch.zeros(()))
        self.register_buffer("share", torch.ones(horizon))
        self.register_buffer("offsets", torch.zeros(horizon, len(levels)))
        self.register_buffer("powers", torch.zeros(2))

    def forward(self, own: Tensor, recent: Tensor) -> Tensor:
        """Quantiles relative to the simple model [K, B, Q].

        Args:
            own: the network's [K, B, Q].
            recent: the size of the simple model's last errors [B].
        """
        if not bool(self.fitted):
            return own
        centre = self.share[: len(own), None] * own[..., self.middle]
        unit = spread_unit(own, recent, self.powers)
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
        shares = [self._best_share(held_out, block) for block in self._blocks()]
        for block, share in zip(self._blocks(), shares, strict=True):
            self.share[block] = share
        left = held_out.truth - self.share[:, None] * held_out.own[..., self.middle]
        parts = [(left, held_out)]
        if earlier is not None:
            now, before = (mean_of(e.abs(), held_out.known) for e in (left, held_out.truth))
            parts.append((earlier.truth * (now / before if before > 0 else 1.0), earlier))
        powers = (recent_power(parts), 0.0)
        if held_out.truth.shape[1] >= NETWORK_NEEDS:
            powers = min(powers, (0.0, 1.0), key=partial(self._held_out_loss, parts))
        self.powers.copy_(torch.tensor(powers))
        self.offsets.copy_(self._offsets(parts, powers))
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

    def _offsets(self, parts: list[tuple[Tensor, Errors]], powers: tuple[float, float]) -> Tensor:
        """The quantiles of what is left, in the unit of spread [K, Q].

        Split conformal prediction (Lei et al., 2018): of n errors the quantile at p (n + 1) / n,
        so that a new one lies below it with probability p at least. Steps share the form of their
        distribution, each with a size of its own; a part of each quantile is that of both tails,
        which scatters less.
        """
        used = parts[:1] if powers[1] else parts
        found = [
            (left / spread_unit(errors.own, errors.recent, torch.tensor(powers)), errors.known)
            for left, errors in used
        ]
        left = torch.cat([each for each, _ in found], 1)
        known = torch.cat([each for _, each in found], 1)
        count = int(known.any(0).sum())
        if not count:
            return torch.zeros_like(self.offsets)
        overall = mean_of(left.abs(), known)
        sizes = torch.tensor(
            [mean_of(e.abs(), k) if k.any() else overall for e, k in zip(left, known, strict=True)]
        ).to(left)
        sizes = sizes.clamp_min(1e-9)
        pooled = (left / sizes[:, None])[known].double()
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
        return sizes[:, None] * shape

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
            offsets = self._offsets([rest, *parts[1:]], powers)
            own = select(errors, ~mask)
            unit = spread_unit(own.own, own.recent, torch.tensor(powers))
            miss = left[:, ~mask, None] - offsets[:, None] * unit[..., None]
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
    )


def recent_power(parts: list[tuple[Tensor, Errors]]) -> float:
    """The power p of recent errors r that the errors e tell, near the usual one of few windows.

        the likelihood of |e_k| as exponential with mean s_k r^p, of each window the mean over k;
        s_k = mean |e_k| / r^p

    Args:
        parts: what is left of the truth [K, B], with its windows.
    """
    sizes = torch.cat([left.abs() for left, _ in parts], 1).double()
    known = torch.cat([errors.known for _, errors in parts], 1)
    recent = torch.cat([errors.recent for _, errors in parts]).clamp(*RECENT_RANGE).double()
    counts = known.sum(1)

    def cost(power: float) -> float:
        means = (sizes / recent**power * known).sum(1) / counts.clamp_min(1)
        logs = (counts * means.clamp_min(1e-9).log()).sum()
        whole = (logs + power * (recent.log() * known).sum()) / len(sizes)
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
