"""Compilers that hang, work too long, print without end, or cannot be started."""

import logging
import os
import time

import pytest

from unroll.engine.cpu import process
from unroll.engine.cpu.build_error import BuildError
from unroll.engine.cpu.process import LARGEST_FILE, MOST_PRINTED, computed_seconds, ended, run

from .builds import script


def test_what_is_printed_and_the_status_are_returned(tmp_path):
    odd = script(tmp_path / "odd", "echo one; echo two >&2; exit 3")
    assert run([str(odd)], tmp_path) == (3, "one\ntwo\n")
    assert (ended(3), ended(-9)) == ("failed", "was killed (Killed)")


def test_a_process_that_computes_nothing_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "PATIENCE", 0.4)
    start = time.monotonic()
    status, printed = run([str(script(tmp_path / "odd", "echo started; sleep 60"))], tmp_path)
    assert status is None and printed == "started\n"
    assert time.monotonic() - start < 10
    assert ended(None).startswith("was killed after 0.4 seconds without a result")


def test_a_process_that_computes_for_ever_is_killed(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLL_CXX_SECONDS", "0.5")
    status, _ = run([str(script(tmp_path / "odd", "while :; do :; done"))], tmp_path)
    assert status is None


@pytest.mark.skipif(computed_seconds(os.getpgrp()) is None, reason="the system does not say")
def test_a_process_that_computes_may_take_longer_than_one_that_hangs(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLL_CXX_SECONDS", "0.5")
    text = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done"
    status, printed = run([str(script(tmp_path / "odd", text))], tmp_path, kernels=100)
    assert (status, printed) == (0, "done\n")


def test_a_wait_is_told(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="unroll")
    monkeypatch.setattr(process, "SAID_AFTER", 0.1)
    assert run([str(script(tmp_path / "slow", "sleep 0.5"))], tmp_path)[0] == 0
    assert caplog.text.count("Waiting for the C++ compiler") == 1
    assert "slow, 30 seconds at most" in caplog.text


def test_much_that_is_printed_is_read_in_part(tmp_path):
    odd = script(tmp_path / "odd", f"head -c {MOST_PRINTED * 3} /dev/urandom; exit 1")
    status, printed = run([str(odd)], tmp_path)
    assert status == 1 and len(printed) <= MOST_PRINTED


@pytest.mark.skipif(computed_seconds(os.getpgrp()) is None, reason="the system has no such limit")
def test_a_process_that_writes_without_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "LARGEST_FILE", 1 << 20)
    assert LARGEST_FILE > 1 << 20
    status, _ = run([str(script(tmp_path / "odd", "exec yes"))], tmp_path)
    assert status is not None and status < 0


def test_a_variable_that_is_no_number_of_seconds_is_refused(tmp_path, monkeypatch):
    for text in ("soon", "-1", "0", "inf", "nan"):
        monkeypatch.setenv("UNROLL_CXX_SECONDS", text)
        with pytest.raises(BuildError, match=f"UNROLL_CXX_SECONDS is '{text}'"):
            run(["true"], tmp_path)


def test_what_cannot_be_started_is_told(tmp_path):
    with pytest.raises(BuildError, match="cannot be run") as caught:
        run([str(tmp_path / "nothing")], tmp_path)
    assert caught.value.lasting
