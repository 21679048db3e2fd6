import pytest
import torch

import unroll

T, B, I, H = 5, 3, 2, 4


def by_hand(cell, x):
    """Every step's gates and states, kept by autograd itself."""
    h, c = cell.initial_state(x.shape[1], dtype=x.dtype)
    steps = []
    for x_t in x:
        gates = x_t @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh
        i, f, g, o = gates.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        steps.append({"forget_gate": f, "output_gate": o, "candidate": g, "h": h, "c": c})
    return {name: [step[name] for step in steps] for name in steps[0]}


@pytest.fixture
def cell():
    return unroll.LSTMCell(I, H).double()


def test_values_states_and_gradients_are_those_of_autograd(cell):
    x, weight = torch.randn(T, B, I).double(), torch.randn(T, B, H).double()
    record = unroll.Recording()
    output, _ = unroll.unroll(cell, x, record=record)
    (output * weight).sum().backward()

    kept = by_hand(cell, x)
    loss = (torch.stack(kept["h"]) * weight).sum()
    for name in ("forget_gate", "output_gate", "candidate"):
        torch.testing.assert_close(record.values[name], torch.stack(kept[name]).detach())
    assert set(record.values) == {"input_gate", "forget_gate", "candidate", "output_gate"}
    for name in ("h", "c"):
        torch.testing.assert_close(record.states[name], torch.stack(kept[name]).detach())
        gradients = torch.autograd.grad(loss, kept[name], retain_graph=True)
        torch.testing.assert_close(record.gradients[name], torch.stack(gradients))


def test_a_recording_changes_neither_outputs_nor_gradients(cell):
    x = torch.randn(T, B, I).double()
    plain, state = unroll.unroll(cell, x, backend="loop")
    recorded, same = unroll.unroll(cell, x, record=unroll.Recording(), backend="loop")
    assert torch.equal(plain, recorded)
    assert all(torch.equal(a, b) for a, b in zip(state, same, strict=True))
    of = list(cell.parameters())
    for a, b in zip(
        torch.autograd.grad(plain.sum(), of), torch.autograd.grad(recorded.sum(), of), strict=True
    ):
        assert torch.equal(a, b)


@pytest.mark.parametrize("reverse", [False, True])
def test_steps_past_the_end_are_zero_and_the_others_as_if_alone(cell, reverse):
    lengths, x = [5, 2, 0], torch.randn(T, B, I).double()
    x[2:, 1] = torch.nan
    record = unroll.Recording()
    _, last = unroll.unroll(cell, x, lengths=lengths, reverse=reverse, record=record)
    last.h.sum().backward()
    for b, length in enumerate(lengths):
        alone = unroll.Recording()
        if length:
            _, end = unroll.unroll(cell, x[:length, b : b + 1], reverse=reverse, record=alone)
            end.h.sum().backward()
        for part in ("values", "states", "gradients"):
            for name, kept in getattr(record, part).items():
                assert not kept[length:, b].any()
                if length:
                    torch.testing.assert_close(kept[:length, b], getattr(alone, part)[name][:, 0])


def test_gradients_wait_for_backward_and_need_no_gradient_to_record(cell):
    record = unroll.Recording()
    with torch.no_grad():
        unroll.unroll(cell, torch.randn(T, B, I).double(), record=record)
    assert record.states["c"].shape == (T, B, H)
    assert record.gradients == {}


def test_a_bare_state_is_named_h():
    record = unroll.Recording()
    output, _ = unroll.unroll(unroll.GRUCell(I, H), torch.randn(T, B, I), record=record)
    assert torch.equal(record.states["h"], output)


def test_a_layer_fills_one_recording_a_layer_and_direction():
    layer = unroll.GRU(I, H, num_layers=2, bidirectional=True)
    records = [unroll.Recording() for _ in range(4)]
    output, _ = layer(torch.randn(T, B, I), records=records)
    assert all(set(r.values) == {"reset_gate", "update_gate", "candidate"} for r in records)
    torch.testing.assert_close(
        torch.cat([records[2].states["h"], records[3].states["h"]], 2), output
    )


def test_a_recording_is_for_one_call(cell):
    record, x = unroll.Recording(), torch.randn(T, B, I).double()
    unroll.unroll(cell, x, record=record)
    with pytest.raises(ValueError, match="holds an earlier call; make a new one"):
        unroll.unroll(cell, x, record=record)
