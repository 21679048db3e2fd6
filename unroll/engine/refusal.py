"""Why a step cannot be compiled."""

from __future__ import annotations


class Unplannable(Exception):
    """Why a step cannot be compiled, in a sentence that names the line of the user's step."""

    def __init__(self, why: str, line: str = "") -> None:
        super().__init__(f"{why}, at {line}" if line else why)
