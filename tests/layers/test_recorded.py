import torch
from torch import nn

import unroll
from unroll.layers.recorded import part_names, recorded


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.ModuleList([unroll.Recurrent("lstm", 3, 4), unroll.Recurrent("gru", 4, 5)])
        self.encoder = unroll.Recurrent("gru", 3, 2, 2, bidirectional=True)

    def forward(self, x, lengths=None):
        self.encoder(x, lengths=lengths)
        h = x
        for layer in self.stack:
            h, _ = layer(h, lengths=lengths)
        return h


def test_every_layer_is_recorded_and_nothing_is_changed():
    network, x, lengths = Network(), torch.randn(5, 2, 3), torch.tensor([5, 3])
    with unroll.backend("loop"):  # as the recording takes
        expected = network(x, lengths)
    with recorded(network) as calls:
        found = network(x, lengths)
    assert torch.equal(found, expected)
    assert [call.name for call in calls] == ["encoder", "stack.0", "stack.1"]
    encoder, first, second = calls
    assert encoder.x is x and torch.equal(second.x, first.output) and second.output is found
    assert set(first.records[0].values) >= {"forget_gate"} and len(encoder.records) == 4
    assert first.alive.sum(0).tolist() == [5, 3]
    assert first.records[0].states["c"][4, 1].abs().sum() == 0  # past its length
    assert not network.stack[0]._forward_pre_hooks and not network.stack[0]._forward_hooks


def test_gradients_at_states_come_with_backward():
    network = Network()
    with recorded(network) as calls:
        network(torch.randn(5, 2, 3))[-1].sum().backward()
    assert tuple(calls[1].records[0].gradients["c"].shape) == (5, 2, 4)
    assert float(calls[1].records[0].gradients["c"][0].abs().sum()) > 0


def test_the_state_it_began_with_is_kept_and_hooks_go_even_after_an_error():
    layer = unroll.Recurrent("gru", 3, 4)
    state = torch.randn(1, 2, 4)
    try:
        with recorded(layer) as calls:
            layer(torch.randn(5, 2, 3), state)
            raise RuntimeError
    except RuntimeError:
        pass
    assert calls[0].state is state and not layer._forward_pre_hooks


def test_what_people_call_a_cell():
    one, two = unroll.Recurrent("gru", 3, 4), unroll.Recurrent("gru", 3, 4, 2, bidirectional=True)
    assert part_names("stack.0", one) == ["layer 1"] and part_names("decoder", one) == ["decoder"]
    assert part_names("encoder", two) == [
        "encoder 1 forward", "encoder 1 backward", "encoder 2 forward", "encoder 2 backward",
    ]  # fmt: skip
    assert part_names("", one) == ["layer"] and part_names("letters.layer", one) == [
        "letters layer"
    ]
