"""A linear read-out in closed form: ridge regression from sums that fit in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

import torch
from torch import Tensor, nn

ROWS = 16_384  # converted to float64 at a time: 13 MB for 100 units
# The share of a column that rounding leaves where the column is a sum of others: at most 50 roundings
# were measured, for 3 to 600 columns of 5,000 rows.
NOTHING = 100 * torch.finfo(torch.float64).eps


class Ridge:
    """The sums of a ridge regression: add any number of blocks, solve for any penalty.

    When to use it: to read out states that are not trained, such as those of an `EchoStateCell`, or
    to replace the head of a trained network. `fit_ridge` is shorter; this class takes blocks one by
    one and tries several penalties:

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
        bias: whether the read-out has a bias.

    Attributes:
        rows: the number of rows that were added.

    Examples:
        >>> import torch, unroll
        >>> sums = unroll.Ridge()
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
        """Add rows.

        Args:
            states: [..., H].
            targets: [..., O], with the same leading axes.

        Raises:
            ValueError: the shapes do not fit, or a number is not finite; nothing is added then.
        """
        if min(states.dim(), targets.dim()) < 1 or states.shape[:-1] != targets.shape[:-1]:
            raise ValueError(
                f"The read-out got states {list(states.shape)} and targets {list(targets.shape)}; "
                "expected [..., H] and [..., O] with the same leading axes. Where the target is "
                "one number per step, pass targets.unsqueeze(-1)."
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
        """The read-out for this penalty, with the dtype and device of the first states.

        Args:
            penalty: added to the diagonal of X'X; at least 0.

        Raises:
            ValueError: the penalty is below 0, there are no rows, or the system is singular.
        """
        if not penalty >= 0:
            raise ValueError(f"The read-out got penalty={penalty}; expected at least 0.")
        if self._squares is None or self._products is None or not self.rows:
            raise ValueError("There are no rows to solve for. Call add(states, targets) first.")
        ridge = torch.full_like(self._squares.diagonal(), penalty)
        if self.bias:
            ridge[0] = (
                0  # the ones are the first column, so they are never the column that depends on others
            )
        squares = self._squares + ridge.diag()
        factor, failed = torch.linalg.cholesky_ex(squares)
        left = factor.diagonal() ** 2 / squares.diagonal()  # of each column, without those before
        if failed or not (left > NOTHING).all():
            raise ValueError(
                f"The read-out cannot be solved with penalty={penalty}: {self.rows} rows do not "
                f"determine {len(left)} weights per output (units are zero, equal, or sums of "
                "others, to float64's precision). Give a larger penalty, or more steps."
            )
        weights = torch.cholesky_solve(self._products, factor).T
        O, H = len(weights), weights.shape[1] - self.bias
        with torch.random.fork_rng(devices=[]):  # Linear draws weights that are overwritten
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

    When to use it: as the head of a reservoir (`unroll.EchoStateCell`). The result is an ordinary
    `nn.Linear`, usable as the head of any model.

    Equations and numerics: those of `Ridge`, which also tries several penalties on one pass.

    Args:
        states: [T, H] or [T, B, H]; or blocks of them, such as a generator that runs a layer on one part of a
            long stream after another and carries the state. Only sums of the blocks are kept.
        targets: [T, O] or [T, B, O]; or the same number of blocks.
        penalty: added to the diagonal of X'X, a sum over all rows, except for the bias.
        washout: the number of steps at the beginning of every sequence that are skipped, because they
            still depend on its initial state; for blocks, at the beginning of the stream.
        bias: whether the read-out has a bias.
        lengths: true lengths [B] of states [T, B, H]; the padding is skipped. None: all T.

    Returns:
        An `nn.Linear(H, O)` with the dtype and device of the states.

    Raises:
        ValueError: the shapes do not fit, the washout leaves no step, or the system is singular.

    Examples:
        >>> import torch, unroll
                >>> wave = torch.sin(0.3 * torch.arange(500.0)).reshape(-1, 1, 1)
        >>> reservoir = unroll.Recurrent(unroll.EchoStateCell, 1, 50)
        >>> states, _ = reservoir(wave[:-1])
        >>> readout = unroll.fit_ridge(states[:400], wave[1:401], washout=100)
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
        for block, target in zip_longest(states, targets):
            if block is None or target is None:
                more, fewer = ("targets", "states") if block is None else ("states", "targets")
                raise ValueError(
                    f"fit_ridge got more blocks of {more} than of {fewer}; expected the same number."
                )
            sums.add(*rows_to_fit(block, target, min(early, len(block)), None))
            early -= min(early, len(block))
    if not sums.rows:
        raise ValueError(f"fit_ridge got washout={washout}, which leaves no step to fit.")
    return sums.solve(penalty)


def rows_to_fit(
    states: Tensor, targets: Tensor, washout: int, lengths: Tensor | Sequence[int] | None
) -> tuple[Tensor, Tensor]:
    """Rows without the washout and the padding.

    Args:
        states: [T, H] or [T, B, H].
        targets: [T, O] or [T, B, O].
        washout: steps at the start that are left out.
        lengths: true lengths [B] of states [T, B, H], or None: all T.

    Returns:
        Rows [..., H] and [..., O]: with lengths [N, H] and [N, O], else with the axes that the
        states have.

    Raises:
        ValueError: where states and targets are not of these shapes, or lengths are not one whole
            number from 0 to T per sequence.
    """
    if states.dim() not in (2, 3) or states.shape[:-1] != targets.shape[:-1]:
        raise ValueError(
            f"fit_ridge got states {list(states.shape)} and targets {list(targets.shape)}; expected "
            "[T, H] and [T, O], or [T, B, H] and [T, B, O]. Where the target is one number per step, "
            "pass targets.unsqueeze(-1)."
        )
    if lengths is None:
        return states[washout:], targets[washout:]
    T, B = states.shape[0], states.shape[1] if states.dim() == 3 else None
    ends = torch.as_tensor(lengths, device=states.device)
    if ends.shape != (B,) or bool((ends < 0).any()) or bool((ends > T).any()):
        raise ValueError(
            f"fit_ridge got lengths of shape {list(ends.shape)} for states {list(states.shape)}; "
            f"expected one per sequence of states [T, B, H], from 0 to T={T}."
        )
    steps = torch.arange(T, device=states.device).unsqueeze(1)
    inside = (steps >= washout) & (steps < ends)
    return states[inside], targets[inside.to(targets.device)]
