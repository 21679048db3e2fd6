"""Training steps of a tagger beside the same network written plainly with torch.nn and a DataLoader.

Word vectors, letters read in both directions, shapes, a layer in both directions, softmax or CRF.
First a check: from the same weights, the loss and every gradient of a batch, compared with float64.
Then, in every round, one training step of each: batch, loss, gradient, clipping, AdamW.

    unroll            what `unroll train` runs
    torch.nn          packed sequences, the same batches through a DataLoader, letters read once for
                      each distinct word, as in unroll
    torch.nn, usual   the same network as it is usually written: batches in random order, and the
                      letters of every word of the batch
"""

import argparse
import itertools
import json
import random
import sys
from functools import partial
from pathlib import Path

import torch
from measure import Row, machine, rounds, table, wrong_in
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

import unroll
from unroll.cells import cell_factory
from unroll.data.problems import Problems
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.encoded import (
    SHAPES,
    EncodedSentences,
    TagBatches,
    word_shape,
)
from unroll.tasks.tag.network import LETTER_SIZE, SHAPE_SIZE, Tagger
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.reader import read_tagged
from unroll.tasks.tag.settings import DEFAULTS, TagSettings
from unroll.tasks.tag.words import shorten_word

BARS = {"gru": 1.25, "lstm": 0.97}  # required ratio of steps per second, unroll to torch.nn
ROWS = [("gru", False), ("lstm", False), ("gru", True), ("lstm", True)]
LABELS = 17
OURS, PLAIN, USUAL = "unroll", "torch.nn", "torch.nn, usual"


class PlainTagger(nn.Module):
    """The tagger written with modules of torch.nn."""

    def __init__(self, preprocessor, cell, crf, dropout):
        super().__init__()
        size, layer = DEFAULTS, {"gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.words = nn.Embedding(len(preprocessor.counts), size["embedding"])
        self.letters = nn.Embedding(len(preprocessor.alphabet), LETTER_SIZE)
        self.shapes = nn.Embedding(SHAPES, SHAPE_SIZE)
        self.speller = layer(LETTER_SIZE, size["characters"], bidirectional=True)
        width = size["embedding"] + SHAPE_SIZE + 2 * size["characters"]
        self.reader = layer(width, size["hidden"], bidirectional=True)
        self.output = nn.Linear(2 * size["hidden"], LABELS)
        self.crf = PlainCRF(LABELS) if crf else None
        self.drop_input = nn.Dropout(dropout and size["dropout_input"])
        self.drop = nn.Dropout(dropout and size["dropout"])
        strength = dropout and size["word_dropout"]
        self.register_buffer("forget", strength / (strength + preprocessor.counts))

    def loss(self, words, which, letters, letter_lengths, shapes, lengths, labels):
        if self.training:
            chance = self.forget[words]
            words = words.masked_fill(torch.rand_like(chance) < chance, 0)
        spelled = pack_padded_sequence(self.letters(letters), letter_lengths, enforce_sorted=False)
        _, last = self.speller(spelled)
        last = last[0] if isinstance(last, tuple) else last
        own = torch.cat([self.shapes(shapes), last[0], last[1]], -1)[which]
        x = self.drop_input(torch.cat([self.words(words), own], -1))
        h, _ = self.reader(pack_padded_sequence(x, lengths, enforce_sorted=False))
        scores = self.output(self.drop(pad_packed_sequence(h)[0]))
        inside = torch.arange(len(words))[:, None] < lengths
        if self.crf is not None:
            return self.crf.loss(scores, labels, inside)
        return nn.functional.cross_entropy(scores[inside], labels[inside], reduction="sum")


class PlainCRF(nn.Module):
    """A CRF as tutorials write it: logsumexp step by step, the gradient by autograd."""

    def __init__(self, labels):
        super().__init__()
        self.begin = nn.Parameter(torch.zeros(labels))
        self.pairs = nn.Parameter(torch.zeros(labels, labels))
        self.end = nn.Parameter(torch.zeros(labels))

    def loss(self, scores, tags, inside):
        each = torch.arange(scores.shape[1])
        alpha = self.begin + scores[0]
        score = self.begin[tags[0]] + scores[0, each, tags[0]]
        for t in range(1, len(scores)):
            new = (alpha[:, :, None] + self.pairs + scores[t][:, None]).logsumexp(1)
            step = self.pairs[tags[t - 1], tags[t]] + scores[t, each, tags[t]]
            alpha = torch.where(inside[t][:, None], new, alpha)
            score = score + step * inside[t]
        last = tags[inside.sum(0) - 1, each]
        return ((alpha + self.end).logsumexp(1) - score - self.end[last]).sum()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0, help="of timing, per row")
    parser.add_argument("--data", help="file of tagged sentences; default: synthetic ones")
    parser.add_argument("--json", type=Path, help="file for all measurements")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    about = machine(args.threads)
    for key, value in about.items():
        print(f"{key}: {value}")
    sentences = (
        synthetic_sentences()
        if args.data is None
        else read_tagged(args.data, TagSettings(), Problems())[0]
    )
    labels = sorted({tag for sentence in sentences for tag in sentence.tags})
    if len(labels) > LABELS:
        sys.exit(f"{args.data} has {len(labels)} tags; expected at most {LABELS}.")
    labels += [f"none {k}" for k in range(LABELS - len(labels))]
    preprocessor = TagPreprocessor.learn(sentences, labels)
    encoded = EncodedSentences(sentences, preprocessor)

    wrong = [w for cell, crf in ROWS for w in wrong_in(gate(preprocessor, encoded, cell, crf))]
    if wrong:
        print("The check failed; nothing was timed.", *wrong, sep="\n")
        sys.exit(1)
    measured, lines, low = [], [], []
    for cell, crf in ROWS:
        row = race(preprocessor, encoded, cell, crf)
        times = rounds(row, args.seconds)
        rate = {name: len(of) / sum(of) * 1e3 for name, of in times.items()}
        faster = {name: rate[OURS] / rate[name] for name in (PLAIN, USUAL)}
        if faster[PLAIN] < BARS[cell]:
            low.append(f"{row.name}: {faster[PLAIN]:.2f} times {PLAIN}; expected {BARS[cell]}")
        measured.append({"row": row.name, "steps a second": rate, "times faster": faster})
        lines.append(
            {
                "row": row.name,
                "rounds": len(times[OURS]),
                **{f"{name}, steps/s": f"{of:.1f}" for name, of in rate.items()},
                **{f"{OURS} / {name}": f"{of:.2f}" for name, of in faster.items()},
            }
        )
    table(lines)
    if args.json:
        options = {k: v for k, v in vars(args).items() if k != "json"}
        everything = {"machine": about, "options": options, "rows": measured}
        args.json.write_text(json.dumps(everything, indent=2) + "\n")
    if low:
        sys.exit("\n".join(low))


def synthetic_sentences(count=4000, words=15_000, seed=1):
    """Sentences of words as frequent and as long as in English, with tags drawn at random."""
    draw = random.Random(seed)
    lexicon = [
        "".join(draw.choices("etaoinshrdlu", k=min(20, 1 + int(draw.gammavariate(2.5, 2)))))
        for _ in range(words)
    ]
    weights = list(itertools.accumulate(1 / (k + 3) for k in range(words)))
    sentences = []
    for _ in range(count):
        length = min(80, 1 + int(draw.gammavariate(1.5, 11)))
        drawn = draw.choices(lexicon, cum_weights=weights, k=length)
        sentences.append(Sentence(tuple(drawn), tuple(f"T{draw.randrange(LABELS)}" for _ in drawn)))
    return sentences


def ours(preprocessor, cell, crf, dropout):
    size = DEFAULTS
    return Tagger(
        preprocessor.counts,
        len(preprocessor.alphabet),
        LABELS,
        embedding_size=size["embedding"],
        character_size=size["characters"],
        hidden_size=size["hidden"],
        cell=cell_factory(cell),
        crf=crf,
        word_dropout=dropout and size["word_dropout"],
        dropout=dropout and size["dropout"],
        dropout_input=dropout and size["dropout_input"],
    )


def plain_of(model, preprocessor, cell, crf, dropout):
    """The plain network with the same weights."""
    plain = PlainTagger(preprocessor, cell, crf, dropout)
    for name in ("words", "shapes", "output", "crf"):
        if getattr(plain, name) is not None:
            getattr(plain, name).load_state_dict(getattr(model, name).state_dict())
    plain.letters.load_state_dict(model.letters.embedding.state_dict())
    for layer, own in ((plain.speller, model.letters.layer), (plain.reader, model.stack[0])):
        layer.load_state_dict(as_torch(own))
    return plain


def as_torch(layer):
    """The state of one of our layers with the names of torch.nn's."""
    return {
        f"{name}_l0{'_reverse' * k}": value
        for k, cell in enumerate(layer.cells)
        for name, value in cell.state_dict().items()
    }


def parts(batch):
    return (
        batch.words, batch.which, batch.letters, batch.letter_lengths, batch.shapes, batch.lengths,
        batch.labels,
    )  # fmt: skip


def gate(preprocessor, encoded, cell, crf):
    """Loss and gradients of one batch, without dropout."""
    torch.manual_seed(0)
    model = ours(preprocessor, cell, crf, 0.0)
    plain = plain_of(model, preprocessor, cell, crf, 0.0)
    batch = encoded.batch(range(8))
    names = [name for name, _ in model.named_parameters()]

    def own(model=model):
        loss = model.loss(model(batch), batch)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        return [loss, *gradients]

    def theirs():
        loss = plain.loss(*parts(batch))
        own_names = [plain_name(name) for name in names]
        parameters = dict(plain.named_parameters())
        return [loss, *torch.autograd.grad(loss, [parameters[n] for n in own_names])]

    double = ours(preprocessor, cell, crf, 0.0).double()
    double.load_state_dict(model.state_dict())
    with unroll.backend("loop"):
        reference = [r.detach() for r in own(double)]
    return Row(
        name=title(cell, crf),
        shape={"B": 8},
        labels=["loss", *names],
        reference=reference,
        calls={OURS: own, PLAIN: theirs},
        yardsticks=(PLAIN,),
        pairs=[],
        roundings=64.0,  # sums over some hundred words
    )


def plain_name(name):
    """The name that a parameter of ours has in the plain network."""
    for here, there in (("letters.layer.cells.", "speller."), ("stack.0.cells.", "reader.")):
        if name.startswith(here):
            k, rest = name.removeprefix(here).split(".")
            return f"{there}{rest}_l0{'_reverse' * int(k)}"
    return "letters.weight" if name == "letters.embedding.weight" else name


def race(preprocessor, encoded, cell, crf):
    """One training step per call, each candidate with its own weights."""
    torch.manual_seed(0)
    model = ours(preprocessor, cell, crf, 1.0)
    size = DEFAULTS["batch_size"]
    batches = TagBatches(encoded, size, seed=1)
    steps = itertools.count()

    def own_loss():
        batch = batches.batch(next(steps))
        return model.loss(model(batch), batch) / batch.tokens

    calls = {OURS: stepping(model, own_loss)}
    for name, rows, distinct in (
        (PLAIN, [batches.order.rows(k) for k in range(batches.per_epoch)], True),
        (USUAL, None, False),
    ):
        plain = plain_of(model, preprocessor, cell, crf, 1.0)
        dataset = [tensors(preprocessor, sentence) for sentence in encoded.sentences]
        keywords = {"batch_sampler": rows} if rows else {"batch_size": size, "shuffle": True}
        loader = DataLoader(dataset, collate_fn=partial(collate, distinct=distinct), **keywords)
        calls[name] = stepping(plain, plain_loss(plain, endless(loader)))
    return Row(title(cell, crf), {"B": size}, [], [], calls, (), [])


def stepping(model, loss_of):
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)

    def step():
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()

    return step


def plain_loss(plain, batches):
    def loss():
        batch = next(batches)
        return plain.loss(*batch) / int(batch[5].sum())

    return loss


def endless(loader):
    while True:
        yield from loader


def tensors(preprocessor, sentence):
    """What a Dataset would hold of a sentence."""
    return (
        torch.tensor(
            [preprocessor.words.get(preprocessor.fold_word(word), 0) for word in sentence.words]
        ),
        sentence.words,
        [
            torch.from_numpy(preprocessor.alphabet.encode(shorten_word(word)))
            for word in sentence.words
        ],
        [word_shape(word) for word in sentence.words],
        torch.tensor([preprocessor.numbers[tag] for tag in sentence.tags]),
    )


def collate(rows, distinct):
    """A padded batch. distinct: whether the letters of a repeated word are read once."""
    seen, which, letters, shapes = {}, [], [], []
    for _, words, spelled, formed, _ in rows:
        own = []
        for word, spelling, shape in zip(words, spelled, formed, strict=True):
            key = word if distinct else len(letters)
            if key not in seen:
                seen[key] = len(letters)
                letters.append(spelling)
                shapes.append(shape)
            own.append(seen[key])
        which.append(torch.tensor(own))
    return (
        pad_sequence([row[0] for row in rows]),
        pad_sequence(which),
        pad_sequence(letters),
        torch.tensor([len(spelling) for spelling in letters]),
        torch.tensor(shapes),
        torch.tensor([len(row[0]) for row in rows]),
        pad_sequence([row[4] for row in rows]),
    )


def title(cell, crf):
    return f"{cell}, {'CRF' if crf else 'softmax'}"


if __name__ == "__main__":
    main()
