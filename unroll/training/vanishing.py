"""Whether a gradient vanishes or explodes on its way back, and what to try then."""

from __future__ import annotations

from unroll.training.halving import halving_in_words

FAR = 50  # steps back at which it is judged
MUCH = 100.0  # a hundredth or a hundredfold of it there is much
VANISHES = {  # what to try, by class of the cell
    "LSTMCell": "a higher forget bias",
    "RNNCell": "an LSTM with a high forget bias",
    "GRUCell": "an LSTM with a high forget bias",
    "": "a gated cell such as an LSTM with a high forget bias",
}


def verdict(left: float | None, steps: int) -> str:
    """`vanishes`, `explodes` or `lasts`.

    left: of the gradient at the loss, so many steps back; None where there is none at the loss.
    steps: FAR, or those of a shorter sequence, of which less is asked.

    Example:
        >>> verdict(1e-3, 50), verdict(0.5, 10), verdict(1e3, 50)
        ('vanishes', 'lasts', 'explodes')
    """
    much = MUCH ** (steps / FAR)
    if left is None or left < 1 / much:
        return "vanishes"
    return "lasts" if left < much else "explodes"


def advice(verdict: str, cell: str, start: str = "orthogonal", clip: float | None = None) -> str:
    """What to try, in a sentence; empty where the gradient lasts.

    cell: its class. start: how its weights began, in words. clip: what the norm of the weights'
    gradient is clipped to already.
    """
    if verdict == "vanishes":
        said = VANISHES.get(cell, VANISHES[""])
        if cell == "RNNCell" and "orthogonal" not in start:
            said = f"an orthogonal start, {said}"
        return f"Try {said}; clipping does not help."
    if verdict == "explodes" and clip is not None:
        return (
            f"It is clipped to {clip:g} already, which keeps a step short; try smaller recurrent "
            "weights, or a gated cell."
        )
    if verdict == "explodes":
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
    """What happens to a gradient on its way back, and what to try, with the numbers."""
    said = f"{name}: the gradient {halving_in_words(halving)}"
    if left is not None:
        said += f"; {steps} step{'s' * (steps > 1)} back {left:.1e} of it is left"
    judged = verdict(left, steps)
    return f"{said}. It {judged}. {advice(judged, cell, start, clip)}".rstrip()
