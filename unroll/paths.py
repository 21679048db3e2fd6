"""Words that cannot be the path of anything, refused before a system call says so in its own words."""

from __future__ import annotations

from unroll.errors import UserError

LONGEST_NAME = 255  # bytes of a name that common file systems take
LONGEST_PATH = 4095


def refuse_impossible_path(path: str, what: str) -> None:
    """Check that a word may be a path; whether something is there is not looked at.

    Args:
        path: the word, or "-" for standard input.
        what: was given, for people: "DATA", "--out".

    Raises:
        UserError: where it is empty, has a character that no path has, or is too long.

    Examples:
        >>> refuse_impossible_path("runs/rose", "--out")
    """
    if not path.strip():
        raise UserError(f"{what} is empty; expected a path.")
    if "\0" in path:
        raise UserError(f"{what} got {path!r}, which holds a NUL; no path does. Give another path.")
    names = [name.encode("utf-8", "surrogatepass") for name in path.split("/")]
    if max(map(len, names)) > LONGEST_NAME or len(path) > LONGEST_PATH:
        raise UserError(
            f"{what} got {path[:40]!r}... of {len(path):,} characters, which is too long for a path; "
            f"a name has at most {LONGEST_NAME} bytes. Give another path."
        )
