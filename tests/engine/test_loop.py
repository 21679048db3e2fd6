"""The reference loop."""

import torch

import unroll
from unroll.engine import loop
from unroll.engine.call import checked_call


class Adds(unroll.Cell):
    """The sum of the inputs so far."""

    def forward(self, x, h):
        return h + x, h + x


def run(x, **settings):
    return loop.run(checked_call(Adds(1, 1), x, **settings))


X = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])[..., None]  # [T=3, B=2, 1]


def test_every_call_is_taken():
    assert loop.supports(checked_call(Adds(1, 1), X)) is None


def test_the_state_is_carried_from_step_to_step():
    output, last = run(X)
    assert output[..., 0].t().tolist() == [[1, 3, 6], [10, 30, 60]]
    assert torch.equal(last, output[-1])


def test_a_sequence_that_has_ended_keeps_its_state_and_shows_zeros():
    output, last = run(X, lengths=[3, 1])
    assert output[:, 1, 0].tolist() == [10, 0, 0]
    assert last[:, 0].tolist() == [6, 10]


def test_a_reset_comes_before_its_step_and_reverse_reads_from_the_end():
    resets = torch.tensor([[0, 0], [0, 1], [0, 0]], dtype=torch.bool)
    output, _ = run(X, resets=resets)
    assert output[:, 1, 0].tolist() == [10, 20, 50]
    output, last = run(X, lengths=[3, 2], reverse=True)
    assert output[..., 0].t().tolist() == [[6, 5, 3], [30, 20, 0]]
    assert last[:, 0].tolist() == [6, 30]
