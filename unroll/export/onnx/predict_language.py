"""The next tokens after a text, or what follows it: numpy and onnxruntime only.
python predict.py "the text so far"                    the most likely next tokens, as JSON
python predict.py "the text so far" 100 0.8 CONDITION  100 tokens that follow, at a temperature
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime import InferenceSession

GLUE = "\N{HALFWIDTH BLACK SQUARE}"  # a token that begins with it follows without a space


class ExportedLanguageModel:
    def __init__(self, folder: Path) -> None:
        self.about = about = json.loads((folder / "model.json").read_text("utf-8"))
        self.session = InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
        self.by_character, self.names = about["level"] == "char", about["tokens"]
        self.ids = {t: k for k, t in enumerate(self.names) if k not in about["no_text"]}
        self.grams = dict(np.load(folder / "ngrams.npz")) if about["gate"] else None

    def encode(self, text: str) -> list[int]:
        tokens, about = list(text) if self.by_character else [], self.about
        rows = [] if tokens else (text.lower() if about.get("lower") else text).split("\n")
        word = r"\S+" if about.get("split") == "spaces" else r"\w+(?:['’]\w+)*|[^\w\s]"
        by_line = about.get("end_of") == "line"
        for k, line in enumerate(rows):
            tokens += ["<eos>"] * (k > 0 if by_line else k < len(rows) - 1 and not line.strip())
            behind = -1
            for match in re.finditer(word, line):
                tokens.append(GLUE * (match.start() == behind) + match.group())
                tokens += ["<eos>"] * (not by_line and match.group() in tuple(".!?…。！？"))
                behind = match.end()
        found = [self.ids.get(token, about["unknown"]) for token in tokens]
        return [id for id in found if id is not None]

    def start(self) -> Any:
        rows, arrays = [0] + [-1] * (self.about["gate"]["order"] - 1 if self.grams else 0), {}
        for s in self.about["states"]:
            first = np.array(s["initial"], s["type"])
            arrays[s["input"]] = np.broadcast_to(first, [1, *s["shape"]]).copy()
        return arrays, rows

    def read(self, ids: list[int], state: Any, condition: str | None = None) -> Any:
        arrays, rows = state
        given = {"ids": np.array(ids)[:, None], "lengths": np.array([len(ids)]), **arrays}
        if self.about["categories"]:
            given["category"] = np.array([self.about["categories"].index(condition)])
        log_p, *new = self.session.run(None, given)
        log_p, arrays = log_p[-1, 0].astype(np.float64), dict(zip(arrays, new, strict=True))
        p = np.exp(log_p)
        if not self.grams:
            return p, (arrays, rows)
        g, gate, keys = self.grams, self.about["gate"], self.grams["keys"]
        q = g["unigram"].copy()
        for id in ids:
            wanted = [row * len(q) + id if id < len(q) else -1 for row in rows[:-1]]
            places = zip(keys.searchsorted(wanted), wanted, strict=True)
            rows = [0] + [k + 1 if keys[k] == w else -1 for k, w in places]
        for row in [row for row in rows[1:] if row >= 0]:
            first, last = g["first"][row], g["first"][row + 1]
            q *= g["left"][row]
            q[g["tokens"][first:last]] += g["share"][first + 1 : last + 1]
        seen = (np.count_nonzero(g["followed"][rows]) - 1) / max(1, gate["order"] - 1)
        z = np.dot(gate["weight"], [seen, -(p @ log_p), log_p.max()]) + gate["bias"]
        share = 1 / (1 + np.exp(-z))
        return share * p + (1 - share) * q, (arrays, rows)

    def next(self, text: str, top: int = 10, condition: str | None = None) -> list[Any]:
        p, _ = self.read(self.about["start"] + self.encode(text), self.start(), condition)
        names = [name.removeprefix(GLUE) or GLUE for name in self.names]
        return [{"token": names[k], "probability": float(p[k])} for k in np.argsort(-p)[:top]]

    def generate(self, text: str, length: int, heat: float, condition: Any = None) -> Any:
        p, state = self.read(self.about["start"] + self.encode(text), self.start(), condition)
        before = text[-1:] or "\n"
        for _ in range(length):
            p[self.about["never"]] = 0
            q = (p / p.max()) ** (1 / max(heat, 1e-3))
            id = int(p.argmax() if heat == 0 else np.random.choice(len(p), p=q / q.sum()))
            if id == self.about["end"]:
                return
            name = "\n" if self.names[id] == "<eos>" else self.names[id]
            glued = self.by_character or "\n" in (name, before) or name[:-1].startswith(GLUE)
            yield name.removeprefix(GLUE) or GLUE if glued else " " + name
            (p, state), before = self.read([id], state, condition), name


if __name__ == "__main__":
    given: list[Any] = [*sys.argv[1:], *["", "0", "1", None][len(sys.argv) - 1 :]]
    text, length, heat, condition = given
    model = ExportedLanguageModel(Path(__file__).parent)
    answer = [json.dumps(model.next(text, condition=condition)) + "\n"]
    follows = model.generate(text, int(length), float(heat), condition)
    sys.stdout.writelines(follows if int(length) else answer)
