"""What form a file has, found by its content; its suffix decides only where the content does not."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from unroll.data.files.encoding import refuse_other_encoding
from unroll.data.files.lines import numbered_lines
from unroll.data.files.opening import BAD_ZIP, container, open_bytes, regular_file
from unroll.data.files.separated import NAMES, Separator, find_separator
from unroll.data.problems import Problems
from unroll.errors import UserError

HEAD = 1 << 18  # bytes that are looked at
LOOK = 200  # lines that are looked at
USUAL_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|", ".ssv": ";"}
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zip")
LABEL_MARK = "__label__"  # before each label, as fastText writes them
MOST_LABELLED = 0.9  # share of the lines that begin with it
SEP_LINE = re.compile(r'"?sep=(.)"?', re.I)  # the first line that Excel writes and reads
ARROW = (".arrow", ".arrows", ".feather", ".ipc")
RESEARCH = {".arff": "arff", ".ts": "ts"}


@dataclass(frozen=True)
class FileForm:
    """What form a file has.

    Attributes:
        kind: "separated", "json lines", "json list", "labelled lines" (of fastText), "xlsx", "parquet",
            "arrow", "arff", "ts", "arrays" (.npy or .npz), or "text".
        separator: of a separated table.
        first_line: of a separated table, where its rows begin.
        is_table: whether it is a table beyond doubt, by its suffix or as it is no text.
        said: what is unusual about it, for people.
    """

    kind: str
    separator: Separator | None = None
    first_line: int = 1
    is_table: bool = True
    said: tuple[str, ...] = ()


def suffix_of(path: Path) -> str:
    """The suffix of a file in lower case, without those of packing: ".csv" of A.CSV.gz."""
    name = path.name.lower()
    while name.endswith(PACKED_SUFFIXES):
        name = name.rpartition(".")[0]
    return f".{name.rpartition('.')[2]}" if "." in name else ""


def find_form(path: Path, name: str) -> FileForm:
    """What form a file has.

    Args:
        path: the file.
        name: what the user called it, for errors.

    Raises:
        UserError: where it is no regular file, cannot be unpacked, or is UTF-16 or UTF-32.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.data.files.forms import find_form
        >>> _ = Path("reviews.CSV").write_text("text;label\\ngood, really;1\\n")
        >>> form = find_form(Path("reviews.CSV"), "reviews.CSV")
        >>> form.kind, form.separator.character
        ('separated', ';')
    """
    found = regular_file(path, name).stat()
    return _find_form(path, name, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def _find_form(path: Path, name: str, size: int, changed: int) -> FileForm:
    """The form of a file as it was when it had this size and this time of change."""
    suffix = suffix_of(path)
    kind = kind_of_bytes(path, name)
    if kind is not None:
        return FileForm(kind)
    with open_bytes(path, name) as file:
        head = file.read(HEAD)
    refuse_other_encoding(head, name)
    text = head.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    ended = len(head) < HEAD
    kind = kind_of_json(text, suffix, ended) or RESEARCH.get(suffix)
    if kind in RESEARCH.values() and "@data" not in text.lower() and ended:
        kind = None
    if kind is not None:
        return FileForm(kind, is_table=suffix in JSON_SUFFIXES or kind in RESEARCH.values())
    return separated_form(path, name, suffix)


def kind_of_bytes(path: Path, name: str) -> str | None:
    """The kind of a file that is no text, by its first bytes; None for others.

    Raises:
        UserError: for a file of old Excel.
    """
    if container(path) == "zip":
        try:
            with zipfile.ZipFile(path) as packed:
                members = packed.namelist()
        except (OSError, *BAD_ZIP):
            members = []  # told when it is unpacked
        if "xl/workbook.xml" in members:
            return "xlsx"
        if members and all(member.endswith(".npy") for member in members):
            return "arrays"
    with path.open("rb") as file:
        head = file.read(6)
    if head == b"\x93NUMPY":
        return "arrays"
    if head[:4] == b"\xd0\xcf\x11\xe0":
        raise UserError(f"{name} is a file of old Excel (.xls). Save it as .xlsx or .csv.")
    if head[:4] == b"PAR1":
        return "parquet"
    if head == b"ARROW1":
        return "arrow"
    # a stream of Arrow has no name in it
    is_stream = suffix_of(path) in ARROW and head[:4] == b"\xff" * 4
    return "arrow" if is_stream else None


def kind_of_json(text: str, suffix: str, ended: bool) -> str | None:
    """How the first part of a file holds JSON; None where it does not.

    Args:
        text: the first part.
        suffix: of the file, in lower case.
        ended: whether this is all of it.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    by_name = suffix in JSON_SUFFIXES
    default = "json lines" if by_name else None
    if not lines or lines[0].lstrip()[0] not in "[{":
        return default
    try:
        value = json.loads(lines[0])
    except (ValueError, RecursionError):
        start = "".join(text[: 1 << 10].split())
        is_list = start.startswith(("[{", "[[")) or (start.startswith('{"') and len(lines) > 1)
        cut_off = len(lines) == 1 and not ended and not suffix.endswith("l")
        spread = suffix == ".json" or (suffix != ".jsonl" and is_list)
        return "json list" if spread or (is_list and cut_off) else default
    if isinstance(value, dict):
        return "json lines" if len(lines) > 1 or suffix == ".jsonl" else "json list"
    if value and all(isinstance(each, (dict, list)) for each in value):
        return "json list"
    mixed = len(value) > 1 and any(isinstance(each, str) for each in value)
    if mixed or (by_name and len(lines) > 1):
        return "json lines"
    return "json list" if by_name else None


def first_numbered_lines(path: Path, name: str, count: int) -> Iterator[tuple[int, str]]:
    """The first lines of a text, whatever its bytes; bad ones are told when it is read.

    Args:
        path: the file.
        name: what the user called it, for errors.
        count: lines at most; fewer where they are long.
    """
    size = 0
    for number, line in islice(
        numbered_lines(path, name, Problems(skip=True, glance=True), replace=True), count
    ):
        yield number, line
        size += len(line)
        if size > HEAD:
            return


def separated_form(path: Path, name: str, suffix: str) -> FileForm:
    """The form of a text, which may be a table with separators."""
    usual = USUAL_SEPARATORS.get(suffix)
    lines = list(first_numbered_lines(path, name, LOOK))
    filled = [line for _, line in lines if line.strip()]
    labelled = sum(line.lstrip().startswith(LABEL_MARK) for line in filled)
    if usual is None and filled and labelled >= MOST_LABELLED * len(filled):
        return FileForm("labelled lines")
    first = SEP_LINE.fullmatch(lines[0][1].strip()) if lines else None
    if first is not None and first[1] in NAMES:
        separator, _ = find_separator(lines[1:], first[1])
        return FileForm("separated", separator, first_line=2)
    separator, even = find_separator(lines, usual)
    if separator is None or (usual is None and not (even and len(filled) > 1)):
        return FileForm("text", is_table=False)
    said: tuple[str, ...] = ()
    if separator.character != usual:
        said = (f"columns: separated by {NAMES[separator.character]}",)
    return FileForm("separated", separator, is_table=usual is not None, said=said)
