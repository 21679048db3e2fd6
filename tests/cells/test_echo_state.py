import math
from functools import partial

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import unroll
from unroll.cells import DeepEchoState, DeepEchoStateCell, EchoStateCell
from unroll.engine.cpu.fingerprint import fingerprint
from unroll.testing import check_cell

FAMILY = {
    "echo_state": EchoStateCell,
    "leaky": partial(EchoStateCell, leak_rate=0.3, connectivity=1.0),
    "deep": partial(DeepEchoStateCell, num_layers=2, leak_rate=(1.0, 0.5)),
}
family = pytest.mark.parametrize("make", FAMILY.values(), ids=FAMILY)

# What reservoirpy 0.4.2 gives (its Reservoir(4, lr=..., W=W, Win=W_IN, bias=BIAS).run(inputs),
# float64, from a state of zeros) for 300 steps of the inputs below.
W = [[0.0, 1.25, 0.0, -0.5], [0.75, 0.0, 0.0, 0.0], [0.0, -1.0, 0.25, 0.0], [0.0, 0.0, 1.5, -0.75]]
W_IN = [[0.5, -1.0], [-0.25, 0.75], [1.0, 0.0], [0.0, 0.5]]
BIAS = [0.1, -0.2, 0.3, 0.0]
RESERVOIRPY = {
    0.3: {
        0: [-0.21488936105970732, 0.15015606335707057, 0.08739378373547727, 0.1386351471780029],
        1: [-0.26407455395432367, 0.1464204825798624, 0.19195896575733948, 0.21346804197108699],
        99: [-0.7002786627046818, 0.003062416511197194, 0.12284873566565094, 0.5789157973085216],
        299: [-0.1524367170315162, -0.4073798609513071, 0.8223480958830824, 0.5373027082467353],
    },
    1.0: {
        0: [-0.7162978701990245, 0.5005202111902353, 0.2913126124515909, 0.46211715726000974],
        1: [-0.12188144188621164, -0.23310635466410218, 0.1662700024833116, 0.44046061269571374],
        99: [-0.9187918839883172, 0.06745604248059388, -0.6250419537680908, -0.12724070977463053],
        299: [-0.20681804136664386, -0.8115760262742169, 0.9745225286287591, 0.6035974599437075],
    },
}


def radius_of(weights):
    return torch.linalg.eigvals(weights.double()).abs().max().item()


@family
def test_promises(make):
    check_cell(make)


@pytest.mark.parametrize("backend", ["loop", "cpu"])
@pytest.mark.parametrize("leak_rate", RESERVOIRPY)
def test_states_are_reservoirpys(leak_rate, backend):
    cell = EchoStateCell(2, 4, leak_rate=leak_rate).double()
    cell.load_state_dict(
        {"weight_hh": torch.tensor(W), "weight_ih": torch.tensor(W_IN), "bias": torch.tensor(BIAS)}
    )
    cell.bias.copy_(torch.tensor(BIAS, dtype=torch.float64))  # 0.1 is not a float32
    inputs = [[math.sin(0.3 * t), math.cos(0.7 * t)] for t in range(300)]
    x = torch.tensor(inputs, dtype=torch.float64).unsqueeze(1)
    states, _ = unroll.unroll(cell, x, backend=backend)
    for t, expected in RESERVOIRPY[leak_rate].items():
        assert states[t, 0].tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("hidden_size", "radius"), [(1, 0.5), (5, 0.9), (100, 1.25), (300, 0.1)])
def test_the_spectral_radius_is_exact(hidden_size, radius, dtype):
    for connectivity in (0.01, 0.1, 1.0):
        cell = EchoStateCell(1, hidden_size, spectral_radius=radius, connectivity=connectivity)
        cell.to(dtype).reset_parameters()
        assert radius_of(cell.weight_hh) == pytest.approx(radius, rel=1e-6)


@pytest.mark.parametrize(
    ("connectivity", "heard"), [(0.001, 1), (0.05, 2), (0.1, 4), (0.5, 20), (1.0, 40)]
)
def test_every_unit_hears_as_many(connectivity, heard):
    weights = EchoStateCell(3, 40, connectivity=connectivity).weight_hh
    assert ((weights != 0).sum(1) == heard).all()


def test_scalings_bound_the_weights():
    cell = EchoStateCell(20, 100, input_scaling=0.5, bias_scaling=2.0)
    assert 0.49 < cell.weight_ih.abs().max() <= 0.5
    assert 1.9 < cell.bias.abs().max() <= 2.0
    assert cell.weight_ih.mean().abs() < 0.05


def test_a_seed_is_one_reservoir_whatever_was_drawn_before():
    first = EchoStateCell(3, 20, seed=7)
    before = torch.get_rng_state()
    torch.manual_seed(5)
    drawn = torch.get_rng_state()
    second = EchoStateCell(3, 20, seed=7)
    assert torch.equal(torch.get_rng_state(), drawn)  # and the seed leaves torch's generator alone
    torch.set_rng_state(before)
    third = EchoStateCell(3, 20, seed=8)
    second.reset_parameters()
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name])
        assert not torch.equal(tensor, third.state_dict()[name])
    wide = EchoStateCell(3, 20, seed=7).double()
    wide.reset_parameters()  # in float64 the same numbers, not rounded to float32
    torch.testing.assert_close(wide.weight_hh.float(), first.weight_hh, rtol=0, atol=0)
    assert radius_of(wide.weight_hh) == pytest.approx(0.9, rel=1e-12)


def test_without_a_seed_it_is_drawn_from_torchs_generator():
    torch.manual_seed(3)
    first = EchoStateCell(3, 20)
    other = EchoStateCell(3, 20)
    torch.manual_seed(3)
    again = EchoStateCell(3, 20)
    assert torch.equal(first.weight_hh, again.weight_hh)
    assert not torch.equal(first.weight_hh, other.weight_hh)


@family
def test_nothing_is_trained_and_everything_is_saved(make):
    cell = make(3, 4)
    assert list(cell.parameters()) == []
    ends = {name.rsplit(".", 1)[-1] for name in cell.state_dict()}
    assert ends == {"weight_ih", "weight_hh", "bias"}
    layer = unroll.Recurrent(make, 3, 4)
    other = unroll.Recurrent(make, 3, 4)
    other.load_state_dict(layer.state_dict())
    x = torch.randn(5, 2, 3)
    torch.testing.assert_close(layer(x)[0], other(x)[0])


def test_a_reservoir_forgets_where_it_began():
    cell = EchoStateCell(2, 60, spectral_radius=0.9).double()
    x = torch.randn(200, 1, 2, dtype=torch.float64)
    apart = [unroll.unroll(cell, x, torch.full((1, 60), h).double())[0] for h in (-1.0, 1.0)]
    apart = (apart[0] - apart[1]).abs().amax(-1)
    assert apart[0] > 0.05
    assert apart[-1] < 1e-8


def test_without_a_bias_it_is_odd():
    x = torch.randn(9, 2, 3)
    odd, even = EchoStateCell(3, 20, bias_scaling=0.0), EchoStateCell(3, 20)
    torch.testing.assert_close(unroll.unroll(odd, -x)[0], -unroll.unroll(odd, x)[0])
    assert (unroll.unroll(even, -x)[0] + unroll.unroll(even, x)[0]).abs().max() > 0.1


def test_candidates_are_recorded():
    for make, layers in ((FAMILY["leaky"], [""]), (FAMILY["deep"], ["_l0", "_l1"])):
        record = unroll.Recording()
        unroll.unroll(make(3, 4), torch.randn(5, 2, 3), record=record)
        assert set(record.values) == {f"candidate{layer}" for layer in layers}
        assert all(tensor.shape == (5, 2, 4) for tensor in record.values.values())


def test_a_spectral_radius_of_zero_has_no_memory():
    cell = EchoStateCell(3, 4, spectral_radius=0.0)
    x = torch.randn(2, 3)
    assert torch.equal(cell(x, torch.zeros(2, 4))[0], cell(x, torch.ones(2, 4))[0])


class Products(TorchDispatchMode):
    """Counts the matrix products within the block."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name().partition("::")[2].partition(".")[0]
        self.count += name in {"mm", "addmm", "bmm", "baddbmm", "_linear_pointwise", "mkl_linear"}
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_frozen_weights_cost_no_product(dtype):
    """One product for x, beside the loop; an Elman cell has one for each of its matrices too."""
    counted = []
    for make in (EchoStateCell, unroll.RNNCell):
        cell = make(128, 128).to(dtype)
        x = torch.randn(100, 8, 128, dtype=dtype, requires_grad=True)  # the library's products
        output, _ = unroll.unroll(cell, x, backend="cpu")
        with Products() as products:
            torch.autograd.grad(output.square().sum(), [x, *cell.parameters()])
        counted.append(products.count)
    assert counted == [1, 3]
    inputs = torch.randn(20, 8, 32)
    assert not unroll.unroll(EchoStateCell(32, 32), inputs)[0].requires_grad


def test_another_seed_or_radius_needs_no_new_plan():
    known = fingerprint(EchoStateCell(3, 20, leak_rate=0.5))
    other = EchoStateCell(3, 20, leak_rate=0.5, spectral_radius=1.3, input_scaling=2.0, seed=6)
    assert known is not None
    assert fingerprint(other) == known
    assert fingerprint(EchoStateCell(3, 20, leak_rate=0.4)) != known


@family
def test_a_layer_of_it(make):
    layer = unroll.Recurrent(make, 3, 4, num_layers=2, bidirectional=True)
    x = torch.randn(6, 3, 3, requires_grad=True)
    lengths = [6, 0, 3]
    output, state = layer(x, lengths=lengths)
    width = 2 * layer.cells[0].output_size
    assert output.shape == (6, 3, width) and layer.output_size == width
    assert not output[:, 1].any() and not output[3:, 2].any()
    first = state.h[0] if isinstance(state, DeepEchoState) else state
    assert first.shape == (4, 3, 4)
    output.sum().backward()
    assert x.grad[:, 0].abs().sum() > 0


@family
def test_it_is_compiled(make):
    cell = make(3, 20)
    x = torch.randn(30, 4, 3)
    compiled, loop = (unroll.unroll(cell, x, backend=name)[0] for name in ("cpu", "loop"))
    torch.testing.assert_close(compiled, loop)
    text = str(unroll.explain(unroll.Recurrent(make, 3, 20)))
    assert "runs on the cpu backend" in text


def test_made_on_the_meta_device():
    with torch.device("meta"):
        cell = EchoStateCell(3, 4)
    assert cell.weight_hh.device.type == "meta"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("spectral_radius", -0.1),
        ("spectral_radius", math.nan),
        ("leak_rate", 0.0),
        ("leak_rate", 1.1),
        ("input_scaling", -1.0),
        ("bias_scaling", math.inf),
        ("connectivity", 0.0),
        ("connectivity", 1.5),
    ],
)
def test_options_out_of_range_are_refused(option, value):
    with pytest.raises(ValueError, match=f"EchoStateCell got {option}={value}; expected "):
        EchoStateCell(3, 4, **{option: value})
