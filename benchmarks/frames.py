"""Time training steps of the network of frames, and of the same network written with torch.nn.

torch.nn: a DataLoader with a random order, clips padded to the longest, convolutions over all B x T
frames, pack_padded_sequence, nn.GRU in both directions, the mean over the frames of each clip.
unroll: the batches, network and loss of the task. Both have the same sizes, optimizer and clipping.
Clips are pictures or numbers, of one length or of lengths from a third of it. Before timing, the loss
and the gradients of both are compared with float64, with the same weights and without dropout.
"""

import argparse
import copy
import json
import sys
from functools import partial
from itertools import repeat
from pathlib import Path

import numpy as np
import torch
from measure import Row, machine, rounds, summary, table, wrong_in
from torch import nn
from torch.nn.functional import cross_entropy, dropout
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

from unroll.tasks.frames.clips import ClipReader
from unroll.tasks.frames.dataset import ClipBatches, ClipDataset, LoadedClip, make_batch
from unroll.tasks.frames.network import Framewise, blocks
from unroll.tasks.frames.preprocessor import FramesPreprocessor
from unroll.tasks.frames.settings import FramesSettings
from unroll.training.optimizer import make_optimizer

KINDS = {
    "numbers": ((4,), 16),
    "numbers, ragged": ((4,), 48),
    "pictures": ((3, 32, 32), 8),
    "pictures, ragged": ((3, 32, 32), 24),
}
CLASSES, DROPOUT, CLIP, FEATURES = 4, 0.3, 0.25, 128


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0, help="seconds of timing per row")
    parser.add_argument("--clips", type=int, default=320)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--only", nargs="*", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--json", type=Path, help="file for all measurements")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    about = machine(args.threads)
    for key, value in about.items():
        print(f"{key}: {value}")

    measured, lines = [], []
    for kind in args.only:
        shape, longest = KINDS[kind]
        clips = random_clips(args.clips, shape, longest, "ragged" in kind)
        pair = networks(shape, args)
        wrong = wrong_in(gate(kind, pair, clips, args))
        if wrong:
            print("The results differ; nothing was timed.", *wrong, sep="\n")
            sys.exit(1)
        row = race(kind, pair, clips, args)
        found = summary(row, rounds(row, args.seconds))
        faster = found["ratios"]["torch.nn / unroll"]
        measured.append(found | {"times faster": faster})
        lines.append(
            {"clips": kind, "frames": longest}
            | {f"{name}, steps/s": f"{1e3 / ms:.1f}" for name, ms in found["ms"].items()}
            | {"times faster": f"{faster:.2f}"}
        )
    print(f"\n{args.clips} clips, batches of {args.batch}, 2 x {args.hidden} units")
    table(lines)
    if args.json:
        options = {k: v for k, v in vars(args).items() if k != "json"}
        everything = {"machine": about, "options": options, "rows": measured}
        args.json.write_text(json.dumps(everything, indent=1) + "\n")


def random_clips(count, shape, longest, ragged):
    """Random clips, of one length or of lengths from a third of it."""
    draw = np.random.default_rng(0)
    lengths = draw.integers(longest // 3, longest + 1, count) if ragged else [longest] * count
    preprocessor = FramesPreprocessor([str(k) for k in range(CLASSES)], False, ClipReader(shape))
    clips = []
    for k, length in enumerate(lengths):
        size = (int(length), *shape)
        values = draw.integers(256, size=size).astype(np.uint8)
        if len(shape) == 1:
            values = draw.normal(size=size).astype(np.float32)
        clips.append(
            LoadedClip(values, Path(), ("0",), int(length), int(length), values, k, "", "", None)
        )
    starts = np.cumsum([0, *lengths])
    return ClipDataset(clips, preprocessor, draw.integers(CLASSES, size=count), starts)


class Plain(nn.Module):
    """The same network written with torch.nn."""

    def __init__(self, shape, hidden):
        super().__init__()
        width, self.look = shape[0], None
        if len(shape) == 3:
            parts, channels = [], shape[0]
            widths = blocks(*shape[1:])
            for each in widths:
                parts += [nn.Conv2d(channels, each, 3, padding=1, bias=False)]
                parts += [nn.BatchNorm2d(each), nn.ReLU(), nn.MaxPool2d(2)]
                channels = each
            side = shape[1] // 2 ** len(widths)
            parts += [nn.Flatten(), nn.Linear(channels * side * side, FEATURES), nn.ReLU()]
            self.look, width = nn.Sequential(*parts), FEATURES
        self.recurrent = nn.GRU(width, hidden, bidirectional=True, batch_first=True)
        self.decide = nn.Linear(2 * hidden, CLASSES)

    def forward(self, x, lengths):
        if self.look is not None:
            B, T = x.shape[:2]
            seen = self.look((x.to(self.decide.weight.dtype).flatten(0, 1) - 127.5) / 64)
            x = dropout(seen.unflatten(0, (B, T)), DROPOUT, self.training)
        x = x.to(self.decide.weight.dtype)
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        h, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)
        pooled = h.sum(1) / lengths[:, None]
        return self.decide(dropout(pooled, DROPOUT, self.training))

    def loss(self, x, lengths, y):
        return cross_entropy(self(x, lengths), y, reduction="sum")


def networks(shape, args):
    """The networks of torch.nn and of unroll, with the same weights."""
    torch.manual_seed(0)
    ours = Framewise(shape, CLASSES, args.hidden, feature_size=FEATURES, dropout=DROPOUT)
    theirs = Plain(shape, args.hidden)
    own = dict(theirs.named_parameters())
    for suffix, each in zip(("", "_reverse"), ours.stack[0].cells, strict=True):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            own[f"recurrent.{name}_l0{suffix}"].data.copy_(getattr(each, name).data)
    theirs.decide.load_state_dict(ours.decide.state_dict())
    if ours.look is not None:
        for k, convolution in enumerate(ours.look.convolutions):
            theirs.look[4 * k].load_state_dict(convolution.state_dict())
        theirs.look[-2].load_state_dict(ours.feature.state_dict())
    return theirs, ours


def padded(clips, rows):
    """A batch for the network of torch.nn."""
    x = [torch.from_numpy(clips.values(row)) for row in rows]
    lengths = torch.tensor([len(each) for each in x])
    return pad_sequence(x, batch_first=True), lengths, torch.from_numpy(clips.targets[list(rows)])


def gate(kind, pair, clips, args):
    """The loss of one batch, and the gradient of the last layer."""
    rows = list(range(min(8, args.batch)))
    batch = make_batch(clips, rows)
    inputs = (padded(clips, rows), (batch.x, batch.lengths, batch.y))

    def result(network, given):
        network.eval()
        network.zero_grad()
        loss = network.loss(*given)
        loss.backward()
        return [loss.detach(), network.decide.weight.grad]

    calls = {
        name: partial(result, network, given)
        for name, network, given in zip(("torch.nn", "unroll"), pair, inputs, strict=True)
    }
    return Row(
        name=kind,
        shape={"B": len(rows), "H": args.hidden},
        labels=["the loss", "the gradient of the decision"],
        reference=result(copy.deepcopy(pair[0]).double(), inputs[0]),
        calls=calls,
        yardsticks=("torch.nn",),
        pairs=[],
        roundings=64.0,  # sums over thousands of products and steps
    )


def race(kind, pair, clips, args):
    """One training step of each network per call; each call continues where the last one ended."""

    def torch_batches():
        collate = partial(padded, clips)
        for loader in repeat(
            DataLoader(range(len(clips)), args.batch, shuffle=True, collate_fn=collate)
        ):
            yield from loader

    def unroll_batches():
        batches = ClipBatches(clips, args.batch, seed=1)
        number = 0
        while True:
            batch = batches.batch(number)
            yield batch.x, batch.lengths, batch.y
            number += 1

    return Row(
        name=kind,
        shape={"B": args.batch, "H": args.hidden},
        labels=[],
        reference=[],
        calls={
            "torch.nn": trainer(pair[0], torch_batches()),
            "unroll": trainer(pair[1], unroll_batches()),
        },
        yardsticks=(),
        pairs=[("torch.nn", "unroll")],
    )


def trainer(network, batches):
    """A function that makes one training step."""
    network.train()
    optimizer = make_optimizer(network, FramesSettings(), 1e-3)

    def call():
        x, lengths, y = next(batches)
        optimizer.zero_grad()
        (network.loss(x, lengths, y) / len(y)).backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()

    return call


if __name__ == "__main__":
    main()
