"""Whether a gradient vanishes or explodes on its way back, and what to try then."""

from __future__ import annotations

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


def advice(verdict: str, cell: str, start: str = "orthogonal") -> str:
    """What to try, in a sentence; empty where the gradient lasts.

    cell: its class. start: how its weights began, in words.
    """
    if verdict == "vanishes":
        said = VANISHES.get(cell, VANISHES[""])
        if cell == "RNNCell" and "orthogonal" not in start:
            said = f"an orthogonal start, {said}"
        return f"Try {said}; clipping does not help."
    if verdict == "explodes":
        return "Try clipping (--set clip_norm=1) and smaller recurrent weights."
    return ""
