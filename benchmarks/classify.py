"""Training steps of the classifier beside the same network written plainly with torch.nn.

torch.nn: a DataLoader in random order, pack_padded_sequence, nn.GRU or nn.LSTM in both directions,
max pooling. unroll: the batches, the network and the loss of the task. Both have the same dropout,
optimizer and clipping, on synthetic texts with Zipf word frequencies and the lengths of film
reviews. First a check: the same loss and gradients from the same weights, without dropout, compared
with float64. Then in every round some training steps of each; printed are medians and the median
ratio.
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

from unroll.tasks.classify.labelled import ClassifyBatches, LabelledSequences, make_batch
from unroll.tasks.classify.network import Classifier
from unroll.tasks.classify.settings import ClassifySettings
from unroll.training.optimizer import make_optimizer

BARS = {"gru": 1.25, "lstm": 0.97}
CLASSES, DROPOUT, CLIP = 2, 0.5, 0.25


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0, help="of timing, per row")
    parser.add_argument("--steps", type=int, default=8, help="training steps per call")
    parser.add_argument("--records", type=int, default=8000)
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument(
        "--same-batches",
        action="store_true",
        help="torch.nn too gets batches of similar lengths",
    )
    parser.add_argument("--json", type=Path, help="file for all measurements")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    about = machine(args.threads)
    for key, value in about.items():
        print(f"{key}: {value}")

    texts = synthetic_texts(args.records, args.vocabulary)
    pairs = {cell: networks(cell, args) for cell in BARS}
    wrong = [s for cell, pair in pairs.items() for s in wrong_in(gate(cell, pair, texts, args))]
    if wrong:
        print("The check failed; nothing was timed.", *wrong, sep="\n")
        sys.exit(1)
    measured, lines = [], []
    for cell, pair in pairs.items():
        row = race(cell, pair, texts, args)
        found = summary(row, rounds(row, args.seconds))
        faster = found["ratios"]["torch.nn / unroll"]
        measured.append(found | {"times faster": faster, "bar": BARS[cell]})
        lines.append(
            {"cell": cell}
            | {
                f"{name}, steps/s": f"{1e3 * args.steps / ms:.0f}"
                for name, ms in found["ms"].items()
            }
            | {"times faster": f"{faster:.2f}", "bar": BARS[cell]}
        )
    print(
        f"\n{args.records} texts, {args.vocabulary} words, batches of {args.batch}, "
        f"2 x {args.hidden} units"
    )
    table(lines)
    if args.json:
        options = {k: v for k, v in vars(args).items() if k != "json"}
        everything = {"machine": about, "options": options, "rows": measured}
        args.json.write_text(json.dumps(everything, indent=1) + "\n")


def synthetic_texts(records, vocabulary):
    """Encoded texts with the lengths of review sentences and Zipf word frequencies."""
    draw = np.random.default_rng(0)
    lengths = draw.normal(21, 9.5, records).clip(2, 58).astype(np.int64)
    chance = 1 / np.arange(10, vocabulary + 8)
    ids = 2 + draw.choice(vocabulary - 2, lengths.sum(), p=chance / chance.sum())
    return LabelledSequences(
        items=ids.astype(np.int32),
        starts=np.cumsum([0, *lengths]),
        targets=draw.integers(CLASSES, size=records),
        content_hashes=np.zeros(records, dtype=np.int64),
        is_truncated=np.zeros(records, dtype=bool),
        unknown=0,
    )


class Plain(nn.Module):
    """The network as one would write it with torch.nn."""

    def __init__(self, cell, vocabulary, hidden):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, hidden)
        kind = {"gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.recurrent = kind(hidden, hidden, bidirectional=True, batch_first=True)
        self.decide = nn.Linear(2 * hidden, CLASSES)
        self.p = DROPOUT

    def forward(self, x, lengths):
        e = dropout(self.embedding(x), self.p, self.training)
        packed = pack_padded_sequence(e, lengths, batch_first=True, enforce_sorted=False)
        h, lengths = pad_packed_sequence(
            self.recurrent(packed)[0], batch_first=True, padding_value=-torch.inf
        )
        return self.decide(dropout(h.amax(1), self.p, self.training))

    def loss(self, x, lengths, y):
        return cross_entropy(self(x, lengths), y, reduction="sum")


def networks(cell, args):
    """The network of torch.nn and that of unroll, with the same weights."""
    torch.manual_seed(0)
    theirs = Plain(cell, args.vocabulary, args.hidden)
    ours = Classifier(
        args.vocabulary,
        CLASSES,
        args.hidden,
        embedding_size=args.hidden,
        cell=cell,
        dropout=DROPOUT,
        dropout_input=DROPOUT,
    )
    own = dict(theirs.named_parameters())
    for suffix, each in zip(("", "_reverse"), ours.stack[0].cells, strict=True):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(each, name).data.copy_(own[f"recurrent.{name}_l0{suffix}"].data)
    ours.embedding.load_state_dict(theirs.embedding.state_dict())
    ours.decide.load_state_dict(theirs.decide.state_dict())
    return theirs, ours


def gate(cell, pair, texts, args):
    """The loss of one batch, and the gradients of weights that have the same name in both."""
    batch = make_batch(texts, list(range(args.batch)))
    inputs = (batch.x.T.contiguous(), batch.x)

    def result(network, x):
        network.eval()
        network.zero_grad()
        loss = network.loss(x, batch.lengths, batch.y)
        loss.backward()
        return [loss.detach(), network.embedding.weight.grad, network.decide.weight.grad]

    calls = {
        name: partial(result, network, x)
        for name, network, x in zip(("torch.nn", "unroll"), pair, inputs, strict=True)
    }
    return Row(
        name=cell,
        shape={"B": args.batch, "H": args.hidden},
        labels=["the loss", "the gradient of the embedding", "the gradient of the decision"],
        reference=result(copy.deepcopy(pair[0]).double(), inputs[0]),
        calls=calls,
        yardsticks=("torch.nn",),
        pairs=[],
        roundings=32.0,  # sums over thousands of steps
    )


def race(cell, pair, texts, args):
    """Training steps of each, which continue where the last call ended."""
    theirs, ours = pair
    records = [
        (torch.from_numpy(texts.values(k).astype(np.int64)), int(texts.targets[k]))
        for k in range(len(texts))
    ]

    def collate(some):
        x, y = zip(*some, strict=True)
        lengths = torch.tensor([len(each) for each in x])
        return pad_sequence(x, batch_first=True), lengths, torch.tensor(y)

    def torch_batches():
        loader = DataLoader(records, args.batch, shuffle=True, collate_fn=collate)
        if args.same_batches:
            order = ClassifyBatches(texts, args.batch, seed=1).order
            rows = [order.rows(k) for k in range(order.per_epoch)]
            loader = DataLoader(records, batch_sampler=rows, collate_fn=collate)
        for each in repeat(loader):
            yield from each

    def unroll_batches():
        batches = ClassifyBatches(texts, args.batch, seed=1)
        number = 0
        while True:
            batch = batches.batch(number)
            yield batch.x, batch.lengths, batch.y
            number += 1

    return Row(
        name=cell,
        shape={"B": args.batch, "H": args.hidden},
        labels=[],
        reference=[],
        calls={
            "torch.nn": trainer(theirs, torch_batches(), args.steps),
            "unroll": trainer(ours, unroll_batches(), args.steps),
        },
        yardsticks=(),
        pairs=[("torch.nn", "unroll")],
    )


def trainer(network, batches, steps):
    """A function that takes some training steps."""
    network.train()
    optimizer = make_optimizer(network, ClassifySettings(), 1e-3)

    def call():
        for _ in range(steps):
            x, lengths, y = next(batches)
            optimizer.zero_grad()
            (network.loss(x, lengths, y) / len(y)).backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()

    return call


if __name__ == "__main__":
    main()
