"""Whether a gradient vanishes or explodes on its way back, and what to try then."""

from __future__ import annotations

from unroll.counting import counted
from unroll.training.halving import halving_in_words

FAR = 50  # steps back at which a gradient is classified
MUCH = 100.0  # a hundredth or a hundredfold of the gradient there is much
REMEDIES = {  # what to try where it vanishes, by class of the cell
    "LSTMCell": "a higher forget bias",
    "RNNCell": "an LSTM with a high forget bias",
    "GRUCell": "an LSTM with a high forget bias",
    "": "a gated cell such as an LSTM with a high forget bias",
}


def classify_flow(left: float | None, steps: int) -> str:
    """`vanishes`, `explodes` or `lasts`.

    Args:
        left: of the gradient at the loss, so many steps back; None where there is none at the loss.
        steps: FAR, or those of a shorter sequence, for which the bounds are nearer to 1.

    Examples:
        >>> classify_flow(1e-3, 50), classify_flow(0.5, 10), classify_flow(1e3, 50)
        ('vanishes', 'lasts', 'explodes')
    """
    much = MUCH ** (steps / FAR)
    if left is None or left < 1 / much:
        return "vanishes"
    return "lasts" if left < much else "explodes"


def advice(flow: str, cell: str, start: str = "orthogonal", clip: float | None = None) -> str:
    """What to try, in a sentence; empty where the gradient lasts.

    Args:
        flow: what `classify_flow` returned.
        cell: the class of the cell.
        start: how its weights were initialised, in words.
        clip: what the norm of the weights' gradient is clipped to already; None where it is not.
    """
    if flow == "vanishes":
        remedy = REMEDIES.get(cell, REMEDIES[""])
        if cell == "RNNCell" and "orthogonal" not in start:
            remedy = f"an orthogonal start, {remedy}"
        return f"Try {remedy}; clipping does not help."
    if flow == "explodes" and clip is not None:
        return (
            f"It is clipped to {clip:g} already, which keeps a step short; try smaller recurrent "
            "weights, or a gated cell."
        )
    if flow == "explodes":
        return "Try clipping (--set clip_norm=1) and smaller recurrent weights."
    return ""


def flow_in_words(
    name: str,
    halving: float | None,
    left: float | None,
    steps: int,
    cell: str,
    start: str,
    clip: float | None = None,
) -> str:
    """What happens to a gradient on its way back, and what to try, with the numbers.

    Args:
        name: of the layer and direction.
        halving: steps over which the gradient halves; see `halving_distance`.
        left: of the gradient at the loss, `steps` back; None where there is none at the loss.
        steps: how far back it is classified.
        cell: the class of the cell.
        start: how its weights were initialised, in words.
        clip: what the norm of the weights' gradient is clipped to already; None where it is not.
    """
    sentence = f"{name}: the gradient {halving_in_words(halving)}"
    if left is not None:
        sentence += f"; {counted(steps, 'step')} back {left:.1e} of it is left"
    flow = classify_flow(left, steps)
    return f"{sentence}. It {flow}. {advice(flow, cell, start, clip)}".rstrip()
