"""How the words of a table lead to files: sounds, images and clips; no torch is loaded here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from unroll.data.files.regular_files import kind_of_path
from unroll.data.files.rows import as_word

OWN_WORDS = ("path", "file_name", "filename", "file")  # of an object that stands for a file
OWN_TEXTS = ("raw", "caption", "text", "sentence")  # of an object that stands for a text

SOUNDS = tuple(
    ".wav .flac .ogg .mp3 .aiff .aif .au .opus .m4a .aac .oga .amr .wma .caf .mka".split()
)
AUDIO = (*SOUNDS, ".3gp", ".webm", ".mp4")  # the last ones may hold pictures too
IMAGES = tuple(".png .jpg .jpeg .gif .bmp .webp .tif .tiff .ppm .pgm .jfif .avif".split())
VIDEO = tuple(".mp4 .avi .mkv .webm .mov .mpg .mpeg .m4v .3gp .wmv .flv .ogv".split())
TRIED = 5  # words that are looked for everywhere
LOOK = 100  # words that must lead to files where these do
MOST_FOLDERS = 200  # beside the table, or beside its folder
MOST_LEFT_OUT = 16  # folders of a path of another machine
MEDIA_FOLDER = re.compile(
    r"clip|wav|audio|sound|speech|image|img|picture|photo|video|dataset|(train|val|test)\d{4}"
)
CAPTION_NUMBER = re.compile(r"#\d+$")  # as in a.jpg#0, the first caption of an image


@dataclass(frozen=True)
class MediaPaths:
    """How the words of a column lead to files, by one rule for the whole table.

    Attributes:
        folder: of the table.
        below: where relative paths begin, from there: "", "clips" or "../images".
        prefix: of the words, which is left out: folders of another machine.
        suffix: which is added to the words: ".wav" for an id.
    """

    folder: Path
    below: str = ""
    prefix: str = ""
    suffix: str = ""

    def find(self, word: str) -> Path:
        """The path of a word: as it is where that exists, else by the rule."""
        plain = self.folder / word
        if kind_of_path(plain) is not None:
            return plain
        found = self.by_rule(word)
        return plain if kind_of_path(found) is None else found

    def by_rule(self, word: str) -> Path:
        """The path of a word by the rule, whether it exists or not."""
        return self.folder / self.below / (clean_word(word).removeprefix(self.prefix) + self.suffix)

    def messages(self, flag: str) -> list[str]:
        """What was guessed, for people. flag: the option that names the column of paths."""
        parts = []
        if self.prefix:
            parts.append(f"{self.prefix} left out")
        if self.suffix:
            parts.append(f"{self.suffix} added")
        if self.below:
            parts.append(f"looked for in {self.below}/")
        return [f"paths: {', '.join(parts)} ({flag} names the column)"] if parts else []


def clean_word(word: str) -> str:
    """A path as this machine writes it, without the number of a caption."""
    return CAPTION_NUMBER.sub("", word).replace("\\", "/").removeprefix("./")


def has_suffix(word: str, suffixes: Sequence[str]) -> bool:
    """Whether a word ends in one of these suffixes, in any case."""
    return clean_word(word.strip()).lower().endswith(tuple(suffixes))


def own_word(cell: Any, names: Sequence[str]) -> str:
    """A cell as a string; of an object, the field that stands for it.

    Args:
        cell: of a table; {"path": "a.wav"} stands for a.wav.
        names: of such fields.
    """
    if isinstance(cell, dict):
        own = next((cell[name] for name in names if isinstance(cell.get(name), str)), None)
        return as_word(cell) if own is None else str(own)
    return as_word(cell)


def word_of_object(cell: str) -> str:
    """The path in a cell that is an object of JSON as a string; any other cell as it is."""
    if not cell.startswith('{"'):
        return cell
    try:
        return own_word(json.loads(cell), OWN_WORDS)
    except (ValueError, RecursionError):
        return cell


def column_of_paths(
    rows: Sequence[Sequence[str]], names: Sequence[str] | None, suffixes: Sequence[str]
) -> int | None:
    """The place, from 0, of the first column with such a path in most rows; None where there is none.

    Args:
        rows: the first rows of a table.
        names: of its columns; None where the first row may be names.
        suffixes: of the paths.
    """
    body = rows if names is not None else rows[1:] or rows
    for k in range(max(map(len, body), default=0)):
        # a bad row does not hide what the others are
        if 2 * sum(
            k < len(row) and has_suffix(word_of_object(row[k]), suffixes) for row in body
        ) > len(body):
            return k
    return None


def find_media_paths(
    words: Sequence[str], folder: Path, suffixes: Sequence[str], folders: bool = False
) -> MediaPaths | None:
    """The rule by which most of these words lead to files; None where there is none.

    Args:
        words: of one column, the first ones.
        folder: of the table.
        suffixes: of the files.
        folders: whether a word may lead to a folder.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.data.files.media_paths import AUDIO, find_media_paths
        >>> Path("wavs").mkdir()
        >>> _ = Path("wavs/LJ001-0001.wav").write_bytes(b"")
        >>> paths = find_media_paths(["LJ001-0001"], Path(), AUDIO)
        >>> paths.find("LJ001-0001").as_posix()
        'wavs/LJ001-0001.wav'
    """
    words = [word for word in words if word and len(word) < 1000][:LOOK]

    def is_media(path: Path) -> bool:
        kind = kind_of_path(path)
        return (kind == "a file" and has_suffix(path.name, suffixes)) or (
            kind == "a folder" and folders
        )

    def share(paths: MediaPaths) -> float:
        return sum(is_media(paths.find(word)) for word in words) / len(words)

    plain = MediaPaths(folder)
    if not words:
        return None
    if share(plain) > 0.5:
        return plain
    for word in words[:TRIED]:
        for paths in possible_rules(word, folder, suffixes):
            if is_media(paths.by_rule(word)) and share(paths) > 0.5:
                return paths
    return None


def possible_rules(word: str, folder: Path, suffixes: Sequence[str]) -> Iterator[MediaPaths]:
    """The rules by which a word could lead to a file, the most likely first."""
    clean = clean_word(word)
    added = [""] if has_suffix(clean, suffixes) else ["", *suffixes]
    parts = clean.split("/")
    # beside the table's folder only folders whose names say what they hold
    beside = [below for below in folders_in(folder, "..") if MEDIA_FOLDER.search(below.lower())]
    belows = ["", *folders_in(folder, ""), "..", *beside]
    for left_out in range(min(len(parts), MOST_LEFT_OUT)):
        prefix = "".join(f"{part}/" for part in parts[:left_out])
        for below, suffix in product(belows, [""] if left_out else added):
            yield MediaPaths(folder, below, prefix, suffix)


def folders_in(folder: Path, inner: str) -> list[str]:
    """The folders in a folder, from there. inner: "", or ".." for those beside it."""
    try:
        found = sorted(
            p.name for p in (folder / inner).iterdir() if p.name[0] != "." and p.is_dir()
        )
    except OSError:
        return []
    return [f"{inner}/{name}" if inner else name for name in found[:MOST_FOLDERS]]
