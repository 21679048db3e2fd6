"""Random changes of a file: bytes, lines, numbers, and what has broken readers before."""

from __future__ import annotations

import random
import re

# what has broken readers: control characters, marks of encodings, quotes, numbers at limits, deep
# nesting, names of other files
TOKENS = [
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc3", b"\x85", b"\r", b"\n",
    b"\r\n", b"\n\n", b"\x1b[31m", b"\x1b]0;title\x07", b"\x7f", b"\t", b"\t\t", b"  ",
    b"\xc2\xa0", "\u3000\u2028\u200b\u202e".encode(), "e\u0301\u0130\uff11".encode(), b'"', b"'",
    b'""', b'","', b",", b";", b"|", b"0", b"-1", b"1e999", b"-1e308", b"nan", b"inf", b"9" * 30,
    b"9" * 5000, b"1" + b"0" * 400, b"1_000", b"0x10", b"1,5", b"1.000", "\u0661".encode(),
    b"[" * 2000, b'{"a":' * 500, b"{}", b"[]", b"null", b"true", b"\\", b"\\u0000", b"/dev/null",
    b"../", b"/", b"~", b"CON", b"a" * 5000, b"__label__x ", b"O", b"I-", b"B-", b"-DOCSTART-",
    b"0000-00-00", b"2024-02-30", b"24:00", b"[a:", b"K:", b"L:1/0", b"M:0/0", b"(3", b"|:",
    b"X:", b"]", b"%",
]  # fmt: skip
NUMBER = re.compile(rb"[0-9]+")


def mutate(data: bytes, draw: random.Random) -> bytes:
    """The bytes with one to four random changes."""
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        data = draw.choice(KINDS)(data, draw)
    return data


def flip(data: bytes, draw: random.Random) -> bytes:
    if not data:
        return data
    at = draw.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]


def overwrite(data: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data) + 1)
    new = draw.choice([draw.randbytes(draw.choice([1, 4, 16])), b"\0" * 8, b"\xff" * 8])
    return data[:at] + new + data[at + len(new) :]


def insert(data: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice(TOKENS) + data[at:]


def replace_word(data: bytes, draw: random.Random) -> bytes:
    """Another token in the place of what stands between separators."""
    words = list(re.finditer(rb"[^\s,;|]+", data))
    if not words:
        return insert(data, draw)
    word = draw.choice(words)
    return data[: word.start()] + draw.choice(TOKENS) + data[word.end() :]


def change_number(data: bytes, draw: random.Random) -> bytes:
    numbers = list(NUMBER.finditer(data))
    if not numbers:
        return insert(data, draw)
    number = draw.choice(numbers)
    new = draw.choice([b"", b"0", b"-7", b"65536", b"4294967295", b"9" * 25, b"1e400", b"0.5.5"])
    return data[: number.start()] + new + data[number.end() :]


def cut(data: bytes, draw: random.Random) -> bytes:
    first, last = sorted(draw.randrange(len(data) + 1) for _ in range(2))
    return data[:first] + data[last:]


def truncate(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def repeat(data: bytes, draw: random.Random) -> bytes:
    first, last = sorted(draw.randrange(len(data) + 1) for _ in range(2))
    return (
        data[:last] + data[first : min(last, first + 2000)] * draw.choice([1, 2, 20]) + data[last:]
    )


def lines_changed(data: bytes, draw: random.Random) -> bytes:
    """A line removed, doubled, moved, or joined to the next one."""
    lines = data.split(b"\n")
    k = draw.randrange(len(lines))
    kind = draw.randrange(4)
    if kind == 0:
        del lines[k]
    elif kind == 1:
        lines.insert(k, lines[k])
    elif kind == 2:
        lines.insert(draw.randrange(len(lines)), lines.pop(k))
    else:
        lines[k : k + 2] = [b"".join(lines[k : k + 2])]
    return b"\n".join(lines)


KINDS = [
    flip, overwrite, insert, insert, replace_word, change_number, cut, truncate, repeat, lines_changed,
]  # fmt: skip
