"""The class of sequences of numbers, with probabilities: numpy and onnxruntime only.
python predict.py sequences.json    a list of sequences, each a list of rows; a line of JSON for each
"""

import json
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime import InferenceSession

TRIPLES = np.array(list(combinations(range(9), 3)))  # where a kernel of nine steps is 2, else -1


# Shares of steps at which fixed convolutions exceed thresholds, and ridge regression of the classes.
def simple_logits(x: Any, g: dict[str, Any]) -> Any:
    T, features = len(x), []
    for dilation, channels, biases in zip(g["dilations"], g["channels"], g["biases"], strict=True):
        wide = np.pad(x.T, ((0, 0), (4 * dilation, 4 * dilation)))
        summed = channels.astype(np.float32) @ wide
        shifted = [summed[:, j * dilation : j * dilation + T] for j in range(9)]
        total = -sum(shifted[1:], start=shifted[0].copy())
        for j in range(9):
            doubled = (TRIPLES == j).any(1)
            total[doubled] += 3 * shifted[j][doubled]
        over = np.count_nonzero(total[:, None, :] > biases[:, :, None], 2)
        features.append((over / np.float32(T)).ravel())
    x = x.astype(np.float64)
    change = np.sqrt((np.diff(x, axis=0) ** 2).sum(0) / max(1, T - 1))
    features += [x.mean(0), x.std(0), x.min(0), x.max(0), change, np.log([np.float32(T)])]
    z = np.concatenate(features).astype(np.float32).astype(np.float64)
    scores = (z - g["mean"]) / g["deviation"] @ g["weights"].astype(np.float64) + g["bias"]
    return g["shares"][0] * scores


class ExportedNumberClassifier:
    def __init__(self, folder: Path) -> None:
        self.about = json.loads((folder / "model.json").read_text("utf-8"))
        self.session = InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
        self.simple = dict(np.load(folder / "simple.npz")) if self.about["shares"] else None

    def predict(self, rows: Any) -> dict[str, Any]:
        about, rows = self.about, np.asarray(rows, dtype=np.float64)
        x = ((rows - about["mean"]) / about["deviation"]).astype(np.float32)[: about["longest"]]
        given = {"input": x[:, None], "lengths": np.array([len(x)])}
        logits = self.session.run(["logits"], given)[0][0].astype(np.float64)
        z = logits / about["temperature"]
        if self.simple is not None:
            z = about["shares"][0] * logits + about["shares"][1] * simple_logits(x, self.simple)
        p = 1 / (1 + np.exp(-z)) if about["several"] else np.exp(z - z.max())
        p = p if about["several"] else p / p.sum()
        ranked = [(about["classes"][k], float(p[k])) for k in np.argsort(-p, kind="stable")]
        best = {"label": ranked[0][0], "probability": ranked[0][1]}
        several = {"labels": [name for name, q in ranked if q >= 0.5]}
        return {**(several if about["several"] else best), "probabilities": dict(ranked)}


if __name__ == "__main__":
    model = ExportedNumberClassifier(Path(__file__).parent)
    for sequence in json.loads(Path(sys.argv[1]).read_text("utf-8")):
        sys.stdout.write(json.dumps(model.predict(sequence)) + "\n")
