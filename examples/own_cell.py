"""A cell of your own as a full layer, checked and trained: remember the first number of a sequence."""

import torch

import unroll


class MinimalGatedCell(unroll.Cell):  # Zhou et al. 2016, https://arxiv.org/abs/1603.09420
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.forget = torch.nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = torch.nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):  # x [B, I], h [B, H]
        f = torch.sigmoid(self.forget(torch.cat([x, h], 1)))
        n = torch.tanh(self.candidate(torch.cat([x, f * h], 1)))
        h = (1 - f) * h + f * n
        return h, h


torch.manual_seed(0)
layer = unroll.Recurrent(MinimalGatedCell, 1, 16)
read_out = torch.nn.Linear(16, 1)
parameters = [*layer.parameters(), *read_out.parameters()]
optimizer = torch.optim.Adam(parameters, lr=0.01)
for _step in range(200):
    x = torch.rand(10, 32, 1)  # [T, B, I]
    _, last = layer(x)  # [L, B, H]
    loss = (read_out(last[0]) - x[0]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"squared error after 200 steps: {loss.item():.4f} (guessing the mean: 0.0833)")
