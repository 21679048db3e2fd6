"""`import unroll`: every public name, loaded when it is first used."""

import subprocess
import sys
from importlib import import_module

import pytest

import unroll


def test_every_public_name_is_listed_and_loads():
    assert set(unroll.__all__) <= set(dir(unroll))
    for name, package in unroll.PUBLIC.items():
        assert getattr(unroll, name) is getattr(import_module(package), name), name


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="module 'unroll' has no attribute 'LSTMCel'"):
        unroll.LSTMCel  # noqa: B018


def test_a_user_error_is_a_value_error():
    assert issubclass(unroll.UserError, ValueError)


def test_importing_loads_no_torch_and_prints_nothing():
    code = "import sys, unroll; assert not {'torch', 'numpy', 'pydantic'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == done.stderr == ""
