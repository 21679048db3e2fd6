"""The error of a kernel that cannot be built."""

from unroll.engine.cpu.build_error import ELSEWHERE, BuildError


def test_it_is_one_sentence_with_a_reason_and_what_to_do():
    error = BuildError("the disk is full", ELSEWHERE, "a log")
    assert (
        str(error)
        == f"No kernel could be compiled for the CPU because the disk is full; {ELSEWHERE}."
    )
    assert (error.reason, error.advice, error.log) == ("the disk is full", ELSEWHERE, "a log")
