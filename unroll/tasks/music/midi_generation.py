"""New tunes in MIDI, valid whatever the network says: every note that begins ends, and the last bar
is whole.

`network` is a `unroll.models.language.LanguageModel`, or what is called as one is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.errors import UserError
from unroll.models.sampling import checked_sampling, distribution, draw
from unroll.tasks.music.abc_bars import metre_of
from unroll.tasks.music.abc_generation import Writer, prompt_fields
from unroll.tasks.music.keys import parse_key
from unroll.tasks.music.midi import KEY, METRE
from unroll.tasks.music.preprocessor import MusicPreprocessor

TOGETHER = 6  # notes that may sound at once
END = "xff2f00"


def generate_midi(
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
    """A tune of one track as words of MIDI.

    prompt: "K:G", "M:6/8" or both; length: words after which it is brought to its end. Other
    arguments as `unroll.models.language_decoding.generate`.
    Raises: UserError for a prompt or a number that cannot be used.
    """
    checked_sampling(temperature, top_k, top_p, seed)
    if length < 1:
        raise UserError(f"--length got {length}; expected a number of tokens, 1 or more.")
    given, body = prompt_fields(prompt)
    if body or set(given) - {"K", "M"}:
        raise UserError(
            f'--prompt got {prompt!r}; expected a key and a metre, "M:6/8 K:G", for a run of MIDI.'
        )
    network.eval()
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)

    def sample(logits: Tensor, may: np.ndarray) -> int:
        kept = logits.masked_fill(~torch.from_numpy(may).to(logits.device), -torch.inf)
        return int(draw(distribution(kept, temperature, top_k, top_p), generator))

    return Track(Writer(network, preprocessor, sample), given).write(length)


class Track:
    """One track, word by word. given: key and metre, as ABC writes them."""

    def __init__(self, writer: Writer, given: dict[str, str]) -> None:
        self.writer, self.preprocessor, self.given = writer, writer.preprocessor, given
        self.words = [codec_word(self.preprocessor, k) for k in range(len(self.preprocessor))]
        self.now, self.sounding = 0, dict[int, int]()  # which note, since when
        self.bar = self.since = 0  # ticks of a bar, and since when
        self.last = ""
        self.notes = 0

    def write(self, length: int) -> str:
        """The track with the file's first line; brought to its end after so many words."""
        first = self.mask(self.begins)
        head = "1/480\n"
        if first.any():
            head = self.preprocessor.bytes_of(self.writer.draw(first)).decode()
        else:
            self.writer.add(head)
        self.ticks = int(head.split("/")[1])
        self.said(
            "M", METRE, metre_word(self.given["M"]) if "M" in self.given else METRE + "04021808"
        )
        self.said("K", KEY, key_word(self.given["K"]) if "K" in self.given else KEY + "0000")
        for _ in range(length):
            may = self.mask(self.may)
            if not may.any():
                break
            word = self.preprocessor.bytes_of(self.writer.draw(may)).decode()
            if word.startswith(END):
                return self.writer.text
            self.came(word.strip())
        self.close()
        return self.writer.text

    def begins(self, word: str) -> bool:
        """Whether a file may begin so: its ticks must divide the bars that are asked for."""
        found = re.match(r"[01]/(\d+)\n", word)
        metre = metre_word(self.given.get("M", "4/4"))
        return found is not None and sensible(metre, int(found[1]))

    def mask(self, may: Callable[[str], bool]) -> np.ndarray:
        return np.array([bool(word) and may(word) for word in self.words])

    def said(self, letter: str, kind: str, usual: str) -> None:
        """The metre or the key: given, or one that the network draws."""
        found = self.mask(lambda word: word.startswith(kind) and sensible(word, self.ticks))
        if letter in self.given or not found.any():
            self.writer.add(usual + " ")
            self.came(usual)
        else:
            self.came(self.preprocessor.bytes_of(self.writer.draw(found)).decode().strip())

    def may(self, word: str) -> bool:
        """Whether this word may come next."""
        body, end = word.strip(), word[-1]
        if end == "\n":
            whole = self.notes and (self.now - self.since) % self.bar == 0
            return body == END and not self.sounding and bool(whole)
        kind, value = body[0], body[1:]
        if kind not in "+nov" or not value.isdigit():
            return False
        if kind == "+":
            return self.last != "+" and 0 < int(value) <= 4 * self.bar
        note = int(value)
        if kind == "v":
            return self.last not in ("v", "n") and 0 < note < 128
        if kind == "n":
            return note < 128 and note not in self.sounding and len(self.sounding) < TOGETHER
        return note in self.sounding and self.sounding[note] < self.now

    def came(self, word: str) -> None:
        """What a word changes."""
        kind, value = word[0], word[1:]
        self.last = kind
        if kind == "+":
            self.now += int(value)
        elif kind == "n":
            self.sounding[int(value)] = self.now
            self.notes += 1
        elif kind == "o":
            self.sounding.pop(int(value))
        elif word.startswith(METRE):
            self.bar, self.since = int(bar_ticks(word, self.ticks)), self.now

    def close(self) -> None:
        """All notes end with the bar, and the track."""
        if not self.notes:
            self.writer.add("v80 n60 ")
            self.came("n60")
        left = -(self.now - self.since) % self.bar
        if any(since == self.now for since in self.sounding.values()) and not left:
            left = self.bar
        if left:
            self.writer.add(f"+{left} ")
            self.now += left
        for note in sorted(self.sounding):
            self.writer.add(f"o{note} ")
        self.writer.add(END + "\n")


def codec_word(preprocessor: MusicPreprocessor, id: int) -> str:
    """A token that is a whole word; nothing for the others."""
    text = preprocessor.bytes_of(id).decode("utf-8", "replace")
    return text if len(text) > 2 and text[-1] in " \n" else ""


def bar_ticks(word: str, ticks: int) -> Fraction:
    """The ticks of a bar by a word for the metre, which has 2 to the power of its second byte."""
    beats, power = bytes.fromhex(word[len(METRE) : len(METRE) + 4])
    return Fraction(4 * ticks * beats, 2**power)


def sensible(word: str, ticks: int) -> bool:
    """Whether a word for the metre, if it is one, makes bars of whole ticks."""
    if not word.startswith(METRE):
        return True
    bar = bar_ticks(word.strip(), ticks)
    return bar > 0 and bar.denominator == 1


def metre_word(value: str) -> str:
    beats, beat = metre_of(value) or (4, 4)
    return f"{METRE}{beats:02x}{beat.bit_length() - 1:02x}1808"


def key_word(value: str) -> str:
    key = parse_key(value)
    minor = key is not None and key.mode in ("m", "min", "aeo")
    sharps = key.fifths if key else 0
    return f"{KEY}{max(-7, min(7, sharps)) % 256:02x}{int(minor):02x}"
