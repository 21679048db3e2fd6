"""Why a step cannot be compiled, and how it can be written instead."""

from __future__ import annotations

SELECTION = "multiply by a matrix of zeros and ones that is a buffer"

# by the aten name of an operation: what does the same and can be compiled
INSTEAD = {
    "amax": "softmax of bounded numbers is exp(a) / exp(a).sum(1, keepdim=True)",
    "index": f"{SELECTION}, or index the weights",
    "index_select": f"{SELECTION}, or index the weights",
    "flip": SELECTION,
    "cumsum": f"{SELECTION}: ones on and above the diagonal",
    "convolution": "in one dimension, multiply by a banded matrix made of the weights",
}


class Unplannable(Exception):
    """Why a step cannot be compiled, in a sentence that names the line of the user's step."""

    def __init__(self, why: str, line: str = "") -> None:
        super().__init__(f"{why}, at {line}" if line else why)


def with_instead(name: str, why: str) -> str:
    """The refusal of an operation, by its aten name, and what to write instead where that is known."""
    return f"{why}; {INSTEAD[name]}" if name in INSTEAD else why
