"""What a step may depend on, in one number."""

import functools

import pytest
import torch
from torch import nn

import unroll
from unroll.engine.cpu.fingerprint import fingerprint, library, names_in, versions


class Scaled(unroll.Cell):
    def __init__(self, scale=0.5, held=None):
        super().__init__(3, 3)
        self.scale, self.held = scale, held

    def forward(self, x, h):
        h = torch.tanh(x + self.scale * h)
        return h, h


class Other(Scaled):
    def forward(self, x, h):
        h = torch.tanh(x - self.scale * h)
        return h, h


def test_the_same_code_and_settings_have_the_same_fingerprint():
    assert fingerprint(Scaled()) == fingerprint(Scaled())


@pytest.mark.parametrize("other", [Scaled(0.6), Other(), Scaled(held=(1, 2)), Scaled().eval()])
def test_other_code_or_settings_have_another(other):
    assert fingerprint(other) != fingerprint(Scaled())


@pytest.mark.parametrize(
    "held", [{"a": [1]}, {1, 2}, functools.partial(max, 1), nn.Tanh(), torch.float32, len]
)
def test_what_is_known_for_certain_has_a_fingerprint(held):
    assert fingerprint(Scaled(held=held)) is not None


@pytest.mark.parametrize("held", [object(), torch.ones(3)])
def test_what_is_not_known_for_certain_has_none(held):
    assert fingerprint(Scaled(held=held)) is None


def test_the_names_that_a_function_looks_up_include_those_inside():
    assert {"tanh", "torch"} <= set(names_in((lambda: [lambda: torch.tanh]).__code__))


def test_what_a_library_brings_is_known_by_its_version():
    assert library(torch.nn.Linear) == "torch"
    assert library(Scaled) is None
    assert versions() == versions()
