"""Training steps of a translator, beside the same network written plainly with torch.nn.

Both read the same pairs, 64 at a time: unroll in the batches of `unroll train`, torch by a
DataLoader. The plain network uses torch's own modules: nn.Embedding, a packed bidirectional nn.GRU or
nn.LSTM as the encoder, another as the decoder, two nn.Linear for the attention, and
nn.CrossEntropyLoss. The gate comes first: both networks get the same weights, and the loss and every
gradient of one batch must agree with float64. Then whole training steps are timed, one of each in
every round, with AdamW and clipped gradients: batch, loss, gradient, update. torch.optim.AdamW is used
with its defaults, or with --fused as the training loop of unroll makes it.

The comparison is with a DataLoader that gets the same batches of about the same lengths (`same
batches`); a DataLoader that shuffles, as DataLoaders usually do, is measured too (`shuffled`).
"""

import argparse
import json
import random
import sys
from pathlib import Path

import torch
from measure import Row, doubled, machine, ratio, rounds, table, wrong_in
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

from unroll.data.vocabulary import BOUNDARY
from unroll.settings import TrainingSettings
from unroll.tasks.translate.batches import EncodedPairs, PairBatches, SequenceArray
from unroll.tasks.translate.network import TranslateNetwork
from unroll.training.optimizer import make_optimizer

BARS = {"gru": 1.25, "lstm": 0.97}
PADDING = -100


class PlainTranslator(nn.Module):
    """Embedding, bidirectional encoder, bridge, decoder, general attention, tied softmax."""

    def __init__(self, cell, V, W, E, H, dropout):
        super().__init__()
        layer = {"gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.fields = {"gru": 1, "lstm": 2}[cell]
        self.source, self.target = nn.Embedding(V, E), nn.Embedding(W, E)
        self.encoder = layer(E, H // 2, bidirectional=True, batch_first=True)
        self.decoder = layer(E, H, batch_first=True)
        self.bridge = nn.Linear(H, self.fields * H)
        self.attention = nn.Linear(H, H, bias=False)
        self.combine = nn.Linear(2 * H, E, bias=False)
        self.output = nn.Linear(E, W)
        self.output.weight = self.target.weight
        self.dropout = nn.Dropout(dropout)

    def forward(self, source, lengths, inputs):
        packed = pack_padded_sequence(
            self.dropout(self.source(source)), lengths, batch_first=True, enforce_sorted=False
        )
        packed, state = self.encoder(packed)
        keys, _ = pad_packed_sequence(packed, batch_first=True)
        last = state if self.fields == 1 else state[0]
        summary = self.dropout(torch.cat([last[0], last[1]], 1))
        start = torch.tanh(self.bridge(summary)).chunk(self.fields, 1)
        start = tuple(part[None].contiguous() for part in start)
        keys = self.dropout(keys)
        outputs, _ = self.decoder(
            self.dropout(self.target(inputs)), start[0] if self.fields == 1 else start
        )
        scores = outputs @ self.attention(keys).transpose(1, 2)
        mask = torch.arange(source.shape[1]) < lengths[:, None]
        weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
        h = torch.tanh(self.combine(torch.cat([weights @ keys, outputs], -1)))
        return self.output(self.dropout(h))


def plain_weights(state):
    """The weights of a PlainTranslator that computes the same as a TranslateNetwork with this state."""
    found = {"output.weight": state["target.weight"], "output.bias": state["bias"]}
    for name, tensor in state.items():
        parts = name.split(".")
        if parts[0] in ("encoder", "decoder"):
            reverse = "_reverse" if parts[2] == "1" else ""
            found[f"{parts[0]}.{parts[3]}_l0{reverse}"] = tensor
        elif name != "bias":
            name = name.replace("attention.project", "attention").replace("bridge.linear", "bridge")
            found[name] = tensor
    return found


class PairDataset(torch.utils.data.Dataset):
    def __init__(self, pairs):
        self.pairs = pairs

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, row):
        end = [BOUNDARY]
        source = torch.tensor([*self.pairs.source[row].tolist(), *end])
        target = torch.tensor([*self.pairs.target[row].tolist(), *end])
        return source, target


def collate(rows):
    sources, targets = zip(*rows, strict=True)
    lengths = torch.tensor([len(source) for source in sources])
    source = pad_sequence(sources, batch_first=True, padding_value=BOUNDARY)
    target = pad_sequence(targets, batch_first=True, padding_value=PADDING)
    inputs = torch.cat([torch.full((len(rows), 1), BOUNDARY), target[:, :-1]], 1)
    return source, lengths, inputs.clamp(min=0), target


def plain_step(model, batches, smoothing, fused):
    """A function that does a whole training step. batches: an endless iterator."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=fused)
    loss_of = nn.CrossEntropyLoss(ignore_index=PADDING, label_smoothing=smoothing)

    def step():
        source, lengths, inputs, target = next(batches)
        optimizer.zero_grad()
        loss = loss_of(model(source, lengths, inputs).flatten(0, 1), target.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()
        return loss.item()

    return step


def our_step(model, batches, smoothing):
    """A function that does a whole training step."""
    optimizer = make_optimizer(model, TrainingSettings(), 1e-3)
    number = 0

    def step():
        nonlocal number
        batch = batches.batch(number)
        number += 1
        optimizer.zero_grad()
        loss = our_loss(model, batch, smoothing) / batch.tokens
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()
        return loss.item()

    return step


def our_loss(model, batch, smoothing):
    return model.loss(
        batch.source, batch.lengths, batch.inputs, batch.target, batch.weight, smoothing=smoothing
    )


def endless(loader):
    while True:
        yield from loader


def invented(count, V, W, seed):
    """Random pairs with the lengths of short sentences."""
    draw = random.Random(seed)
    lengths = [max(2, round(draw.gauss(6, 2.5))) for _ in range(count)]
    source = [[draw.randrange(2, V) for _ in range(n)] for n in lengths]
    target = [
        [draw.randrange(2, W) for _ in range(max(2, n + draw.randint(-2, 4)))] for n in lengths
    ]
    return EncodedPairs(SequenceArray(source), SequenceArray(target))


def gate(cell, model, plain, pairs, smoothing):
    """What differs from float64 in the loss and the gradients of one batch, in sentences."""
    rows = list(range(24))
    batch = pairs.batch(rows)
    collated = collate([PairDataset(pairs)[row] for row in rows])
    names = [name for name, _ in model.named_parameters()]

    def ours(network):
        loss = our_loss(network, batch, smoothing)
        return [loss.detach(), *torch.autograd.grad(loss, list(network.parameters()))]

    def torchs(network):
        source, lengths, inputs, target = collated
        logits = network(source, lengths, inputs).flatten(0, 1)
        loss_of = nn.CrossEntropyLoss(
            ignore_index=PADDING, label_smoothing=smoothing, reduction="sum"
        )
        loss = loss_of(logits, target.flatten())
        known = dict(network.named_parameters(remove_duplicate=False))
        parameters = [known[name] for name in plain_names(model)]
        return [loss.detach(), *torch.autograd.grad(loss, parameters)]

    model.eval(), plain.eval()
    twin = TranslateNetwork(
        *sizes_of(model), cell=cell, encoder_size=model.encoder.hidden_size
    ).double()
    twin.load_state_dict({k: doubled(v) for k, v in model.state_dict().items()})
    row = Row(
        cell, {}, ["loss", *names], ours(twin.eval()),
        {"unroll": lambda: ours(model), "torch": lambda: torchs(plain)}, ("torch",), [], roundings=64,
    )  # fmt: skip
    wrong = wrong_in(row)
    model.train(), plain.train()
    return wrong


def plain_names(model):
    """The names of our parameters in the plain network, in order."""
    ours = dict(model.named_parameters())
    theirs = {id(tensor): name for name, tensor in plain_weights(ours).items()}
    return [theirs[id(tensor)] for tensor in ours.values()]


def sizes_of(model):
    V, E = model.source.weight.shape
    return V, len(model.bias), E, model.decoder.hidden_size


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0, help="of timing for each cell")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--embedding", type=int, default=256)
    parser.add_argument("--vocabulary", type=int, default=4096, help="tokens of each side")
    parser.add_argument("--cells", default="gru,lstm")
    parser.add_argument("--fused", action="store_true", help="AdamW(fused=True) for torch too")
    parser.add_argument("--json", type=Path, help="write all measurements to this file")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    about = machine(args.threads)
    for key, value in about.items():
        print(f"{key}: {value}")
    V, E, H, dropout, smoothing = args.vocabulary, args.embedding, args.hidden, 0.3, 0.1
    pairs = invented(20_000, V, V, seed=1)
    lines, measured = [], []
    for cell in args.cells.split(","):
        torch.manual_seed(1)
        model = TranslateNetwork(
            V, V, E, H, cell=cell, encoder_size=H // 2, dropout=dropout, dropout_input=dropout
        )
        plains = [PlainTranslator(cell, V, V, E, H, dropout) for _ in range(2)]
        for plain in plains:
            plain.load_state_dict(plain_weights(model.state_dict()))
        wrong = gate(cell, model, plains[0], pairs, smoothing)
        if wrong:
            print("The gate is red; nothing was timed.", *wrong, sep="\n")
            sys.exit(1)
        batches = PairBatches(pairs, args.batch_size, seed=1)
        same = [batches.bucketed.rows(n) for n in range(batches.per_epoch)]
        data = PairDataset(pairs)
        loaders = [
            DataLoader(data, batch_sampler=same, collate_fn=collate),
            DataLoader(data, args.batch_size, shuffle=True, collate_fn=collate),
        ]
        calls = {
            "unroll": our_step(model, batches, smoothing),
            "same batches": plain_step(plains[0], endless(loaders[0]), smoothing, args.fused),
            "shuffled": plain_step(plains[1], endless(loaders[1]), smoothing, args.fused),
        }
        row = Row(cell, {"B": args.batch_size, "H": H}, [], [], calls, (), [])
        times = rounds(row, args.seconds)
        # both read the same batch in a round, so each ratio compares equal work
        faster = {name: ratio(times[name], times["unroll"]) for name in calls if name != "unroll"}
        medians = {name: sorted(values)[len(values) // 2] for name, values in times.items()}
        measured.append({"cell": cell, "ms": medians, "times faster": faster, "bar": BARS[cell]})
        lines.append(
            {"cell": cell}
            | {f"{name} ms": f"{value:.1f}" for name, value in medians.items()}
            | {f"faster than {name}": f"{value:.2f}" for name, value in faster.items()}
            | {"bar": BARS[cell]}
        )
    print(f"\nA step of training, B={args.batch_size}, E={E}, H={H}, V={V}")
    table(lines)
    if args.json:
        args.json.write_text(json.dumps({"machine": about, "rows": measured}, indent=1) + "\n")


if __name__ == "__main__":
    main()
