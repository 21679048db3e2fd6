"""The adding problem: of T numbers two are marked, and at the end their sum is to be said.

Hochreiter and Schmidhuber 1997 (https://doi.org/10.1162/neco.1997.9.8.1735), experiment 4, in the
form that the field has used since (Le et al. 2015, Arjovsky et al. 2016): numbers uniform in 0..1,
one marked in each half. Saying one, the mean, gives the square error 1/6. Every batch is new.
"""

import torch
from torch.nn.functional import mse_loss

LENGTHS = (100, 400, 1000)
TEST_SEED, TEST_BATCHES = 10**6, 10


class Adding:
    unit, bar, better = "square error", 0.01, "below"
    inputs, outputs, batch_size = 2, 1, 32
    whole = False
    solved = 0.001  # the loss at which learning stops: a standard deviation of 0.03

    def __init__(self, length):
        self.length = length
        self.name = f"adding {length}"

    def batch(self, generator, size=batch_size):
        """x [T, B, 2], the numbers and the marks; their sum [1, B, 1]."""
        numbers = torch.rand(self.length, size, generator=generator)
        half = self.length // 2
        first = torch.randint(half, (1, size), generator=generator)
        second = torch.randint(half, self.length, (1, size), generator=generator)
        marks = torch.zeros_like(numbers).scatter_(0, torch.cat([first, second]), 1.0)
        return torch.stack([numbers, marks], -1), (numbers * marks).sum(0)[None, :, None]

    def test(self):
        generator = torch.Generator().manual_seed(TEST_SEED)
        return [self.batch(generator, 100) for _ in range(TEST_BATCHES)]

    def loss(self, said, targets):
        return mse_loss(said, targets)

    def score(self, said, targets):
        return float(mse_loss(said, targets))


TASKS = [Adding(length) for length in LENGTHS]
