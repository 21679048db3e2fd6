"""Each operation that a step may use, against PyTorch, through a cell that uses it."""

import pytest
import torch

import unroll
from unroll.export import to_onnx

STEPS = {
    "bounds": lambda x, h: (x.clamp(-0.5, 0.5), h.clamp(min=0), x.clamp(max=0.1)),
    "small": lambda x, h: (torch.log1p(x.abs() * 1e-6), torch.expm1(h * 1e-6), torch.log1p(x.abs())),
    "powers": lambda x, h: (torch.exp2(x), torch.log2(x.abs() + 1), (x.abs() + 1) ** 1.5),
    "roots": lambda x, h: (torch.rsqrt(x.abs() + 1), torch.sqrt(h.abs() + 1), 1 / (x.abs() + 1)),
    "rounded": lambda x, h: (torch.round(3 * x), torch.floor(3 * x), torch.trunc(3 * x)),
    "rests": lambda x, h: (torch.remainder(3 * x, 2.0), torch.fmod(3 * x, 2.0), (3 * x) // 2.0),
    "whole": lambda x, h: (
        ((7 * x).long() % 3).float(),
        ((7 * x).long() // 3).float(),
        torch.div((7 * x).long(), 3, rounding_mode="trunc").float(),
    ),
    "truths": lambda x, h: (
        torch.where((x > 0) & (h <= 0), x, h),
        ((x < 0) | ~(h > 0)).float(),
        ((x != h) ^ (x >= 0)).float(),
    ),
    "filled": lambda x, h: (x.masked_fill(x > 0, 2.0), torch.zeros_like(x), torch.ones(len(x), 4)),
    "parts": lambda x, h: (x[:, 1:], x[:, :1].expand(-1, 4), torch.stack([x[:, 0], h[:, 1]], 1)),
    "forms": lambda x, h: (
        (x.view(-1, 2, 2) @ h.view(-1, 2, 2)).flatten(1),
        x.view(-1, 2, 2).transpose(1, 2).reshape(-1, 4),
        x.unsqueeze(1).squeeze(1),
    ),
    "reductions": lambda x, h: (
        x.softmax(1), x.amax(1, keepdim=True), x.mean(1, keepdim=True) + h.amin(1, True)
    ),
    "curves": lambda x, h: (torch.nn.functional.gelu(x), torch.nn.functional.elu(x), x.sin() * h.cos()),
    "sums": lambda x, h: (torch.add(x, h, alpha=0.5), torch.sub(x, 2), torch.maximum(x, h)),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_an_operation_gives_the_numbers_of_pytorch(tmp_path, name):
    class Step(unroll.Cell):
        """The results side by side; a state that stays small."""

        def forward(self, x, h):
            """x [B, 4], h [B, 4] -> the results, and h."""
            results = STEPS[name](x, h)
            h = torch.tanh(0.5 * h + x)
            return torch.cat([r if r.shape[1] > 1 else r.expand(-1, 2) for r in results], 1), h

    cell = Step(4, 4)
    output, _ = cell.step(torch.zeros(2, 4), torch.zeros(2, 4))
    cell.output_size = output.shape[1]
    found = to_onnx(unroll.Recurrent(lambda I, H: cell, 4, 4), tmp_path / "layer.onnx")
    assert found.difference < 1e-5
