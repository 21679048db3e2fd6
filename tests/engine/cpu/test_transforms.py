"""torch.func, torch.compile and torch.export run elsewhere and give the numbers of the loop."""

import logging
import warnings
from functools import partial

import pytest
import torch
from torch import nn

import unroll

from ..written_cells import CELLS
from .differentiated import LENGTHS, MAKE, B, H, I, T, close, compiled, run, weighted

pytestmark = compiled


# torch's own, at the first forward derivative of a process
jit_is_deprecated = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


@jit_is_deprecated
@pytest.mark.parametrize("seen_before", [False, True])
@pytest.mark.parametrize("name", ["reset-before", "lstm", "gru", "tanh"])
def test_transforms_of_torch_func_run_elsewhere_and_give_the_loops_numbers(
    name, seen_before, the_cell
):
    cell = the_cell(name) if seen_before else MAKE[name](I, H).double()
    x = torch.randn(T, B, I, dtype=torch.float64)
    if seen_before:
        unroll.unroll(cell, x, backend="cpu")

    def total(x, backend):
        return weighted(run(cell, x, None, backend))

    xs, tangent = torch.stack([x, 2 * x, 3 * x]), torch.randn_like(x)
    transformed = {
        "grad": lambda b: torch.func.grad(partial(total, backend=b))(x),
        "vmap": lambda b: torch.func.vmap(partial(total, backend=b))(xs),
        "jvp": lambda b: torch.func.jvp(partial(total, backend=b), (x,), (tangent,)),
        "vjp": lambda b: torch.func.vjp(partial(total, backend=b), x)[1](tangent.sum()),
        "jacrev": lambda b: torch.func.jacrev(partial(total, backend=b))(x),
        "hessian": lambda b: torch.func.hessian(partial(total, backend=b))(x[:1, :1]),
        "per sample": lambda b: torch.func.vmap(torch.func.grad(partial(total, backend=b)))(xs),
    }
    for of in transformed.values():
        close(of("auto"), of("loop"))
        with pytest.raises(RuntimeError, match=r"The cpu backend cannot run .*torch\.func"):
            of("cpu")


def test_transforms_over_weights_run_elsewhere(the_cell):
    cell = the_cell("lstm")
    x = torch.randn(T, B, I, dtype=torch.float64)
    weights = {n: p.detach() for n, p in cell.named_parameters()}

    def total(weights, backend):
        return weighted(run(cell, x, None, backend, parameters=weights))

    got, right = (torch.func.grad(partial(total, backend=b))(weights) for b in ("auto", "loop"))
    close(got, right)
    several = {n: torch.stack([w, 2 * w]) for n, w in weights.items()}
    got, right = (torch.func.vmap(partial(total, backend=b))(several) for b in ("auto", "loop"))
    close(got, right)
    with pytest.raises(RuntimeError, match=r"The cpu backend cannot run LSTMCell: .*torch\.func"):
        torch.func.vmap(partial(total, backend="cpu"))(several)


@jit_is_deprecated
@pytest.mark.parametrize("name", ["reset-before", "lstm"])
def test_forward_mode_runs_elsewhere(name, the_cell):
    cell = the_cell(name)
    x, tangent = (torch.randn(T, B, I, dtype=torch.float64) for _ in range(2))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, tangent)
        found = [
            torch.autograd.forward_ad.unpack_dual(run(cell, dual, None, b)[0])
            for b in ("auto", "loop")
        ]
        close(found[0].primal, found[1].primal)
        close(found[0].tangent, found[1].tangent)
        with pytest.raises(RuntimeError, match="no forward-mode derivative"):
            run(cell, dual)
    run(cell, x)


class First(nn.Module):
    """The outputs of a layer alone."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


LAYERS = {
    "lstm": partial(unroll.LSTM, I, H),
    "gru": partial(unroll.GRU, I, H),
    "recurrent gru": partial(unroll.Recurrent, "gru", I, H),
    "recurrent": partial(unroll.Recurrent, CELLS["gru-reset-before"], I, H),
}


@pytest.fixture
def quiet():
    """A tracer may warn; what is asked of it here is right numbers."""
    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch._dynamo.reset()
    logging.getLogger("torch._dynamo").setLevel(logging.NOTSET)


@pytest.mark.parametrize("seen_before", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_torch_compile_gives_the_right_numbers_and_gradients(name, seen_before, quiet):
    layer = LAYERS[name]()
    x = torch.randn(T, B, I)
    if seen_before:
        layer(x, backend="cpu")
    compiled = torch.compile(layer, backend="eager")
    for lengths in (None, torch.tensor(LENGTHS)):
        found = []
        for run_layer, more in ((compiled, {}), (layer, {"backend": "loop"})):
            if lengths is not None:
                more = {**more, "lengths": lengths}
            output, _ = run_layer(x, **more)
            found.append([output, *torch.autograd.grad(output.sum(), list(layer.parameters()))])
        torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)
    layer(x, backend="cpu")


@pytest.mark.parametrize("seen_before", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_torch_export_gives_the_right_numbers(name, seen_before, quiet):
    model = First(LAYERS[name]())
    x, other = torch.randn(T, B, I), torch.randn(T, B, I)
    if seen_before:
        model.layer(x, backend="cpu")
    exported = torch.export.export(model, (x,)).module()
    expected, _ = model.layer(other, backend="loop")
    torch.testing.assert_close(exported(other), expected, rtol=1e-4, atol=1e-5)
    model.layer(x, backend="cpu")
