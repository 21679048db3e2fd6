"""New tunes in ABC: by key, metre and seed, valid whatever the network says.

`network` is a `unroll.models.language.LanguageModel`, or what is called as one is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.errors import UserError
from unroll.models.sampling import checked_sampling, distribution, draw
from unroll.tasks.music.abc import pieces
from unroll.tasks.music.abc_bars import metre_of, tempo_of, unit_for, unit_of
from unroll.tasks.music.abc_rules import TuneRules, TuneTokens
from unroll.tasks.music.keys import parse_key
from unroll.tasks.music.preprocessor import BOUNDARY, MusicPreprocessor

FIELDS = "ABCDFGHKLMNOQRSTXYZ"  # that a prompt may give
WORDS = "TCSRONAZ"  # fields of free words, which are written letter by letter
NO_FIELD = "|:]"  # a line of a letter, a colon and one of these is music
LONGEST_FIELD = 60  # characters
MOST_BEATS, SHORTEST_BEAT, LONGEST_BAR = 64, 64, 8  # of a metre; a bar in whole notes
MOST_SHARPS = 7
MOST_FIELDS = 10  # of a header
MOST_TOKENS = 20_000  # of a tune: rules that would never end are a mistake of ours


def prompt_fields(prompt: str) -> tuple[dict[str, str], str]:
    """The fields that a prompt gives, by letter, and the body that it begins.

    Raises: UserError for what is no field, or no key, metre or unit.

    Example:
        >>> from unroll.tasks.music.abc_generation import prompt_fields
        >>> prompt_fields("M:6/8 K:G")
        ({'M': '6/8', 'K': 'G'}, '')
        >>> prompt_fields("T:My tune\\nK:Am\\nA2")
        ({'T': 'My tune', 'K': 'Am'}, 'A2')
    """
    body = ""
    found = re.search(r"(?:^|\s)K:\s*\S[^\n]*\n", prompt)
    if found:
        prompt, body = prompt[: found.end()], prompt[found.end() :]
    fields: dict[str, str] = {}
    for part in re.split(rf"\n|\s+(?=[{FIELDS}]:)", prompt.strip()):
        if not part.strip():
            continue
        letter, colon, value = part.strip().partition(":")
        if not colon or letter not in FIELDS or len(letter) != 1:
            raise UserError(
                f'--prompt got {part.strip()!r}; expected fields of ABC, such as "K:G", '
                '"M:6/8 K:Am" or "T:My tune".'
            )
        if letter in fields:
            raise UserError(f"--prompt gives {letter}: twice; expected it once.")
        fields[letter] = value.strip()
        if not sound(letter, fields[letter]):
            raise UserError(
                f"--prompt got {part.strip()!r}; expected {WANTED.get(letter, 'other words')}."
            )
    return fields, body


WANTED = {
    "K": "a key, such as G or F#m, with at most seven sharps or flats",
    "L": "a length, such as 1/8",
    "M": "a metre, such as 6/8 or 2/2, of at most 64 halves, quarters, eighths and so on",
    "Q": "a tempo, such as 1/4=120",
    "X": "a whole number",
}


def sound(letter: str, value: str) -> bool:
    """Whether a tune can be built on a field."""
    if letter == "K":
        key = parse_key(value)
        return key is not None and abs(key.fifths) <= MOST_SHARPS
    if letter == "M":
        metre = metre_of(value)
        return metre is not None and (
            metre[0] <= MOST_BEATS
            and metre[1] in (2**k for k in range(SHORTEST_BEAT.bit_length()))
            and Fraction(*metre) <= LONGEST_BAR
        )
    if letter == "L":
        unit = unit_of(value)
        return unit is not None and unit.denominator in (2**k for k in range(8))
    if letter == "Q":
        return tempo_of(value, Fraction(1, 4)) is not None
    if letter == "X":
        return value.isascii() and value.isdecimal()
    return not value.startswith(tuple(NO_FIELD))


def generate_tune(
    network: Any,
    preprocessor: MusicPreprocessor,
    prompt: str = "",
    *,
    length: int = 400,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int | None = None,
) -> str:
    """A tune in ABC, from its X: to its end.

    prompt: fields of its header, and after K: and a line end how its body begins. length: tokens
    after which it is brought to its end. Other arguments as `unroll.models.language_decoding.generate`.
    Raises: UserError for a prompt or a number that cannot be used.
    """
    checked_sampling(temperature, top_k, top_p, seed)
    if length < 1:
        raise UserError(f"--length got {length}; expected a number of tokens, 1 or more.")
    given, body = prompt_fields(prompt)
    network.eval()
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)

    def sample(logits: Tensor, may: np.ndarray) -> int:
        kept = logits.masked_fill(~torch.from_numpy(may).to(logits.device), -torch.inf)
        return int(draw(distribution(kept, temperature, top_k, top_p), generator))

    writer = Writer(network, preprocessor, sample)
    metre, unit = Header(writer, given).write()
    rules = TuneRules(TuneTokens(preprocessor), metre, unit)
    begin(writer, rules, body)
    for number in range(MOST_TOKENS):
        if number >= length and not rules.pending and not rules.triplet[0]:
            rules.closing = True
        may = rules.allowed()
        if may.any():
            id = writer.draw(may)
            if id == BOUNDARY:
                return writer.text
            rules.read(rules.tokens.kind[id])
        else:
            text = rules.forced()
            writer.add(text)
            for piece in pieces(text):
                rules.read(piece)
    raise RuntimeError("the rules of tunes did not end")


def begin(writer: Writer, rules: TuneRules, body: str) -> None:
    """The beginning of the body that was given, as far as the rules can follow it."""
    for piece in pieces(body.rstrip("\n")):
        id = writer.preprocessor.id_of(piece.text)
        kind = rules.tokens.kind[id] if id is not None else None
        if id is None or kind is None or not rules.allowed()[id]:
            raise UserError(
                f"--prompt goes on with {piece.text!r}, where this run cannot go on so that bars add "
                "up: it is unknown, or too long for the bar, or not among what is written (notes, "
                "rests, triplets, chords in quotes, bar lines)."
            )
        writer.add(piece.text)
        rules.read(kind)


class Writer:
    """A network that writes a tune: what is given is read, what is drawn is read too."""

    def __init__(
        self,
        network: Any,
        preprocessor: MusicPreprocessor,
        sample: Callable[[Tensor, np.ndarray], int],
    ) -> None:
        self.preprocessor, self.sample = preprocessor, sample
        self.device = network.bias.device
        self.step = network.stepper(1)
        self.ids: list[int] = []
        self.logits = self.step(torch.tensor([BOUNDARY], device=self.device))

    @property
    def text(self) -> str:
        return self.preprocessor.decode(self.ids)

    def draw(self, may: np.ndarray) -> int:
        """One of the tokens that may come; the end is not read."""
        id = self.sample(self.logits, may)
        if id != BOUNDARY:
            self.read([id])
        return id

    def add(self, text: str) -> None:
        """Text that is given, or must come."""
        self.read(self.preprocessor.encode(text).tolist())

    def read(self, ids: Iterable[int]) -> None:
        for id in ids:
            self.ids.append(id)
            self.logits = self.step(torch.tensor([id], device=self.device))


class Header:
    """The header of a tune: X: first, K: last, between them what the network likes.

    given: the fields that are to stand in it.
    """

    def __init__(self, writer: Writer, given: dict[str, str]) -> None:
        self.writer, self.given, self.preprocessor = writer, given, writer.preprocessor
        size, first = len(self.preprocessor), len(self.preprocessor) - len(self.preprocessor.tokens)
        self.whole: dict[str, np.ndarray] = {}  # the tokens that are a whole field, by letter
        self.heads: dict[str, int] = {}  # and those that begin one
        self.letters = np.zeros(size, dtype=bool)  # single characters of free words
        for k, token in enumerate(self.preprocessor.tokens, first):
            if token.endswith("\n") and re.match(r"[A-Z]:|%(?!%)", token):
                if sensible(token):
                    mask = self.whole.setdefault(token[0], np.zeros(size, dtype=bool))
                    mask[k] = True
            elif len(token) == 2 and token[1] == ":" and token[0] in WORDS:
                self.heads[token[0]] = k
            elif len(token) == 1 and token.isprintable() and token not in NO_FIELD:
                self.letters[k] = True
        self.left = set(given) - {"X", "K"}

    def write(self) -> tuple[Fraction, Fraction]:
        """Write it. Returns the metre and the unit, in whole notes."""
        number = self.given.get("X", "1")
        self.line("X", number)
        done = {"X", "P", "V", "W", "Q", "Y", "N"} - self.left
        lines, written = 0, {"X": number}
        while "K" not in written:
            lines += 1
            letter = self.letter(done, written, short=lines < MOST_FIELDS)
            done.add(letter)
            self.left.discard(letter)
            written[letter] = self.field(letter)
        metre = metre_of(written["M"]) or (4, 4)
        unit = unit_of(written["L"]) if "L" in written else unit_for(metre)
        return Fraction(*metre), unit or unit_for(metre)

    def letter(self, done: set[str], written: dict[str, str], short: bool) -> str:
        """Which field comes next: one that the network draws, or one that is missing."""
        missing = [letter for letter in "TM" if letter not in written]
        missing += sorted(self.left - set(missing))
        starts = np.zeros(len(self.preprocessor), dtype=bool)
        for letter in {*self.whole, *self.heads} - done:
            if letter == "K" and missing:
                continue
            if letter in self.whole:
                starts |= self.whole[letter]
            if letter in self.heads:
                starts[self.heads[letter]] = True
        if short and starts.any():
            id = self.writer.sample(self.writer.logits, starts)
            return self.preprocessor.bytes_of(id).decode()[0]
        return (missing or ["K"])[0]

    def field(self, letter: str) -> str:
        """The value of a field, given or drawn, which is written."""
        if letter in self.given:
            return self.line(letter, self.given[letter])
        whole, head = self.whole.get(letter), self.heads.get(letter)
        may = np.zeros(len(self.preprocessor), dtype=bool)
        if whole is not None:
            may |= whole
        if head is not None:
            may[head] = True
        if not may.any():
            return self.line(letter, {"M": "4/4", "K": "C"}.get(letter, "Tune"))
        id = self.writer.draw(may)
        if id != head:
            return self.preprocessor.bytes_of(id).decode()[2:].strip()
        end = self.preprocessor.id_of("\n")
        value = ""
        while len(value) < LONGEST_FIELD and self.letters.any():
            may = self.letters.copy()
            if value.strip() and end is not None:
                may[end] = True
            id = self.writer.draw(may)
            if id == end:
                return value.strip()
            value += self.preprocessor.bytes_of(id).decode()
        self.writer.add("\n")
        return value.strip()

    def line(self, letter: str, value: str) -> str:
        """A field with this value, as the tunes have it that were learned."""
        spaced = f"{letter}: {value}\n"
        known = self.preprocessor.id_of(spaced) is not None
        self.writer.add(spaced if known else f"{letter}:{value}\n")
        return value


def sensible(token: str) -> bool:
    """Whether a whole field says something that a tune can be built on."""
    letter, value = token[0], token[2:].partition("%")[0].strip()
    return letter in "%" or (letter in WORDS + "KLM" and sound(letter, value))
