import torch

from unroll.inspect.flat_state import flatten_state, unflatten_state


def test_a_state_comes_back_from_its_vector():
    state = (torch.randn(2, 3), torch.randn(2, 4, 5))
    vector = flatten_state(state)
    assert vector.shape == (2, 3 + 20)
    back = unflatten_state(vector, state)
    assert all(torch.equal(one, other) for one, other in zip(back, state, strict=True))


def test_counts_are_skipped_and_kept():
    clock, h = torch.tensor([4, 5]), torch.randn(2, 3)
    assert torch.equal(flatten_state((clock, h)), h)
    back = unflatten_state(torch.zeros(2, 3), (clock, h))
    assert torch.equal(back[0], clock) and not back[1].any()
