from functools import partial

import pytest
import torch

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.slstm import SLSTMCell
from unroll.testing import check_cell


def waves(phase, *shape):
    """Numbers that other code can be given too: sin(phase), sin(phase + 1), ..."""
    return torch.sin(phase + torch.arange(torch.Size(shape).numel())).view(shape).double()


def filled(heads, **options):
    cell = SLSTMCell(3, 4, heads=heads, **options).double()
    weight_hh = waves(1, 16, 4 // heads)
    cell.load_state_dict(
        {"weight_ih": waves(0, 16, 3), "weight_hh": weight_hh, "bias": waves(2, 16)}
    )
    return cell


# What the authors' code gives (NX-AI/xlstm at 032a6fb, xlstm/blocks/slstm/src/vanilla: slstm_forward
# with the pointwise function "slstm", in float64) for x = waves(3, 4, 2, 3), the weights of `filled`
# (R = waves(1, heads, 4, width, width)) and a state of zeros, after the four steps.
AUTHORS = {
    1: {
        "h": [
            [-0.6525781184430594, 0.230181409609565, -0.16408867114020956, 0.2860400967370705],
            [0.5093385857242745, -0.4537550424395947, 0.3853078799133704, -0.09497060330030961],
        ],
        "c": [
            [-1.2455318533015585, 0.9139215909593053, -1.3719185549935373, 1.3452552333990648],
            [2.014758631584938, -1.4216045000327702, 1.9656802394554576, -0.8642352897427807],
        ],
        "n": [
            [1.2600940237698606, 3.124694988448897, 1.5909392128218771, 2.83793554538879],
            [3.4823791932769113, 1.4376783446108772, 3.18427275050884, 1.2608997106368895],
        ],
        "m": [
            [-0.5617920874557407, 1.909114728998309, -2.124243625966631, 0.22429737290656124],
            [1.5147625410144185, -0.8184323752628351, 0.8388148470221204, -2.1850816170014644],
        ],
    },
    2: {
        "h": [
            [-0.46053570374513625, 0.26141737339684756, -0.2308526885696243, 0.32796331913621296],
            [0.6299237155992736, -0.5110080359921036, 0.23453102906340248, -0.07882151037564931],
        ],
        "c": [
            [-1.160424264140557, 1.0705011155683075, -1.278437652789946, 2.4552053777221694],
            [2.409789361253149, -1.2522012367635234, 1.2564041202035574, -0.7519491051908086],
        ],
        "n": [
            [1.189271114537766, 3.1446096874506977, 1.409270795355391, 3.5409367751059597],
            [3.309518084825487, 1.2682190884048439, 3.5063752951225666, 1.2704868058573402],
        ],
        "m": [
            [-0.1268088021787812, 1.3741841344718515, -1.6974367591323962, 0.3962122941560988],
            [1.4216076908830848, -0.10974757169439053, 0.4820743986791688, -2.076401981278704],
        ],
    },
}


@pytest.mark.parametrize("backend", ["loop", "cpu"])
@pytest.mark.parametrize("heads", AUTHORS)
def test_authors_code_gives_the_same(heads, backend):
    output, last = unroll.unroll(filled(heads), waves(3, 4, 2, 3), backend=backend)
    for name, field in AUTHORS[heads].items():
        torch.testing.assert_close(getattr(last, name), torch.tensor(field).double())
    assert torch.equal(output[-1], last.h)


@pytest.mark.parametrize("forget_gate", ["sigmoid", "exponential"])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_equations_without_a_stabiliser_give_the_same(heads, forget_gate):
    cell, x = filled(heads, forget_gate=forget_gate), waves(3, 6, 2, 3)
    # the paper's equations 8 to 16, with the block-diagonal matrix written out
    rows = cell.weight_hh.view(heads, 4, 4 // heads, 4 // heads)
    R = [torch.block_diag(*rows[:, gate]) for gate in range(4)]
    h = c = n = torch.zeros(2, 4).double()
    for step in x:
        i, f, z, o = (
            step @ W.T + h @ r.T + b
            for W, r, b in zip(cell.weight_ih.chunk(4), R, cell.bias.chunk(4), strict=True)
        )
        f = f.exp() if forget_gate == "exponential" else f.sigmoid()
        c = f * c + i.exp() * z.tanh()
        n = f * n + i.exp()
        h = o.sigmoid() * c / n
    output, last = unroll.unroll(cell, x, backend="loop")
    torch.testing.assert_close(output[-1], h)
    scale = last.m.exp()
    torch.testing.assert_close((last.c * scale, last.n * scale), (c, n))


@pytest.mark.parametrize("backend", ["loop", "cpu"])
@pytest.mark.parametrize("gate", [-200.0, 200.0])
def test_gates_beyond_the_range_of_exp_stay_finite(gate, backend):
    cell = SLSTMCell(3, 4)
    with torch.no_grad():
        cell.bias[:4] = gate  # exp(200) is infinite in float32, exp(-200) zero
    x = torch.randn(5, 2, 3, requires_grad=True)
    output, last = unroll.unroll(cell, x, backend=backend)
    (output.sum() + sum(field.sum() for field in last)).backward()
    for values in (output, *last, x.grad, *(p.grad for p in cell.parameters())):
        assert values.isfinite().all()


def test_biases_start_as_the_authors():
    cell = SLSTMCell(3, 6, heads=2)
    i, f, z, o = cell.bias.chunk(4)
    assert not torch.cat([i, z, o]).any()
    # -(-5 + 12 * (k / 2) ** 0.3) for k = 0, 1, 2, in each head
    torch.testing.assert_close(f, torch.tensor([5.0, -4.74702876, -7.0] * 2))
    assert SLSTMCell(3, 1).bias.tolist() == [0, 5, 0, 0]


@pytest.mark.parametrize("heads", [0, 3, 5])
def test_heads_of_unequal_width_are_refused(heads):
    with pytest.raises(ValueError, match=f"heads={heads} and hidden_size=4; expected heads of"):
        SLSTMCell(3, 4, heads=heads)


def test_unknown_forget_gate_is_refused():
    with pytest.raises(ValueError, match=r"forget_gate='exp'; expected one of 'sigmoid', 'exp"):
        SLSTMCell(3, 4, forget_gate="exp")


def test_gates_are_named_for_a_recording():
    cell, named = SLSTMCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["candidate", "output_gate", "input_gate", "forget_gate"]


@pytest.mark.parametrize("heads", [1, 2])
def test_in_a_layer_with_lengths(heads):
    layer = unroll.Recurrent(
        partial(SLSTMCell, heads=heads), 3, 4, num_layers=2, bidirectional=True
    )
    output, last = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, last.n.shape) == ((5, 2, 8), (4, 2, 4))


@pytest.mark.parametrize("options", [{}, {"heads": 2, "forget_gate": "exponential"}])
def test_promises_of_a_cell(options):
    check_cell(partial(SLSTMCell, **options))
