"""Handwritten digits as sequences: 28 rows of 28 pixels, or 784 pixels one by one.

The 10,000 images of MNIST's test part, 8,000 to learn from, 1,000 to choose by, 1,000 to test, in
their order; so no figure compares with published ones, which learn from 60,000. Images are learned
from at places shifted by up to two pixels (rows) or one (pixels). Le et al. 2015 made the pixels a
test of long memories (https://arxiv.org/abs/1504.00941).
"""

import gzip
from functools import cached_property

import torch
from torch.nn.functional import cross_entropy, pad

SIDE = 28
FOLDER = "sequential_image/mnist_10k"
SPLITS = {"train": slice(0, 8000), "valid": slice(8000, 9000), "test": slice(9000, 10000)}


class Digits:
    unit, better = "right", "above"
    outputs, batch_size = 10, 32
    whole = True  # one thing is said of all steps
    solved = None  # the whole time is used, and the rate falls to zero

    def __init__(self, name, inputs, shift, bar, data):
        """shift: how far images are moved; less where few passes fit into the time."""
        self.name, self.inputs, self.shift, self.bar = name, inputs, shift, bar
        self.folder = data / FOLDER

    @cached_property
    def images(self):
        """[10000, 28, 28], of about mean zero and variance one; by the part that is learned from."""
        pixels = read(self.folder / "t10k-images-idx3-ubyte.gz", 16).reshape(-1, SIDE, SIDE) / 255
        learned = pixels[SPLITS["train"]]
        return (pixels - learned.mean()) / learned.std()

    @cached_property
    def labels(self):
        return read(self.folder / "t10k-labels-idx1-ubyte.gz", 8).long()

    def batch(self, generator, size=batch_size):
        """x [T, B, I], shifted; the labels [1, B]."""
        chosen = torch.randint(SPLITS["train"].stop, (size,), generator=generator)
        down, right = torch.randint(2 * self.shift + 1, (2, size, 1), generator=generator)
        images = shifted(self.images[chosen], down - self.shift, right - self.shift)
        return self.sequence(images), self.labels[chosen][None]

    def split(self, name):
        images = self.images[SPLITS[name]].split(100)
        labels = self.labels[SPLITS[name]].split(100)
        return [(self.sequence(x), y[None]) for x, y in zip(images, labels, strict=True)]

    def test(self):
        return self.split("test")

    def sequence(self, images):
        """Images [B, 28, 28] as [T, B, I], from the top left."""
        return images.reshape(len(images), -1, self.inputs).transpose(0, 1).contiguous()

    def loss(self, said, targets):
        return cross_entropy(said.flatten(0, 1), targets.flatten())

    def score(self, said, targets):
        return float((said.argmax(-1) == targets).float().mean())


def shifted(images, down, right):
    """Each image [B, 28, 28] moved by its own down [B, 1] and right [B, 1]."""
    most = int(torch.cat([down, right]).abs().max())
    wide = pad(images, (most,) * 4, value=float(images.min()))
    rows = (torch.arange(SIDE) + most - down)[:, :, None]  # [B, 28, 1]
    columns = (torch.arange(SIDE) + most - right)[:, None, :]
    return wide[torch.arange(len(images))[:, None, None], rows, columns]


def read(path, header):
    """The bytes of an IDX file after its header, as float."""
    with gzip.open(path) as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8, offset=header).float()


def tasks(data):
    return [Digits("rows", SIDE, 2, 0.975, data), Digits("pixels", 1, 1, 0.95, data)]
