"""A linear read-out in closed form: ridge regression from sums that fit in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

import torch
from torch import Tensor, nn

ROWS = 16_384  # that are float64 at once: 13 MB for 100 units
# The share of a column that rounding leaves when the columns that make it up are taken out: at most
# 50 roundings, for 3 to 600 columns of 5,000 rows.
NOTHING = 100 * torch.finfo(torch.float64).eps


class Ridge:
    """The sums of a ridge regression: add blocks of any number, solve for any penalty.

    When to use it: to read out what is not trained, such as the states of an `EchoStateCell`, or
    to replace the head of a trained network; and, beside `fit_ridge`, for blocks that come one by
    one, or to try several penalties:

        readouts = [sums.solve(penalty) for penalty in (1e-8, 1e-6, 1e-4)]
        best = min(readouts, key=lambda readout: mse_loss(readout(validation_set), targets))

    Equations, with a column of ones in X for the bias, whose penalty is zero:

        minimise |X W' - Y|^2 + penalty |W|^2        sums over all rows, not means
        (X'X + penalty I) W' = X'Y                   by Cholesky, in float64

    Only X'X [H+1, H+1] and X'Y [H+1, O] are kept, so memory does not grow with the rows. Both
    square the states: directions of X that are 1e-8 of the largest are lost without a penalty.

    Source: M. Lukosevicius, A practical guide to applying echo state networks, 2012, section 4
    (https://doi.org/10.1007/978-3-642-35289-8_36).

    Args:
        bias: whether the read-out has one.

    Example:
        >>> import torch
        >>> from unroll.layers.ridge import Ridge
        >>> sums = Ridge()
        >>> for _ in range(3):
        ...     x = torch.randn(100, 2)
        ...     sums.add(x, x @ torch.tensor([[2.0], [-1.0]]) + 3)
        >>> readout = sums.solve(1e-6)
        >>> [round(v, 3) for v in (*readout.weight[0].tolist(), *readout.bias.tolist())]
        [2.0, -1.0, 3.0]
    """

    def __init__(self, *, bias: bool = True) -> None:
        self.bias = bias
        self.rows = 0
        self._squares: Tensor | None = None  # X'X
        self._products: Tensor | None = None  # X'Y
        self._dtype = torch.float32

    @torch.no_grad()
    def add(self, states: Tensor, targets: Tensor) -> None:
        """Add rows. states: [..., H]. targets: [..., O], of the same leading axes.

        Raises: ValueError for other shapes, or numbers that are not finite; nothing is added then.
        """
        if min(states.dim(), targets.dim()) < 1 or states.shape[:-1] != targets.shape[:-1]:
            raise ValueError(
                f"The read-out got states {list(states.shape)} and targets {list(targets.shape)}; "
                "expected [..., H] and [..., O] with the same leading axes. A target of one number "
                "a step wants targets.unsqueeze(-1)."
            )
        H, O = states.shape[-1], targets.shape[-1]
        states, targets = states.reshape(-1, H), targets.reshape(-1, O)
        columns = H + self.bias
        squares = torch.zeros(columns, columns, dtype=torch.float64, device=states.device)
        products = torch.zeros(columns, O, dtype=torch.float64, device=states.device)
        for x, y in zip(states.split(ROWS), targets.split(ROWS), strict=True):
            x, y = x.double(), y.to(states.device, torch.float64)
            if self.bias:
                x = torch.cat([x.new_ones(len(x), 1), x], 1)
            squares.addmm_(x.T, x)
            products.addmm_(x.T, y)
        for name, sums in (("states", squares), ("targets", products)):
            if not sums.isfinite().all():
                raise ValueError(
                    f"The read-out got {name} with numbers that are not finite (NaN or infinity), "
                    "or too large to square."
                )
        if self._squares is None or self._products is None:
            self._squares, self._products = squares, products
            self._dtype = states.dtype if states.is_floating_point() else torch.float32
        elif self._products.shape != products.shape:
            width = len(self._products) - self.bias
            raise ValueError(
                f"The read-out got states of width H={H} and targets of width O={O}; expected "
                f"H={width} and O={self._products.shape[1]}, as in the blocks before."
            )
        else:
            self._squares += squares
            self._products += products
        self.rows += len(states)

    @torch.no_grad()
    def solve(self, penalty: float = 1e-6) -> nn.Linear:
        """The read-out for this penalty, in the type and on the device of the first states.

        penalty: added to the diagonal of X'X; at least 0.
        Raises: ValueError for a penalty below 0, for no rows, or where the system is singular.
        """
        if not penalty >= 0:
            raise ValueError(f"The read-out got penalty={penalty}; expected at least 0.")
        if self._squares is None or self._products is None or not self.rows:
            raise ValueError("There are no rows to solve for: add some first.")
        ridge = torch.full_like(self._squares.diagonal(), penalty)
        if self.bias:
            ridge[0] = 0  # the ones stand first, where no sum of other columns can take their place
        squares = self._squares + ridge.diag()
        factor, failed = torch.linalg.cholesky_ex(squares)
        left = factor.diagonal() ** 2 / squares.diagonal()  # of each column, without those before
        if failed or not (left > NOTHING).all():
            raise ValueError(
                f"The read-out cannot be solved with penalty={penalty}: {self.rows} rows do not "
                f"tell {len(left)} weights of an output apart (units that are zero, alike, or sums "
                "of others, to float64's precision). Give a larger penalty, or more steps."
            )
        weights = torch.cholesky_solve(self._products, factor).T
        O, H = len(weights), weights.shape[1] - self.bias
        with torch.random.fork_rng(devices=[]):  # what Linear draws is not kept
            readout = nn.Linear(H, O, bias=self.bias, dtype=self._dtype, device="cpu")
        readout.to(weights.device)
        readout.weight.copy_(weights[:, int(self.bias) :])
        if self.bias:
            readout.bias.copy_(weights[:, 0])
        return readout


def fit_ridge(
    states: Tensor | Iterable[Tensor],
    targets: Tensor | Iterable[Tensor],
    *,
    penalty: float = 1e-6,
    washout: int = 0,
    bias: bool = True,
    lengths: Tensor | Sequence[int] | None = None,
) -> nn.Linear:
    """Fit a linear read-out of states by ridge regression, in closed form.

    When to use it: as the head of a reservoir (`unroll.cells.echo_state.EchoStateCell`). What comes
    back is an ordinary `nn.Linear`, which goes wherever a head goes.

    Equations and numerics: those of `Ridge`, which also tries several penalties on one pass.

    Args:
        states: [T, H] or [T, B, H]; or blocks of them, such as a generator that runs a layer on a
            part of a long stream at a time and carries the state. Of blocks only sums are kept.
        targets: [T, O] or [T, B, O]; or as many blocks.
        penalty: added to the diagonal of X'X, which is a sum over all rows; not to the bias'.
        washout: how many steps at the beginning of every sequence are left out, because they still
            show the state that it began in; of blocks, at the beginning of the stream.
        bias: whether the read-out has one.
        lengths: true lengths [B] of states [T, B, H]; the padding is left out. Default: all T.

    Output: an `nn.Linear(H, O)` in the type and on the device of the states.
    Raises: ValueError for shapes that do not fit, a washout that leaves nothing, and what `Ridge`
        raises, with a sentence where the system is singular.

    Example:
        >>> import torch, unroll
        >>> from unroll.cells.echo_state import EchoStateCell
        >>> from unroll.layers.ridge import fit_ridge
        >>> wave = torch.sin(0.3 * torch.arange(500.0)).reshape(-1, 1, 1)
        >>> reservoir = unroll.Recurrent(EchoStateCell, 1, 50)
        >>> states, _ = reservoir(wave[:-1])
        >>> readout = fit_ridge(states[:400], wave[1:401], washout=100)
        >>> bool((readout(states[400:]) - wave[401:]).abs().max() < 0.01)
        True
    """
    if washout < 0:
        raise ValueError(f"fit_ridge got washout={washout}; expected at least 0 steps.")
    sums = Ridge(bias=bias)
    if isinstance(states, Tensor) and isinstance(targets, Tensor):
        sums.add(*rows_to_fit(states, targets, washout, lengths))
    elif isinstance(states, Tensor) or isinstance(targets, Tensor):
        raise ValueError(
            "fit_ridge got a tensor and blocks; expected states and targets to be both tensors or "
            "both blocks. targets.split(n) makes blocks of n steps."
        )
    elif lengths is not None:
        raise ValueError(
            "fit_ridge got lengths for blocks; expected none: a stream has no padding. For "
            "sequences of several lengths add each to a Ridge."
        )
    else:
        early = washout
        for block, wanted in zip_longest(states, targets):
            if block is None or wanted is None:
                more, fewer = ("targets", "states") if block is None else ("states", "targets")
                raise ValueError(
                    f"fit_ridge got more blocks of {more} than of {fewer}; expected as many."
                )
            sums.add(*rows_to_fit(block, wanted, min(early, len(block)), None))
            early -= min(early, len(block))
    if not sums.rows:
        raise ValueError(f"fit_ridge got washout={washout}, which leaves no step to fit.")
    return sums.solve(penalty)


def rows_to_fit(
    states: Tensor, targets: Tensor, washout: int, lengths: Tensor | Sequence[int] | None
) -> tuple[Tensor, Tensor]:
    """Rows [..., H] and [..., O] without the washout and the padding."""
    if states.dim() not in (2, 3) or states.shape[:-1] != targets.shape[:-1]:
        raise ValueError(
            f"fit_ridge got states {list(states.shape)} and targets {list(targets.shape)}; expected "
            "[T, H] and [T, O], or [T, B, H] and [T, B, O]. A target of one number a step wants "
            "targets.unsqueeze(-1)."
        )
    if lengths is None:
        return states[washout:], targets[washout:]
    T, B = states.shape[0], states.shape[1] if states.dim() == 3 else None
    ends = torch.as_tensor(lengths, device=states.device)
    if ends.shape != (B,) or bool((ends < 0).any()) or bool((ends > T).any()):
        raise ValueError(
            f"fit_ridge got lengths of shape {list(ends.shape)} for states {list(states.shape)}; "
            f"expected one a sequence of states [T, B, H], from 0 to T={T}."
        )
    steps = torch.arange(T, device=states.device).unsqueeze(1)
    inside = (steps >= washout) & (steps < ends)
    return states[inside], targets[inside.to(targets.device)]
