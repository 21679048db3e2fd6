"""The error of a kernel that cannot be built."""

from __future__ import annotations

ELSEWHERE = "set UNROLL_CACHE to a directory that only you can write to"
COMPILER_ADVICE = "install g++ or clang++, or name a C++ compiler in the variable UNROLL_CXX"


class BuildError(RuntimeError):
    """A kernel that could not be built or loaded, in one sentence.

    Attributes:
        reason: why, to be read after "because".
        advice: what to do about it.
        log: everything that the compiler printed, where it was run.
    """

    def __init__(self, reason: str, advice: str, log: str = "") -> None:
        super().__init__(reason, advice, log)
        self.reason, self.advice, self.log = reason, advice, log

    def __str__(self) -> str:
        return f"No kernel could be compiled for the CPU because {self.reason}; {self.advice}."
