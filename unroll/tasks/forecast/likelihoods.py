"""What a forecast is: a point, a distribution, or quantiles; its loss and its quantiles.

K horizon, B batch, P numbers a step that the network gives, Q quantiles.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

GRID = 4097  # points of the integral of Student's density
LEAST = 1e-4  # deviation


class Point(nn.Module):
    """One number a step, by squared or absolute error.

    Its quantiles are those of the errors it made on data it did not learn from, `errors` [K, Q],
    in units of `scale` (split conformal prediction: Lei et al. 2018).

    Args:
        horizon: K. levels: the quantiles, 0.5 among them. squared: which error.
    """

    size = 1

    def __init__(self, horizon: int, levels: tuple[float, ...], squared: bool) -> None:
        super().__init__()
        self.levels, self.squared = levels, squared
        self.errors: Tensor
        self.register_buffer("errors", torch.zeros(horizon, len(levels)))

    def loss(self, f: Tensor, y: Tensor) -> Tensor:
        """[K, B] of f [K, B, 1] and y [K, B]."""
        error = y - f[..., 0]
        return error**2 if self.squared else error.abs()

    def centre(self, f: Tensor) -> Tensor:
        """What a recursive head reads back: [K, B]."""
        return f[..., 0]

    def quantiles(self, f: Tensor) -> Tensor:
        """[K, B, Q]"""
        return f + self.errors[: len(f), None]

    @torch.no_grad()
    def learn_errors(self, f: Tensor, y: Tensor, weight: Tensor) -> None:
        """From forecasts and truths that were not trained on; the middle stays the forecast."""
        for k in range(len(f)):
            errors = (y - f[..., 0])[k][weight[k]]
            if len(errors):
                levels = torch.tensor(self.levels, dtype=errors.dtype, device=errors.device)
                self.errors[k] = torch.quantile(errors, levels)
                self.errors[k, self.levels.index(0.5)] = 0
        self.errors.copy_(self.errors.sort(-1).values)


class Gaussian(nn.Module):
    """A normal distribution a step, by its negative log-likelihood in nats."""

    size = 2

    def __init__(self, horizon: int, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.levels = levels

    def loss(self, f: Tensor, y: Tensor) -> Tensor:
        deviation = spread(f)
        return (
            0.5 * ((y - f[..., 0]) / deviation) ** 2 + deviation.log() + 0.5 * math.log(2 * math.pi)
        )

    def centre(self, f: Tensor) -> Tensor:
        return f[..., 0]

    def quantiles(self, f: Tensor) -> Tensor:
        at = torch.special.ndtri(torch.tensor(self.levels, dtype=torch.float64)).to(f)
        return f[..., :1] + spread(f)[..., None] * at


class StudentT(nn.Module):
    """Student's t distribution a step, by its negative log-likelihood: for tails that are heavy.

    Its degrees of freedom, above 2, are learned, one number a step of the horizon.
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
        return f[..., 0]

    def quantiles(self, f: Tensor) -> Tensor:
        at = student_quantiles(self.freedom[: len(f)].detach(), self.levels).to(f)
        return f[..., :1] + spread(f)[..., None] * at[:, None]


class Quantiles(nn.Module):
    """Quantiles that never cross, by the pinball loss: the middle, and gaps above and below it.

    Summed over the quantiles: max(q (y - f), (q - 1) (y - f)), twice, so that the middle's is the
    absolute error (Koenker and Bassett, 1978).
    """

    def __init__(self, horizon: int, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.levels, self.size = levels, len(levels)
        self.middle = levels.index(0.5)

    def loss(self, f: Tensor, y: Tensor) -> Tensor:
        levels = torch.tensor(self.levels, dtype=f.dtype, device=f.device)
        error = y[..., None] - self.quantiles(f)
        return 2 * torch.maximum(levels * error, (levels - 1) * error).mean(-1)

    def centre(self, f: Tensor) -> Tensor:
        return f[..., self.middle]

    def quantiles(self, f: Tensor) -> Tensor:
        middle = f[..., self.middle : self.middle + 1]
        above = softplus(f[..., self.middle + 1 :]).cumsum(-1)
        below = softplus(f[..., : self.middle]).flip(-1).cumsum(-1).flip(-1)
        return torch.cat([middle - below, middle, middle + above], -1)


Likelihood = Point | Gaussian | StudentT | Quantiles


def likelihood(name: str, horizon: int, levels: tuple[float, ...]) -> Likelihood:
    """mse, mae, gaussian, student_t or quantile."""
    if name in ("mse", "mae"):
        return Point(horizon, levels, squared=name == "mse")
    kinds: dict[str, type[Gaussian | StudentT | Quantiles]] = {
        "gaussian": Gaussian, "student_t": StudentT, "quantile": Quantiles,
    }  # fmt: skip
    return kinds[name](horizon, levels)


def spread(f: Tensor) -> Tensor:
    return softplus(f[..., 1]) + LEAST


def student_quantiles(freedom: Tensor, levels: tuple[float, ...]) -> Tensor:
    """[K, Q], float64: where Student's distribution with so many degrees of freedom [K] passes
    these shares. With t = sqrt(nu) tan(a) its density is cos(a)^(nu-1) over -pi/2..pi/2, which is
    integrated by the trapezoid rule.

    Example:
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
