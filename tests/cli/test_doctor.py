"""`unroll doctor`: what is here, and what is missing."""

import json

from unroll.cli.doctor import is_writable


def test_doctor_tells_what_is_here(printed):
    facts = json.loads(printed("doctor", "--json").out)
    assert {"torch", "python", "threads", "device", "missing"} <= set(facts)
    assert {"compiled", "kernel cache"} <= set(facts)
    assert "torch" in printed("doctor").out


def test_doctor_tells_why_cells_are_not_compiled(printed, monkeypatch, tmp_path):
    kernels = tmp_path / "kernels"
    kernels.mkdir()
    (kernels / "one.so").write_bytes(bytes(1_500_000))
    monkeypatch.setenv("UNROLL_CACHE", str(kernels))
    monkeypatch.setenv("UNROLL_CXX", "no-such-compiler")
    facts = json.loads(printed("doctor", "--json").out)
    assert "no-such-compiler" in facts["compiled"] and "compiler" not in facts
    assert facts["kernel cache"] == f"{kernels} (1 kernel, 1.5 MB)"
    assert "unset UNROLL_CXX" in facts["missing"]["what compiled cells need"]


def test_doctor_tells_the_compiler_that_is_used(printed, monkeypatch, tmp_path):
    compiler = tmp_path / "c++"
    compiler.write_text("#!/bin/sh\necho a compiler of version 7\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("UNROLL_CXX", str(compiler))
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "kernels"))
    facts = json.loads(printed("doctor", "--json").out)
    assert facts["compiler"] == f"{compiler}: a compiler of version 7"
    assert facts["compiled"] == "cells are compiled" and not facts["missing"]
    assert not (tmp_path / "kernels").exists()


def test_a_folder_is_writable_where_its_first_parent_that_exists_is(tmp_path):
    assert is_writable(tmp_path / "a" / "b")
