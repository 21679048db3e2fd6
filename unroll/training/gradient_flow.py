"""Whether a gradient lasts, vanishes or explodes on its way back, how far it reaches, and what to try."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from unroll.counting import counted
from unroll.training.flow_pieces import Piece, longest_piece, straight_pieces
from unroll.training.halving import STEADY, halving_distance, halving_in_words

FAR = 50  # steps back at which a gradient is classified
MUCH = 100.0  # a hundredth or a hundredfold of the gradient there is much
END = 0.2  # of the steps at most are the end of a curve that is level before
FLAGS = {  # what to try where it vanishes, by class of the cell
    "LSTMCell": "--set forget_bias=3",
    "RNNCell": "--set initialisation=orthogonal, or --cell lstm",
    "GRUCell": "--cell lstm",
    "": "--cell lstm",
}


def classify_flow(left: float | None) -> str:
    """`vanishes`, `explodes` or `lasts`.

    Args:
        left: of the gradient at the loss where it is judged; None where there is none at the loss.

    Examples:
        >>> classify_flow(1e-3), classify_flow(0.5), classify_flow(1e3)
        ('vanishes', 'lasts', 'explodes')
    """
    if left is None or left < 1 / MUCH:
        return "vanishes"
    return "lasts" if left < MUCH else "explodes"


def judged_step(pieces: Sequence[Piece], steps: int) -> int:
    """The step back at which a gradient is classified.

    It is FAR, or the first step of a shorter sequence. Where the gradient is level and then falls
    only over the first steps of the sequence, as before the word that matters, it is the end of that
    plateau.

    Args:
        pieces: of the curve.
        steps: how many norms there are.
    """
    far = min(FAR, steps - 1)
    if len(pieces) > 1 and pieces[-2].is_level:
        end = pieces[-1]
        if end.rate < 0 and steps - end.first <= END * steps + 1 and end.first - 1 <= far:
            return max(1, min(far, pieces[-2].last))
    return far


def lasting_field(fields: Mapping[str, Sequence[float]]) -> str:
    """The field of the state whose gradient lasts: that of which most is left where it is judged."""
    return max(fields, key=lambda name: share_left(fields[name]) or 0.0)


def share_left(norms: Sequence[float]) -> float | None:
    """What is left of the gradient at the loss where a curve is judged; None where there is none."""
    step = judged_step(straight_pieces(norms), len(norms))
    return norms[step] / norms[0] if norms[0] > 0 else None


def classify_norms(norms: Sequence[float]) -> str:
    """`vanishes`, `explodes` or `lasts`, with a plateau and its end told apart."""
    return classify_flow(share_left(norms))


def reach(norms: Sequence[float]) -> int | None:
    """Steps back over which at least a hundredth of the gradient at the loss is left without a break.

    When to use it: as the one number that says how far back a loss teaches anything.

    Returns:
        The steps; None where there is no gradient at the loss.

    Examples:
        >>> reach([1.0, 0.5, 0.1, 0.009, 0.02])
        2
    """
    if not norms or not norms[0] > 0:
        return None
    lost = (k for k, norm in enumerate(norms) if not norm >= norms[0] / MUCH)
    return next(lost, len(norms)) - 1


def piecewise_halving(norms: Sequence[float]) -> float | None:
    """The halving distance of the longest straight piece; see `halving_distance`."""
    piece = longest_piece(straight_pieces(norms))
    if piece is None:
        return halving_distance(norms)
    return math.inf if abs(piece.rate) < STEADY else -math.log(2) / piece.rate


def pieces_in_words(norms: Sequence[float]) -> str:
    """`halves every 1.5 steps`, or what it does piece by piece: `stays near 0.2 up to 17 steps back, ...`."""
    pieces = straight_pieces(norms)
    if len(pieces) < 2:
        return halving_in_words(halving_distance(norms))
    said: list[str] = []
    for piece in pieces:
        if piece.is_level:
            does = f"stays near {piece.mean:.2g}"
        else:
            does = halving_in_words(-math.log(2) / piece.rate)
        said.append(f"{does} up to {counted(piece.last, 'step')} back")
    return ", then ".join(said)


def advice(flow: str, cell: str, start: str = "orthogonal", clip: float | None = None) -> str:
    """What to try, in a sentence whose flags `unroll train` takes; empty where the gradient lasts.

    Args:
        flow: what `classify_flow` returned.
        cell: the class of the cell.
        start: how its weights were initialised, in words.
        clip: what the norm of the weights' gradient is clipped to already; None where it is not.
    """
    if flow == "vanishes":
        flags = FLAGS.get(cell, FLAGS[""])
        if cell == "RNNCell" and "orthogonal" in start:
            flags = FLAGS[""]
        tried = re.search(r"forget bias (-?[\d.]+)", start)
        if tried is not None:  # higher than what it is
            flags = f"--set forget_bias={max(3.0, float(tried[1].rstrip('.')) + 2):g}"
        return f"Where more steps matter, try {flags}; clipping does not help."
    if flow == "explodes" and clip is not None:
        return (
            f"It is clipped to {clip:g} already, which keeps a step short; --cell lstm or "
            "--set initialisation=orthogonal start with less of it."
        )
    if flow == "explodes":
        return "Try clipping: --set clip_norm=1."
    return ""


def flow_in_words(
    name: str,
    fields: Mapping[str, Sequence[float]],
    cell: str,
    start: str,
    clip: float | None = None,
) -> str:
    """What happens to a gradient on its way back, and what to try, with the numbers.

    Args:
        name: of the layer and direction.
        fields: the norms by steps back, for each field of the state.
        cell: the class of the cell.
        start: how its weights were initialised, in words.
        clip: what the norm of the weights' gradient is clipped to already; None where it is not.
    """
    field = lasting_field(fields)
    norms = fields[field]
    step, left, far = (
        judged_step(straight_pieces(norms), len(norms)),
        share_left(norms),
        reach(norms),
    )
    to = f" to {field}" if len(fields) > 1 else ""
    sentence = f"{name}: the gradient{to} {pieces_in_words(norms)}"
    if left is not None:
        sentence += f"; {counted(step, 'step')} back {left:.1e} of it is left"
        others = [other for other in fields if other != field and len(fields[other]) > step]
        rest = [
            f"{fields[other][step] / fields[other][0]:.1e} of that to {other}"
            for other in others
            if fields[other][0] > 0
        ]
        sentence += f", {' and '.join(rest)}" if rest else ""
    flow = classify_flow(left)
    sentence += f". It {flow}"
    if flow == "vanishes" and far is not None:
        sentence += f": a hundredth of it reaches {counted(far, 'step')} back"
    elif step < min(FAR, len(norms) - 1):
        sentence += " to where the sequence begins to matter; before that it ends"
    return f"{sentence}. {advice(flow, cell, start, clip)}".rstrip()
