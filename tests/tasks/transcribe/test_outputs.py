"""The network's outputs of a data set."""

import pytest

from unroll.tasks.transcribe.outputs import network_outputs


def test_outputs_are_those_of_each_record_alone(untrained):
    data, _, network = untrained()
    done = []
    found = {
        row: (log_p, loss)
        for row, log_p, loss in network_outputs(network, data.train, "cpu", progress=done.append)
    }
    assert sorted(found) == list(range(11)) and done[-1] == 1
    ((row, log_p, loss),) = network_outputs(network, data.train, "cpu", rows=[4])
    assert row == 4 and loss == pytest.approx(found[4][1], abs=1e-4)
    assert log_p.numpy() == pytest.approx(found[4][0].numpy(), abs=1e-5)
