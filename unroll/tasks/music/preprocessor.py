"""Tunes as token ids and back, and tunes in other keys.

A token is a piece of ABC (a note, a length, a bar line, a chord, a whole field) or a word of MIDI. A
piece that is not a token is spelled by characters, and an unknown character by the bytes of UTF-8. So
every tune has one sequence of ids, and the ids give the tune back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from unroll.errors import UserError
from unroll.models.kneser_ney import KneserNey
from unroll.saved_files import STRICT, are_unique, read_record, refuse_unless
from unroll.tasks.music.abc import field_value, notes_of, split_pieces
from unroll.tasks.music.floor import floor_files, load_floor
from unroll.tasks.music.keys import (
    CannotTranspose,
    Interval,
    Key,
    interval_between,
    parse_key,
    staff_place,
    transpose_tune,
)
from unroll.tasks.music.midi import WORD, transpose_midi

ABC, MIDI = "abc", "midi"  # notations
REMEMBERED = 20_000  # tunes whose ids are kept
FILE = "tokens.json"
BOUNDARY = 0  # begins and ends every tune
BYTES = 256  # tokens 1 to 256
OUTSIDE = 0.01  # of the notes of all tunes lie below the usual range, and as many above it


@dataclass
class TokensRecord:
    """What the file holds; the attributes are those of the preprocessor.

    Attributes:
        notation: "abc" or "midi".
        tokens: pieces and characters, the most frequent first.
        keys: how many tunes of the training set are in each key.
        low: the lowest place on the staff of nearly all notes of ABC.
        high: the highest place on the staff of nearly all notes of ABC.
    """

    __pydantic_config__ = STRICT

    notation: str
    tokens: tuple[str, ...]
    keys: dict[str, int]
    low: int
    high: int


@dataclass(frozen=True)
class MusicPreprocessor:
    """How tunes become token ids and back.

    Ids are 0 for the boundary, 1 to 256 for bytes, then the tokens.

    Attributes:
        notation: "abc" or "midi".
        tokens: pieces and characters, the most frequent first.
        keys: how many tunes of the training set are in each key.
        low: the lowest place on the staff of nearly all notes of ABC.
        high: the highest place on the staff of nearly all notes of ABC.
        floor: n-grams of tokens, which the network is mixed with; None where the network is alone.

    Examples:
        >>> from unroll.tasks.music.preprocessor import MusicPreprocessor
        >>> preprocessor = MusicPreprocessor.learn(["X:1\\nK:G\\nG2B|A3|\\n"] * 2, "abc", min_count=1)
        >>> ids = preprocessor.encode("K:G\\nB3|\\n")
        >>> preprocessor.decode(ids), len(ids)
        ('K:G\\nB3|\\n', 5)
    """

    notation: str
    tokens: tuple[str, ...]
    keys: dict[str, int]
    low: int
    high: int
    floor: KneserNey | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        ids = {token: 1 + BYTES + k for k, token in enumerate(self.tokens)}
        object.__setattr__(self, "_ids", ids)
        object.__setattr__(self, "_encoded", {})

    def __len__(self) -> int:
        """V, how many ids there are."""
        return 1 + BYTES + len(self.tokens)

    @classmethod
    def learn(cls, tunes: Sequence[str], notation: str, min_count: int) -> MusicPreprocessor:
        """Learn the tokens of tunes.

        Args:
            tunes: the training set.
            notation: of the tunes.
            min_count: rarer pieces are spelled by characters, which are tokens then.
        """
        draw = np.random.default_rng(0)
        first = cls(notation, (), *scan_tunes(tunes, notation))
        counts: Counter[str] = Counter()
        for tune in tunes:
            counts.update(pieces_of(tune, notation))
            transposed = first.transpose(tune, first.draw_key(tune, draw))
            counts.update(pieces_of(transposed or tune, notation))
        # every tune is counted twice
        kept = {piece: n for piece, n in counts.items() if n >= 2 * min_count}
        for piece, n in counts.items():
            if piece not in kept:
                for part in spell(piece):
                    kept[part] = kept.get(part, 0) + n
        ranked = sorted(kept, key=lambda token: (-kept[token], token))
        return cls(notation, tuple(ranked), first.keys, first.low, first.high)

    def encode(self, tune: str) -> np.ndarray:
        """The ids of a tune without boundaries, int64 [N], which are not to be changed."""
        remembered: dict[str, np.ndarray] = self._encoded  # type: ignore[attr-defined]
        found = remembered.get(tune)
        if found is None:
            found = self._encode(tune)
            if len(remembered) < REMEMBERED:
                remembered[tune] = found
        return found

    def with_floor(self, floor: KneserNey) -> MusicPreprocessor:
        """The same with other n-grams; the tunes that were encoded stay known."""
        other = replace(self, floor=floor)
        object.__setattr__(other, "_encoded", self._encoded)  # type: ignore[attr-defined]
        return other

    def _encode(self, tune: str) -> np.ndarray:
        ids: dict[str, int] = self._ids  # type: ignore[attr-defined]
        encoded: list[int] = []
        for piece in pieces_of(tune, self.notation):
            if piece in ids:
                encoded.append(ids[piece])
                continue
            for part in spell(piece):
                if part in ids:
                    encoded.append(ids[part])
                else:
                    encoded += [1 + byte for byte in part.encode()]
        found = np.array(encoded, dtype=np.int64)
        found.flags.writeable = False
        return found

    def decode(self, ids: Iterable[int]) -> str:
        """The tune of these ids; boundaries add nothing."""
        return b"".join(self.bytes_of(int(id)) for id in ids).decode("utf-8", "replace")

    def bytes_of(self, id: int) -> bytes:
        """The text of an id in UTF-8; b"" for the boundary."""
        if id > BYTES:
            return self.tokens[id - 1 - BYTES].encode()
        return bytes([id - 1]) if id else b""

    def id_of(self, token: str) -> int | None:
        """The id of a token; None where it is not a token."""
        ids: dict[str, int] = self._ids  # type: ignore[attr-defined]
        return ids.get(token)

    def draw_key(self, tune: str, draw: np.random.Generator) -> str | int | None:
        """Draw a key for a tune, as often as the keys of its mode occur in the training set.

        Returns:
            The name of a key, or for MIDI by how many semitones to transpose; None where the tune has
            no key.
        """
        if self.notation == MIDI:
            return int(draw.integers(-5, 7))
        uniform = float(draw.random())
        key = parse_key(field_value(tune, "K") or "")
        names = [n for n in self.keys if key is not None and known_key(n).mode == key.mode]
        if not names:
            return None
        shares = np.cumsum([self.keys[name] for name in names], dtype=float)
        return names[int(np.searchsorted(shares, uniform * shares[-1], side="right"))]

    def transpose(self, tune: str, target: str | int | None) -> str | None:
        """The tune in a key that `draw_key` returned; None where it cannot be written there."""
        try:
            if isinstance(target, int):
                return transpose_midi(tune, target)
            key = parse_key(field_value(tune, "K") or "")
            if key is None or target is None:
                return None
            interval = interval_between(key, known_key(target))
            return transpose_tune(tune, self._up_or_down(tune, interval))
        except (CannotTranspose, ValueError):
            return None

    def _up_or_down(self, tune: str, by: Interval) -> Interval:
        """The interval, or the one an octave away, that keeps the notes in the usual range."""
        places = [staff_place(note.text) for note in notes_of(tune)]
        low, high = min(places, default=0), max(places, default=0)
        octave = Interval(7, 12) if by.semitones <= 0 else Interval(-7, -12)
        other = Interval(by.steps + octave.steps, by.semitones + octave.semitones)

        def outside(interval: Interval) -> tuple[int, int]:
            """Steps outside the usual range, then the size of the interval."""
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
        floor = {} if self.floor is None else floor_files(self.floor)
        return {FILE: json.dumps(record, ensure_ascii=False, indent=0).encode(), **floor}

    @classmethod
    def load(cls, folder: Path) -> MusicPreprocessor:
        """The preprocessor of a run folder.

        Raises:
            UserError: where its file is missing or damaged.
        """
        found = read_record(folder, FILE, TokensRecord)
        path = folder / FILE
        refuse_unless(found.notation in (ABC, MIDI), path, f"the notation {ABC} or {MIDI}")
        refuse_unless(are_unique(found.tokens), path, "each token once")
        refuse_unless(is_text("".join(found.tokens)), path, "tokens of text")
        for name, count in found.keys.items():
            refuse_unless(parse_key(name) and count > 0, path, "keys such as G, and how often")
        floor = load_floor(folder, 1 + BYTES + len(found.tokens))
        return cls(**vars(found), floor=floor)


def is_text(text: str) -> bool:
    """Whether a text can be written in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=256)
def known_key(name: str) -> Key:
    """The key of a name in the file of a run.

    Raises:
        UserError: where the name is not that of a key.
    """
    key = parse_key(name)
    if key is None:
        raise UserError(f"{FILE} names the key {name!r}; expected a key such as G or F#m.")
    return key


def pieces_of(tune: str, notation: str) -> list[str]:
    """The pieces of a tune in ABC, or the words of a tune in MIDI."""
    if notation == MIDI:
        return WORD.findall(tune)
    return [piece.text for piece in split_pieces(tune)]


def spell(piece: str) -> Iterator[str]:
    """The characters of a piece; the letter of a field stays with its colon."""
    head = 2 if len(piece) > 2 and piece[1] == ":" and piece[0].isalpha() else 0
    if head:
        yield piece[:head]
    yield from piece[head:]


def scan_tunes(tunes: Sequence[str], notation: str) -> tuple[dict[str, int], int, int]:
    """How many tunes there are in each key, and the lowest and highest usual place of notes."""
    if notation == MIDI:
        return {}, 0, 0
    keys: Counter[str] = Counter()
    places: Counter[int] = Counter()
    for tune in tunes:
        key = parse_key(field_value(tune, "K") or "")
        if key is not None:
            keys[key.name] += 1
        for note in notes_of(tune):
            with suppress(CannotTranspose):
                places[staff_place(note.text)] += 1
    total, below = sum(places.values()), 0
    inside = []
    for place in sorted(places):
        below += places[place]
        if OUTSIDE * total <= below <= (1 - OUTSIDE) * total + places[place]:
            inside.append(place)
    ranked = dict(sorted(keys.items(), key=lambda item: (-item[1], item[0])))
    return ranked, min(inside, default=0), max(inside, default=0)
