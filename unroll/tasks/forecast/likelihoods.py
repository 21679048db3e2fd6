"""What a forecast is: a point, a distribution, or quantiles; its loss and its quantiles.

K horizon, B batch, P numbers per step that the network gives, Q quantiles.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

GRID = 4097  # points of the integral of Student's density
LEAST = 1e-4  # deviation


class Likelihood(nn.Module, ABC):
    """What the numbers of a network mean for the next steps: a point, a distribution or quantiles.

    Attributes:
        size: P, numbers per step that it needs.
    """

    size: int

    @abstractmethod
    def loss(self, f: Tensor, y: Tensor) -> Tensor:
        """The loss [K, B] of numbers f [K, B, P] and truths y [K, B]."""

    @abstractmethod
    def centre(self, f: Tensor) -> Tensor:
        """The middle of the forecast [K, B], which a recursive head reads back."""

    @abstractmethod
    def quantiles(self, f: Tensor) -> Tensor:
        """The quantiles [K, B, Q] of numbers f [K, B, P]."""


class Point(Likelihood):
    """One number per step, by squared or absolute error.

    Its quantiles are those of its errors on data it was not trained on (split conformal prediction:
    Lei et al. 2018).

    Args:
        horizon: K.
        levels: the quantiles [Q], 0.5 among them.
        squared: whether the loss is the squared error; else the absolute one.

    Attributes:
        errors: quantiles of the errors of each step [K, Q].
    """

    size = 1

    def __init__(self, horizon: int, levels: tuple[float, ...], squared: bool) -> None:
        super().__init__()
        self.levels, self.squared = levels, squared
        self.errors: Tensor
        self.register_buffer("errors", torch.zeros(horizon, len(levels)))

    def loss(self, f: Tensor, y: Tensor) -> Tensor:
        """Squared or absolute errors: f [K, B, 1], y [K, B] -> [K, B]."""
        error = y - f[..., 0]
        return error**2 if self.squared else error.abs()

    def centre(self, f: Tensor) -> Tensor:
        """The number itself: f [K, B, 1] -> [K, B]."""
        return f[..., 0]

    def quantiles(self, f: Tensor) -> Tensor:
        """The number plus the quantiles of its errors: f [K, B, 1] -> [K, B, Q]."""
        return f + self.errors[: len(f), None]

    @torch.no_grad()
    def learn_errors(self, f: Tensor, y: Tensor, weight: Tensor) -> None:
        """Take the quantiles of errors; the median stays the forecast.

        Args:
            f: forecasts [K, B, 1] of windows not trained on.
            y: truths [K, B].
            weight: where the truth is known, bool [K, B].
        """
        for k in range(len(f)):
            errors = (y - f[..., 0])[k][weight[k]]
            if len(errors):
                levels = torch.tensor(self.levels, dtype=errors.dtype, device=errors.device)
                self.errors[k] = torch.quantile(errors, levels)
                self.errors[k, self.levels.index(0.5)] = 0
        self.errors.copy_(self.errors.sort(-1).values)


class Gaussian(Likelihood):
    """A normal distribution per step, by its negative log-likelihood in nats."""

    size = 2

    def __init__(self, horizon: int, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.levels = levels

    def loss(self, f: Tensor, y: Tensor) -> Tensor:
        """Negative log-likelihood in nats: f [K, B, 2], y [K, B] -> [K, B]."""
        deviation = spread(f)
        return (
            0.5 * ((y - f[..., 0]) / deviation) ** 2 + deviation.log() + 0.5 * math.log(2 * math.pi)
        )

    def centre(self, f: Tensor) -> Tensor:
        """The mean: f [K, B, 2] -> [K, B]."""
        return f[..., 0]

    def quantiles(self, f: Tensor) -> Tensor:
        """Quantiles of the normal distribution: f [K, B, 2] -> [K, B, Q]."""
        at = torch.special.ndtri(torch.tensor(self.levels, dtype=torch.float64)).to(f)
        return f[..., :1] + spread(f)[..., None] * at


class StudentT(Likelihood):
    """Student's t distribution per step, by its negative log-likelihood: for heavy tails.

    Its degrees of freedom, above 2, are learned, one number per step of the horizon.
    """

    size = 2

    def __init__(self, horizon: int, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.levels = levels
        self.tail = nn.Parameter(torch.full((horizon,), 3.0))

    @property
    def freedom(self) -> Tensor:
        """Degrees of freedom [K]."""
        return 2 + softplus(self.tail)

    def loss(self, f: Tensor, y: Tensor) -> Tensor:
        """Negative log-likelihood in nats: f [K, B, 2], y [K, B] -> [K, B]."""
        nu, deviation = self.freedom[: len(f), None], spread(f)
        square = ((y - f[..., 0]) / deviation) ** 2
        return (
            torch.lgamma(nu / 2)
            - torch.lgamma((nu + 1) / 2)
            + 0.5 * (nu * math.pi).log()
            + deviation.log()
            + (nu + 1) / 2 * torch.log1p(square / nu)
        )

    def centre(self, f: Tensor) -> Tensor:
        """The mean: f [K, B, 2] -> [K, B]."""
        return f[..., 0]

    def quantiles(self, f: Tensor) -> Tensor:
        """Quantiles of Student's t distribution: f [K, B, 2] -> [K, B, Q]."""
        at = student_quantiles(self.freedom[: len(f)].detach(), self.levels).to(f)
        return f[..., :1] + spread(f)[..., None] * at[:, None]


class Quantiles(Likelihood):
    """Quantiles that never cross, by the pinball loss: the median, and gaps above and below it.

    The loss is the mean over quantiles of 2 max(q (y - f), (q - 1) (y - f)); for the median it is
    the absolute error (Koenker and Bassett, 1978).
    """

    def __init__(self, horizon: int, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.levels, self.size = levels, len(levels)
        self.middle = levels.index(0.5)

    def loss(self, f: Tensor, y: Tensor) -> Tensor:
        """Pinball loss, the mean over quantiles: f [K, B, Q], y [K, B] -> [K, B]."""
        levels = torch.tensor(self.levels, dtype=f.dtype, device=f.device)
        error = y[..., None] - self.quantiles(f)
        return 2 * torch.maximum(levels * error, (levels - 1) * error).mean(-1)

    def centre(self, f: Tensor) -> Tensor:
        """The median: f [K, B, Q] -> [K, B]."""
        return f[..., self.middle]

    def quantiles(self, f: Tensor) -> Tensor:
        """Quantiles that rise, from a median and gaps: f [K, B, Q] -> [K, B, Q]."""
        middle = f[..., self.middle : self.middle + 1]
        above = softplus(f[..., self.middle + 1 :]).cumsum(-1)
        below = softplus(f[..., : self.middle]).flip(-1).cumsum(-1).flip(-1)
        return torch.cat([middle - below, middle, middle + above], -1)


def likelihood(name: str, horizon: int, levels: tuple[float, ...]) -> Likelihood:
    """The likelihood of a loss.

    Args:
        name: mse, mae, gaussian, student_t or quantile.
        horizon: K.
        levels: the quantiles [Q], rising, 0.5 among them.
    """
    if name in ("mse", "mae"):
        return Point(horizon, levels, squared=name == "mse")
    kinds: dict[str, type[Gaussian | StudentT | Quantiles]] = {
        "gaussian": Gaussian, "student_t": StudentT, "quantile": Quantiles,
    }  # fmt: skip
    return kinds[name](horizon, levels)


def spread(f: Tensor) -> Tensor:
    """The deviation [K, B] that numbers [K, B, 2] give, above 0."""
    return softplus(f[..., 1]) + LEAST


def student_quantiles(freedom: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Quantiles [K, Q] of Student's t distribution, in float64.

    With t = sqrt(nu) tan(a) its density is cos(a)^(nu-1) over -pi/2..pi/2, which is integrated by
    the trapezoid rule.

    Args:
        freedom: degrees of freedom nu [K].
        levels: shares of probability [Q].

    Examples:
        >>> import torch
        >>> from unroll.tasks.forecast.likelihoods import student_quantiles
        >>> [round(t, 3) for t in student_quantiles(torch.tensor([3.0]), (0.9, 0.975))[0].tolist()]
        [1.638, 3.182]
    """
    nu = freedom.double().cpu()[:, None]
    angles = torch.linspace(-math.pi / 2, math.pi / 2, GRID, dtype=torch.float64)
    density = angles.cos().clamp_min(0) ** (nu - 1)
    mass = torch.cumulative_trapezoid(density, angles)
    mass = torch.cat([torch.zeros_like(mass[:, :1]), mass], -1) / mass[:, -1:]
    wanted = torch.tensor(levels, dtype=torch.float64).expand(len(nu), -1).contiguous()
    right = torch.searchsorted(mass.contiguous(), wanted).clamp(1, GRID - 1)
    low, high = mass.gather(1, right - 1), mass.gather(1, right)
    share = (wanted - low) / (high - low)
    angle = angles[right - 1] + share * (angles[right] - angles[right - 1])
    return nu.sqrt() * angle.tan()
