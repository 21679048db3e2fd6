"""Every claim of docs/claims.md, shown by its command: `python -m benchmarks.claims`.

Runs each in a fresh folder and writes docs/claims.md with the figure that it printed and the seconds of
the processor that it took. `--only WORDS` runs those whose claim has the words; the page keeps the other
rows as they are.
"""

import argparse
import datetime
import os
import platform
import tempfile
from pathlib import Path

from benchmarks.claims.claim import ROOT, Claim, Shown, show, write_lessons_data
from benchmarks.claims.sections import SECTIONS


def main() -> None:
    """Show the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="words of the claims to be shown")
    parser.add_argument("--small", action="store_true", help="train as short as the tests do")
    given = parser.parse_args()
    shown: dict[str, Shown] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_lessons_data(Path(folder))
        for claims in SECTIONS.values():
            for claim in claims:
                if given.only.lower() in claim.says.lower():
                    shown[claim.says] = show(claim, Path(folder), given.small)
                    one = shown[claim.says]
                    print(f"{one.seconds:6.1f} s  {claim.says}  {one.figure}", flush=True)
    if not given.small:
        path = ROOT / "docs" / "claims.md"
        path.write_text(document(shown, rows_of(path)), encoding="utf-8")
        print(f"Written: {path}")


def document(shown: dict[str, Shown], before: dict[str, str]) -> str:
    """The page of all claims.

    Args:
        shown: what was shown now, by claim.
        before: the rows of the page as it is, by claim.
    """
    made = f"{processor()}, {os.cpu_count()} cores, {datetime.date.today():%Y-%m-%d}"
    introduction = (Path(__file__).parent / "introduction.md").read_text(encoding="utf-8")
    parts = [introduction.replace("MACHINE", made)]
    for title, claims in SECTIONS.items():
        parts += [f"## {title}\n", "| claim | command | figure | seconds |", "|---|---|---|---|"]
        for claim in claims:
            now = shown.get(claim.says)
            parts.append(before.get(claim.says, "") if now is None else row(claim, now))
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def rows_of(page: Path) -> dict[str, str]:
    """The rows of the page by their claim."""
    lines = page.read_text(encoding="utf-8").splitlines() if page.exists() else []
    return {line[2:].partition(" | ")[0]: line for line in lines if line.startswith("| ")}


def row(claim: Claim, one: Shown) -> str:
    """One row of the page."""
    commands = "<br>".join(f"`{command.replace('|', chr(92) + '|')}`" for command in claim.commands)
    return f"| {claim.says} | {commands} | {one.figure} | {one.seconds:.0f} |"


def processor() -> str:
    """The name of the processor, where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
