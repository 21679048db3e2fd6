import torch

from unroll.cells.torchscript import compiled_function

SOURCE = "def shifted(x):\n    return shift(x)\n"


def shift_by(constant):
    return torch.jit.trace(lambda x: x + constant, torch.zeros(1), check_trace=False)


def test_the_same_source_is_one_function_and_another_constant_is_another(recwarn):
    first, again, other = (
        compiled_function(SOURCE, "shifted", shift=shift_by(torch.tensor([value])))
        for value in (1.0, 1.0, 2.0)
    )
    assert first is again
    assert first is not other
    assert [f(torch.zeros(1)).item() for f in (first, other)] == [1, 2]


def test_dtypes_that_numpy_has_not():
    shift = torch.tensor([2.0], dtype=torch.bfloat16)
    traced = compiled_function("def g(x):\n    return x\n", "g")
    assert traced(shift) is not None
