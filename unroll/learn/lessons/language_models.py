"""What is computed in the lesson on language models."""

from __future__ import annotations

import itertools
import math
import random
from pathlib import Path

from unroll.learn.exercise import Code, Exercise, Number, OneOf

LINES, SEED = 1200, 1
LEFT_OUT = "apple and pear"  # what the lesson asks about
FRUITS = ("pear", "apple", "plum", "peach")
DISHES = ("salad", "tart", "cake", "soup")
WEARS = ("shoes", "gloves", "socks", "boots")
TEXT, NATS, CHARACTERS, WORDS = "ababacab", 60.0, 100, 20


def files() -> dict[str, str]:
    """Sentences of pears and pairs."""
    rng = random.Random(SEED)
    lines: list[str] = []
    while len(lines) < LINES:
        line = sentence(rng)
        if LEFT_OUT not in line:
            lines.append(f"{line}\n")
    return {"pears.txt": "".join(lines)}


def sentence(rng: random.Random) -> str:
    """One sentence: of a fruit, of a dish of fruits, or of a pair of something to wear."""
    a, b = rng.sample(FRUITS, 2)
    article = "an" if a == "apple" else "a"
    kinds = [
        f"{rng.choice(['she', 'he'])} ate {article} {a} and a {b}".replace("a apple", "an apple"),
        f"the {a} and {b} {rng.choice(DISHES)} was good",
        f"the {rng.choice(['ripe', 'green', 'sweet'])} {a} fell",
        f"{rng.choice(['she', 'he'])} bought a pair of {rng.choice(WEARS)}",
        f"the pair of {rng.choice(WEARS)} was new",
    ]
    return rng.choice(kinds)


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    same_perplexity = math.isclose(math.exp(NATS / CHARACTERS), math.exp(NATS / WORDS))
    bits = NATS / math.log(2)
    same_bits = math.isclose(bits / CHARACTERS, bits / CHARACTERS)
    return [
        Number(share_after(TEXT, "a", "b"), within=0.006),
        OneOf(
            a=same_perplexity and not same_bits,
            b=same_bits and not same_perplexity,
            c=same_bits and same_perplexity,
        ),
        Code("perplexity", perplexity, [([0.5, 0.25, 0.5, 1.0],), ([0.125] * 7,), ([0.9],)]),
    ]


def share_after(text: str, first: str, second: str) -> float:
    """How often a letter is followed by another, of all times that something follows it."""
    pairs = list(itertools.pairwise(text))
    return pairs.count((first, second)) / sum(a == first for a, _ in pairs)


def perplexity(probabilities: list[float]) -> float:
    """exp of minus the mean of the logarithms."""
    return math.exp(-sum(map(math.log, probabilities)) / len(probabilities))
