"""Tunes as numbers and back, and tunes moved to other keys.

A token is a piece of ABC (a note, a length, a bar line, a chord, a whole field) or a word of MIDI.
What is not among the tokens is spelled: character by character, and a character that is none of
them in the bytes of UTF-8. So every tune has one row of numbers, which gives it back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from unroll.errors import UserError
from unroll.tasks.music import abc
from unroll.tasks.music.abc import field_value
from unroll.tasks.music.keys import (
    CannotMove,
    Interval,
    Key,
    between,
    degree,
    parse_key,
    transposed,
)
from unroll.tasks.music.midi import WORD, moved_midi

ABC, MIDI = "abc", "midi"  # notations
BOUNDARY = 0  # begins and ends every tune
BYTES = 256  # tokens 1 to 256
RARE_RANGE = 0.01  # of the notes of all tunes lie below the usual range, and as many above it


@dataclass(frozen=True)
class MusicPreprocessor:
    """Tunes to numbers and back.

    notation: "abc" or "midi". tokens: beyond the boundary and the bytes, the commonest first.
    keys: how many tunes there are in each key. low, high: where nearly all notes of ABC lie on the
    staff.

    Example:
        >>> from unroll.tasks.music.preprocessor import MusicPreprocessor
        >>> preprocessor = MusicPreprocessor.learn(["X:1\\nK:G\\nG2B|A3|\\n"] * 2, "abc", min_count=1)
        >>> preprocessor.decode(preprocessor.encode("K:G\\nB3|\\n")), len(preprocessor.encode("K:G\\nB3|\\n"))
        ('K:G\\nB3|\\n', 5)
    """

    notation: str
    tokens: tuple[str, ...]
    keys: dict[str, int]
    low: int
    high: int

    def __post_init__(self) -> None:
        ids = {token: 1 + BYTES + k for k, token in enumerate(self.tokens)}
        object.__setattr__(self, "_ids", ids)

    def __len__(self) -> int:
        return 1 + BYTES + len(self.tokens)

    @classmethod
    def learn(cls, tunes: Sequence[str], notation: str, min_count: int) -> MusicPreprocessor:
        """The tokens seen at least `min_count` times, and every single character that is left."""
        draw = np.random.default_rng(0)
        first = cls(notation, (), *survey(tunes, notation))
        counts: Counter[str] = Counter()
        for tune in tunes:
            counts.update(pieces_of(tune, notation))
            moved = first.moved(tune, first.target(tune, draw))
            counts.update(pieces_of(moved or tune, notation))
        # every tune is counted twice
        kept = {piece: n for piece, n in counts.items() if n >= 2 * min_count}
        for piece, n in counts.items():
            if piece not in kept:
                for part in spelled(piece):
                    kept[part] = kept.get(part, 0) + n
        ranked = sorted(kept, key=lambda token: (-kept[token], token))
        return cls(notation, tuple(ranked), first.keys, first.low, first.high)

    def encode(self, tune: str) -> np.ndarray:
        """The tokens of a tune, int64 [N], without boundaries."""
        ids: dict[str, int] = self._ids  # type: ignore[attr-defined]
        found: list[int] = []
        for piece in pieces_of(tune, self.notation):
            if piece in ids:
                found.append(ids[piece])
                continue
            for part in spelled(piece):
                if part in ids:
                    found.append(ids[part])
                else:
                    found += [1 + byte for byte in part.encode()]
        return np.array(found, dtype=np.int64)

    def decode(self, ids: Iterable[int]) -> str:
        """The tune of these tokens; boundaries stand for nothing."""
        return b"".join(self.bytes_of(int(id)) for id in ids).decode("utf-8", "replace")

    def bytes_of(self, id: int) -> bytes:
        """What a token stands for."""
        if id > BYTES:
            return self.tokens[id - 1 - BYTES].encode()
        return bytes([id - 1]) if id else b""

    def id_of(self, token: str) -> int | None:
        """The number of a token; None where it is none."""
        ids: dict[str, int] = self._ids  # type: ignore[attr-defined]
        return ids.get(token)

    def target(self, tune: str, draw: np.random.Generator) -> str | int | None:
        """A key for the tune, drawn from those of all tunes; for MIDI, how far to move it."""
        if self.notation == MIDI:
            return int(draw.integers(-5, 7))
        uniform = float(draw.random())
        key = parse_key(field_value(tune, "K") or "")
        names = [n for n in self.keys if key is not None and parsed(n).mode == key.mode]
        if not names:
            return None
        shares = np.cumsum([self.keys[name] for name in names], dtype=float)
        return names[int(np.searchsorted(shares, uniform * shares[-1], side="right"))]

    def moved(self, tune: str, target: str | int | None) -> str | None:
        """The tune in such a key; None where it cannot be written there."""
        try:
            if isinstance(target, int):
                return moved_midi(tune, target)
            key = parse_key(field_value(tune, "K") or "")
            if key is None or target is None:
                return None
            return transposed(tune, self.fitting(tune, between(key, parsed(target))))
        except (CannotMove, ValueError):
            return None

    def fitting(self, tune: str, by: Interval) -> Interval:
        """The interval up or down to the same key that keeps the notes where notes are wont to be."""
        places = [degree(p.text) for p in abc.pieces(tune[abc.body_start(tune) :]) if is_note(p)]
        low, high = min(places, default=0), max(places, default=0)
        octave = Interval(7, 12) if by.semitones <= 0 else Interval(-7, -12)
        other = Interval(by.steps + octave.steps, by.semitones + octave.semitones)

        def outside(interval: Interval) -> tuple[int, int]:
            below = self.low - (low + interval.steps)
            above = high + interval.steps - self.high
            return max(0, below) + max(0, above), abs(interval.semitones)

        return min(by, other, key=outside)

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it."""
        record = {
            "notation": self.notation,
            "tokens": self.tokens,
            "keys": self.keys,
            "low": self.low,
            "high": self.high,
        }
        return {"tokens.json": json.dumps(record, ensure_ascii=False, indent=0).encode()}

    @classmethod
    def load(cls, folder: Path) -> MusicPreprocessor:
        """The preprocessor of a run folder.

        Raises: UserError where it is not there or not whole.
        """
        try:
            record = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
            return cls(**{**record, "tokens": tuple(record["tokens"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"{folder} has no whole tokens.json; expected a whole run.") from error


@lru_cache(maxsize=256)
def parsed(name: str) -> Key:
    key = parse_key(name)
    if key is None:
        raise UserError(f"tokens.json names the key {name!r}; expected such as G or F#m.")
    return key


def is_note(piece: abc.Piece) -> bool:
    return piece.kind == "note"


def pieces_of(tune: str, notation: str) -> list[str]:
    """What a tune falls into: pieces of ABC, or words of MIDI."""
    if notation == MIDI:
        return WORD.findall(tune)
    return [piece.text for piece in abc.pieces(tune)]


def spelled(piece: str) -> Iterator[str]:
    """A piece in its characters; the letter of a field stays with its colon."""
    head = 2 if len(piece) > 2 and piece[1] == ":" and piece[0].isalpha() else 0
    if head:
        yield piece[:head]
    yield from piece[head:]


def survey(tunes: Sequence[str], notation: str) -> tuple[dict[str, int], int, int]:
    """How many tunes there are in each key, and where nearly all notes lie."""
    if notation == MIDI:
        return {}, 0, 0
    keys: Counter[str] = Counter()
    places: Counter[int] = Counter()
    for tune in tunes:
        key = parse_key(field_value(tune, "K") or "")
        if key is not None:
            keys[key.name] += 1
        for piece in abc.pieces(tune[abc.body_start(tune) :]):
            if is_note(piece):
                try:
                    places[degree(piece.text)] += 1
                except CannotMove:
                    continue
    total, seen = sum(places.values()), 0
    inside = []
    for place in sorted(places):
        seen += places[place]
        if RARE_RANGE * total <= seen <= (1 - RARE_RANGE) * total + places[place]:
            inside.append(place)
    ranked = dict(sorted(keys.items(), key=lambda item: (-item[1], item[0])))
    return ranked, min(inside, default=0), max(inside, default=0)
