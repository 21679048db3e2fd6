"""Copy after a delay: symbols, silence, a signal, and then the symbols are to be said again.

Hochreiter and Schmidhuber 1997, in the form of Arjovsky et al. 2016
(https://arxiv.org/abs/1511.06464) but shorter and judged at the recalled symbols alone: 5 symbols
of 8, where theirs has 10. Guessing is right once in eight. Every batch is new.
"""

import torch
from torch.nn.functional import cross_entropy, one_hot

SYMBOLS, KINDS = 5, 8
SILENCE, SIGNAL = KINDS, KINDS + 1
DELAYS = (30, 100)
TEST_SEED, TEST_BATCHES = 10**6, 10


class Copying:
    unit, bar, better = "right", 0.99, "above"
    inputs, outputs, batch_size = KINDS + 2, KINDS, 32
    whole = False
    solved = 0.005  # the loss at which learning stops, in nats a symbol

    def __init__(self, delay):
        self.delay = delay
        self.name = f"copy {delay}"

    def batch(self, generator, size=batch_size):
        """x [T, B, 10], one hot; the symbols [5, B], which are to be said at the last five steps.

        Symbol k is shown at step k and asked for at step k + 5 + delay.
        """
        symbols = torch.randint(KINDS, (SYMBOLS, size), generator=generator)
        words = torch.full((self.delay + 2 * SYMBOLS, size), SILENCE)
        words[:SYMBOLS] = symbols
        words[SYMBOLS + self.delay] = SIGNAL
        return one_hot(words, KINDS + 2).float(), symbols

    def test(self):
        generator = torch.Generator().manual_seed(TEST_SEED)
        return [self.batch(generator, 100) for _ in range(TEST_BATCHES)]

    def loss(self, said, targets):
        return cross_entropy(said.flatten(0, 1), targets.flatten())

    def score(self, said, targets):
        return float((said.argmax(-1) == targets).float().mean())


TASKS = [Copying(delay) for delay in DELAYS]
