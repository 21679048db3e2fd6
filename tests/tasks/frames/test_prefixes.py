from types import SimpleNamespace

import numpy as np
import pytest
import torch

from unroll.tasks.frames.prefixes import prefix_probabilities


class MeanOfFrames(torch.nn.Module):
    shares = None

    def forward(self, x, lengths):
        assert len(x) == int(lengths[0])
        return x.mean(0, keepdim=True)


def test_each_prefix_is_classified_by_itself():
    trained = SimpleNamespace(
        model=MeanOfFrames(),
        preprocessor=SimpleNamespace(floor=None),
        device=torch.device("cpu"),
    )
    values = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    p = prefix_probabilities(trained, values, [1, 2])
    assert p[0].tolist() == pytest.approx([0.7310586, 0.2689414]) and p[1].tolist() == [0.5, 0.5]
