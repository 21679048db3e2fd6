"""Exponential smoothing: level, damped trend, season and correlated errors, as linear forecasts.

S series, T time, X numbers of a state, P parameters, N steps of a window, K horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

Trend = Literal["none", "drift", "linear", "damped"]
# of alpha, beta, gamma, phi, rho
LOWEST = np.array([1e-3, 1e-4, 1e-4, 0.8, -0.9])
HIGHEST = np.array([0.999, 0.999, 0.999, 0.995, 0.9])
STARTS = ((0.5, 0.1, 0.1, 0.95, 0.0), (0.1, 0.1, 0.1, 0.95, 0.0))
STEP = 1e-4  # of a derivative
ITERATIONS = 30
PRIOR = 1e-6  # the weight of a zero state before a window, which settles what no step of it tells
EXPLODES = 1e3  # a forecast that depends on the state before a window by this factor is refused


@dataclass(frozen=True)
class SmoothingForm:
    """What a series is made of beside its level.

    Attributes:
        trend: damped: a trend that fades; linear: one that goes on; drift: one that never changes;
            none.
        season: steps of a season; 1: none.
        correlated: errors that follow from the error before.
    """

    trend: Trend
    season: int
    correlated: bool

    @property
    def free(self) -> list[int]:
        """The places of the parameters that are fitted."""
        moves = self.trend in ("damped", "linear")
        has = (True, moves, self.season > 1, self.trend == "damped", self.correlated)
        return [k for k, used in enumerate(has) if used]

    @property
    def size(self) -> int:
        """X, numbers of a state."""
        seasons = self.season if self.season > 1 else 0
        return 1 + (self.trend != "none") + seasons + self.correlated


class StateSpace(NamedTuple):
    """Smoothing in innovations form: y_t = w x_{t-1} + e_t, x_t = F x_{t-1} + g e_t.

    Attributes:
        move: F [S, X, X].
        read: w [S, X].
        gain: g [S, X].
    """

    move: np.ndarray
    read: np.ndarray
    gain: np.ndarray

    @property
    def forget(self) -> np.ndarray:
        """F - g w [S, X, X], by which a state depends on the state before it where y is given."""
        return self.move - self.gain[:, :, None] * self.read[:, None, :]


def state_space(form: SmoothingForm, parameters: np.ndarray) -> StateSpace:
    """The equations of a form.

        y_t = l_{t-1} + phi b_{t-1} + s_{t-m} + rho d_{t-1} + e_t
        l_t = l_{t-1} + phi b_{t-1} + alpha e_t
        b_t = phi b_{t-1} + alpha beta e_t
        s_t = s_{t-m} + (1 - alpha) gamma e_t
        d_t = rho d_{t-1} + e_t

    Source: R. Hyndman, A. Koehler, J. Ord and R. Snyder, Forecasting with exponential smoothing, 2008.

    Args:
        form: which of them it has.
        parameters: alpha, beta, gamma, phi, rho of each series [S, 5].
    """
    alpha, beta, gamma, phi, rho = parameters.T
    m = form.season if form.season > 1 else 0
    move = np.zeros((len(parameters), form.size, form.size))
    read, gain = np.zeros((2, len(parameters), form.size))
    move[:, 0, 0], read[:, 0], gain[:, 0] = 1, 1, alpha
    at = 1
    if form.trend != "none":
        move[:, 0, 1], move[:, 1, 1], read[:, 1], gain[:, 1] = phi, phi, phi, alpha * beta
        at = 2
    if m:  # the seasons of the last m steps, the newest first
        move[:, at, at + m - 1], read[:, at + m - 1], gain[:, at] = 1, 1, (1 - alpha) * gamma
        for k in range(1, m):
            move[:, at + k, at + k - 1] = 1
    if form.correlated:
        move[:, -1, -1], read[:, -1], gain[:, -1] = rho, rho, 1
    return StateSpace(move, read, gain)


def powers(matrix: np.ndarray, vector: np.ndarray, count: int) -> np.ndarray:
    """The vectors matrix^j vector for j = 0 .. count - 1 [S, X, count]."""
    found, jump = vector[:, :, None], matrix
    while found.shape[2] < count:
        found = np.concatenate([found, jump @ found], 2)
        jump = jump @ jump
    return found[:, :, :count]


def squared_errors(
    form: SmoothingForm, parameters: np.ndarray, values: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """The mean squared error of forecasts one step ahead [S], with the best state before each series.

    Args:
        form: of all series.
        parameters: [S, 5].
        values: the series, at the right [S, T]; zeros before their starts.
        starts: the place of the first value of each [S].
    """
    steps = values.shape[1]
    space = state_space(form, parameters)
    with np.errstate(over="ignore", invalid="ignore"):
        gains = powers(space.forget, space.gain, steps)
        answer = np.einsum("sx,sxj->sj", space.read, gains)  # of a forecast to earlier values
        fade = powers(space.forget.transpose(0, 2, 1), space.read, steps)
    explodes = ~np.isfinite(fade).all((1, 2)) | (np.abs(np.nan_to_num(fade)).max((1, 2)) > EXPLODES)
    answer, fade = (np.where(explodes[(..., *[None] * (a.ndim - 1))], 0, a) for a in (answer, fade))
    size = 1 << (2 * steps - 1).bit_length()
    forecast = np.fft.irfft(np.fft.rfft(values, size) * np.fft.rfft(answer, size), size)[:, :steps]
    errors = values.copy()
    errors[:, 1:] -= forecast[:, :-1]
    at = np.arange(steps) - starts[:, None]
    rows = np.take_along_axis(fade, np.maximum(at, 0)[:, None, :], 2) * (at >= 0)[:, None, :]
    errors = errors * (at >= 0)
    square = rows @ rows.transpose(0, 2, 1)
    square += PRIOR * steps * np.eye(square.shape[1])
    before = np.linalg.solve(square, (rows @ errors[:, :, None]))
    rest = errors - (before.transpose(0, 2, 1) @ rows)[:, 0]
    mean = (rest**2).sum(1) / np.maximum(1, steps - starts)
    return np.where(explodes, np.inf, mean)


def fit_smoothing(
    form: SmoothingForm, values: np.ndarray, starts: np.ndarray, shared: bool
) -> np.ndarray:
    """The parameters with the smallest squared errors one step ahead, by L-BFGS-B.

    Args:
        form: of all series.
        values: the series, at the right [S, T]; zeros before their starts.
        starts: the place of the first value of each [S].
        shared: whether all series have the same parameters.

    Returns:
        alpha, beta, gamma, phi, rho of each series [S, 5].
    """
    from scipy.optimize import minimize

    series, free = len(values), form.free
    counts = values.shape[1] - starts
    sets = 1 if shared else series
    tiny = 1e-12 * np.maximum(1e-12, (values**2).sum(1) / counts)

    def whole(given: np.ndarray) -> np.ndarray:
        parameters = np.tile(np.array([0.0, 0, 0, 1, 0]), (len(given), 1))
        parameters[:, free] = given
        return parameters

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        given = flat.reshape(sets, -1)
        moved = [given, *(given + STEP * step for step in np.eye(len(free)))]
        tried = np.concatenate([np.broadcast_to(each, (series, len(free))) for each in moved])
        errors = squared_errors(
            form, whole(tried), np.tile(values, (len(moved), 1)), np.tile(starts, len(moved))
        ).reshape(len(moved), series)
        logs = 0.5 * counts * np.log(np.minimum(errors, 1e12) + tiny)
        slope = (logs[1:] - logs[0]) / STEP
        slope = slope.sum(1, keepdims=True) if shared else slope
        return float(logs[0].sum()), slope.T.ravel()

    bounds = list(zip(LOWEST[free], HIGHEST[free], strict=True)) * sets
    found = [
        minimize(
            cost, np.tile(np.array(start)[free], sets), jac=True, method="L-BFGS-B",
            bounds=bounds, options={"maxiter": ITERATIONS},
        )
        for start in STARTS
    ]  # fmt: skip
    best = min(found, key=lambda one: float(one.fun)).x
    given = np.broadcast_to(best.reshape(sets, -1), (series, len(free)))
    return whole(given)


class SmoothingWeights(NamedTuple):
    """Smoothing of a window as products with its values.

    Attributes:
        forecast: weights of the values for each step ahead [K, N].
        errors: weights of the values for the last errors one step ahead in the window [R, N].
    """

    forecast: np.ndarray
    errors: np.ndarray


def smoothing_weights(
    form: SmoothingForm, parameters: np.ndarray, steps: int, horizon: int, recent: int
) -> SmoothingWeights:
    """The weights of the values of a window in forecasts, with the best state before the window.

    Args:
        form: of the series.
        parameters: [5].
        steps: N.
        horizon: K.
        recent: R, at most; last errors.
    """
    space = state_space(form, parameters[None])
    gains = powers(space.forget, space.gain, steps)[0]  # [X, N]
    fade = powers(space.forget.transpose(0, 2, 1), space.read, steps)[0].T  # [N, X]
    answer = np.concatenate([[0.0], space.read[0] @ gains])[:steps]
    lag = np.arange(steps)[:, None] - np.arange(steps)
    filtered = np.eye(steps) - np.where(lag > 0, answer[np.maximum(lag, 0)], 0.0)
    square = fade.T @ fade + PRIOR * steps * np.eye(fade.shape[1])
    before = np.linalg.solve(square, fade.T @ filtered)  # [X, N]
    state = gains[:, ::-1] + np.linalg.matrix_power(space.forget[0], steps) @ before
    ahead = powers(space.move.transpose(0, 2, 1), space.read, horizon)[0].T  # [K, X]
    return SmoothingWeights(ahead @ state, (filtered - fade @ before)[-recent:])
