"""Language models beside Kneser-Ney n-grams in dictionaries, and beside a plain torch loop of as many seconds.

The n-gram models are written here from the equations of Chen and Goodman (1999), a gram at a time; their order
is chosen on the last tenth of the training part.
"""

import math
import tempfile
import time
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

from benchmarks.first_try.row import Row, train_and_evaluate

DATA = Path(__file__).parents[3] / "shared" / "data"
SHAKESPEARE = DATA / "char_lm" / "tinyshakespeare" / "input.txt"
WIKITEXT = DATA / "word_lm" / "wikitext2_small"
BOOK = 158_000  # characters of Python's language reference
PLAIN_SECONDS = 60.0


class DictionaryModel:
    """Interpolated modified Kneser-Ney of an order, over a text or a list of words."""

    def __init__(self, tokens, order, size):
        self.order, self.size = order, size
        gram = (
            (lambda i, n: tokens[i : i + n])
            if isinstance(tokens, str)
            else (lambda i, n: tuple(tokens[i : i + n]))
        )
        self.counts, self.after, self.discounts = {}, {}, {}
        for n in range(1, order + 1):
            if n == order:
                count = Counter(gram(i, n) for i in range(len(tokens) - n + 1))
            else:
                longer = {gram(i, n + 1) for i in range(len(tokens) - n)}
                count = Counter(each[1:] for each in longer)
                count[gram(0, n)] += 1
            many = Counter(count.values())
            y = many[1] / max(1, many[1] + 2 * many[2])
            own = [k - (k + 1) * y * many[k + 1] / max(1, many[k]) for k in (1, 2, 3)]
            usual = (0.5, 1.0, 1.5)
            self.discounts[n] = [0.0] + [
                d if 0 < d < k else u for k, (d, u) in enumerate(zip(own, usual, strict=True), 1)
            ]
            after = defaultdict(lambda: [0, 0.0])
            for each, c in count.items():
                row = after[each[:-1]]
                row[0] += c
                row[1] += self.discounts[n][min(c, 3)]
            self.counts[n], self.after[n] = count, dict(after)

    def p(self, history, gram):
        """The probability of the last token of a gram, given `history`, the gram without it."""
        shorter = self.p(history[1:], gram[1:]) if len(history) else 1 / self.size
        n = len(history) + 1
        row = self.after[n].get(history)
        if row is None:
            return shorter
        c = self.counts[n][gram]
        return (max(c - self.discounts[n][min(c, 3)], 0) + row[1] * shorter) / row[0]

    def nats(self, tokens):
        """Nats per token of a text, all but the first few of which have whole histories."""
        total = 0.0
        for i in range(len(tokens)):
            whole = tokens[max(0, i - self.order + 1) : i + 1]
            whole = whole if isinstance(whole, str) else tuple(whole)
            total -= math.log(self.p(whole[:-1], whole))
        return total / len(tokens)


def simple(train, test, orders, size):
    """Nats of the n-gram model on a test text, its order, and the seconds of the processor."""
    begun = time.process_time()
    cut = len(train) * 9 // 10
    nats = {n: DictionaryModel(train[:cut], n, size).nats(train[cut:]) for n in orders}
    best = min(nats, key=nats.get)
    return DictionaryModel(train, best, size).nats(test), best, time.process_time() - begun


def unroll_nats(train, test, seconds, seed, words=()):
    """unroll's metrics on a test text, nothing set but the budget, and its seconds of the processor."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "train.txt").write_text(train)
        (folder / "test.txt").write_text(test)
        return train_and_evaluate(folder, ["train.txt", *words], "test.txt", seconds, seed)


def row_of(train, test, orders, seconds, seed, words=(), tokens=None):
    """A row: nats per token of both. tokens: a text to the tokens of the n-gram model; None: characters."""
    got, spent = unroll_nats(train, test, seconds, seed, words)
    own = (train, test) if tokens is None else tokens(train, test)
    nats, order, simple_spent = simple(*own, orders, len(set(own[0])) + 2)
    alone = {"network": got["network"]["nats_per_token"]} if "network" in got else {}
    alone |= {name: each["nats_per_token"] for name, each in got["baselines"].items()}
    return Row(
        metric="nats per character" if tokens is None else "nats per word",
        higher=False,
        simple=nats,
        simple_model=f"modified Kneser-Ney {order}-gram in dictionaries",
        simple_seconds=simple_spent,
        unroll=got["nats_per_token"],
        unroll_seconds=spent,
        alone=alone,
        test=got["tokens"],
    )


def shakespeare():
    """tinyshakespeare, the first nine tenths and the last tenth."""
    text = SHAKESPEARE.read_text()
    cut = int(0.9 * len(text))
    return text[:cut], text[cut:]


def reference():
    """The start of Python's language reference, as every Python has it: nine tenths and a tenth."""
    from pydoc_data.topics import topics

    text = "\n".join(topics[name] for name in sorted(topics))[:BOOK]
    cut = int(0.9 * len(text))
    return text[:cut], text[cut:]


def characters_row(read, seconds, seed):
    """A row on a text by characters; read: its training part and its test part."""
    return row_of(*read(), range(4, 9), seconds, seed)


def words_row(seconds, seed):
    """A row on a part of WikiText-2 by words, where rare ones are <unk> already; so are unseen ones."""

    def tokens(train, test):
        split = [text.replace("\n", " <eos> ").split() for text in (train, test)]
        known = set(split[0])
        return [[w if w in known else "<unk>" for w in part] for part in split]

    train, test = ((WIKITEXT / name).read_text() for name in ("train.txt", "test.txt"))
    return row_of(train, test, range(2, 5), seconds, seed, ["--level", "word"], tokens)


def plain_loop_row(seconds, seed):
    """unroll beside a plain torch LSTM of as many seconds: 1x384, 16 streams x 64, AdamW 3e-3, cosine."""
    seconds = seconds or PLAIN_SECONDS
    train, test = shakespeare()
    begun = time.process_time()
    nats = plain_loop(train, test, seconds, seed)
    spent = time.process_time() - begun
    got, own = unroll_nats(train, test, seconds, seed)
    return Row(
        metric="nats per character",
        higher=False,
        simple=nats,
        simple_model="plain torch LSTM loop, 1x384, 16 streams x 64, AdamW 3e-3, cosine",
        simple_seconds=spent,
        unroll=got["nats_per_token"],
        unroll_seconds=own,
        alone={"network": got["network"]["nats_per_token"]} if "network" in got else {},
        test=got["tokens"],
    )


def plain_loop(train, test, seconds, seed):
    """Nats of a plain loop on a test text; no part of the training text is held out."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    symbols = sorted(set(train))
    place = {c: k for k, c in enumerate(symbols)}
    ids, own = (torch.tensor([place.get(c, 0) for c in text]) for text in (train, test))
    embedding, head = nn.Embedding(len(symbols), 384), nn.Linear(384, len(symbols))
    lstm = nn.LSTM(384, 384)
    with torch.no_grad():
        lstm.bias_hh_l0[384:768] = 1.0
    parameters = [p for m in (embedding, lstm, head) for p in m.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=3e-3)
    length = (len(ids) - 1) // 16
    streams = ids[: length * 16].view(16, length).T
    state, at, begun = None, 0, time.perf_counter()
    while (share := (time.perf_counter() - begun) / seconds) < 1:
        if at + 65 > length:
            state, at = None, 0
        optimizer.param_groups[0]["lr"] = 3e-3 * 0.5 * (1 + math.cos(math.pi * share))
        h, state = lstm(embedding(streams[at : at + 64]), state)
        targets = streams[at + 1 : at + 65].flatten()
        loss = nn.functional.cross_entropy(head(h).flatten(0, 1), targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        state, at = tuple(s.detach() for s in state), at + 64
    with torch.no_grad():
        h, _ = lstm(embedding(own[:-1, None]))
        return float(nn.functional.cross_entropy(head(h[:, 0]), own[1:]))


ROWS = {
    "tinyshakespeare": partial(characters_row, shakespeare),
    "reference-158k": partial(characters_row, reference),
    "wikitext2-words": words_row,
    "tinyshakespeare-plain-loop": plain_loop_row,
}
