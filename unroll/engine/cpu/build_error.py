"""The error of a kernel that cannot be built."""

from __future__ import annotations

from unroll.terminal import MOST_SENTENCE, shortened

ELSEWHERE = "set UNROLL_CACHE to a directory that only you can write to"
COMPILER_ADVICE = "install g++ or clang++, or name a C++ compiler in the variable UNROLL_CXX"

HUNG_ADVICE = "allow more by the variable UNROLL_CXX_SECONDS, or name another one in UNROLL_CXX"


class BuildError(RuntimeError):
    """A kernel that could not be built or loaded, in one sentence.

    Attributes:
        reason: why, to be read after "because".
        advice: what to do about it.
        log: what the compiler printed, where it was run.
        lasting: whether every other build would end alike.
    """

    def __init__(self, reason: str, advice: str, log: str = "", lasting: bool = False) -> None:
        super().__init__(reason, advice, log, lasting)
        self.reason, self.advice, self.log, self.lasting = reason, advice, log, lasting

    def __str__(self) -> str:
        start = "No kernel could be compiled for the CPU because"
        room = MOST_SENTENCE - len(f"{start} ; {self.advice}.")
        return f"{start} {shortened(self.reason, room)}; {self.advice}."
