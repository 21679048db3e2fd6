"""The class of texts, with probabilities: numpy and onnxruntime only.
python predict.py "a text" "another one"    a line of JSON for each
"""

import json
import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime import InferenceSession

BITS, WHOLE = 22, (1 << 64) - 1  # of the hash of an n-gram; 64 bits
A, B, C = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # of splitmix64
WORD = r"\w+(?:['’]\w+)*|[^\w\s]"


def spread(h: int) -> int:
    h = (h + A) & WHOLE
    h = ((h ^ h >> 30) * B) & WHOLE
    h = ((h ^ h >> 27) * C) & WHOLE
    return h ^ h >> 31


def hashed(run: str, kind: int) -> int:
    total = sum(spread(ord(c)) * pow(A, k, WHOLE + 1) for k, c in enumerate(run))
    return spread((total + kind) & WHOLE)


# The linear model of texts: words, pairs of words, and runs of characters, as a few numbers each.
def simple_logits(text: str, g: dict[str, Any]) -> Any:
    text = f" {' '.join(re.findall(WORD, (text.lower() if g['lower'] else text)[:20000]))} "
    found: Counter[int] = Counter()
    for n in g["characters"].tolist():
        for run in (text[k : k + n] for k in range(len(text) - n + 1)):
            if (" " not in run[1:-1] and run.strip()) or (n < 3 and run.strip()):
                found[hashed(run, n) >> (64 - BITS)] += 1
    words = [hashed(word, 0) for word in text.split()]
    pairs = [spread((3 * a + b) & WHOLE) for a, b in pairwise(words)]
    found.update(h >> (64 - BITS) | 1 << BITS for h in words + pairs)
    places = np.array(sorted(found), dtype=np.int64)
    columns = np.minimum(g["places"].searchsorted(places), max(0, len(g["places"]) - 1))
    known = g["places"][columns] == places
    counts, columns = np.array([found[p] for p in places.tolist()])[known], columns[known]
    values, is_word = (1 + np.log(counts)) * g["idf"][columns], columns >= g["words_from"]
    for block in (is_word, ~is_word):
        values[block] /= max(1e-30, np.sqrt((values[block] ** 2).sum()))
    scaled = g["scale"][columns] / max(1e-30, np.sqrt((g["scale"][columns] ** 2.0).sum()))
    bayes = g["bayes"][columns[is_word] - g["words_from"]].astype(np.float64).sum(0)
    scores = [
        g["bias"] + values @ g["weights"][columns].astype(np.float64),
        g["scaled_bias"] + scaled @ g["scaled_weights"][columns].astype(np.float64),
        bayes / max(1, is_word.sum()) ** 0.5,
        g["prior"],
    ]
    return sum(s * share for s, share in zip(scores, g["shares"], strict=True))


class ExportedTextClassifier:
    def __init__(self, folder: Path) -> None:
        self.about = about = json.loads((folder / "model.json").read_text("utf-8"))
        self.session = InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
        first = 2 if about["level"] == "char" else 0
        self.ids = {name: k for k, name in enumerate(about["tokens"]) if k >= first}
        self.simple = dict(np.load(folder / "simple.npz")) if about["shares"] else None

    def encode(self, text: str) -> list[int]:
        text, tokens = text.lower() if self.about["lower"] else text, []
        if self.about["level"] == "char":
            tokens = list(text)
        elif self.about["split"] == "punctuation":
            tokens = re.findall(WORD, text)
        else:
            tokens = text.split()
        return [self.ids.get(token, 0) for token in tokens[: self.about["longest"]]]

    def predict(self, text: str) -> dict[str, Any]:
        ids = self.encode(text)
        given = {"ids": np.array(ids, dtype=np.int64)[:, None], "lengths": np.array([len(ids)])}
        logits = self.session.run(["logits"], given)[0][0].astype(np.float64)
        z, about = logits / self.about["temperature"], self.about
        if self.simple is not None:
            own, theirs = about["shares"]
            z = own * logits + theirs * simple_logits(text, self.simple)
        p = 1 / (1 + np.exp(-z)) if about["several"] else np.exp(z - z.max())
        p = p if about["several"] else p / p.sum()
        ranked = [(about["classes"][k], float(p[k])) for k in np.argsort(-p, kind="stable")]
        best = {"label": ranked[0][0], "probability": ranked[0][1]}
        several = {"labels": [name for name, q in ranked if q >= 0.5]}
        return {**(several if about["several"] else best), "probabilities": dict(ranked)}


if __name__ == "__main__":
    model = ExportedTextClassifier(Path(__file__).parent)
    for text in sys.argv[1:]:
        sys.stdout.write(json.dumps(model.predict(text)) + "\n")
