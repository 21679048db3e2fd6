"""The Nottingham tunes in three files, as their SOURCE.md splits them.

    python benchmarks/nottingham.py ../shared/data/music/nottingham OUT

writes OUT/train.abc, OUT/valid.abc and OUT/test.abc: the tunes of all files in order of name, those
whose number ends in 9 to test, in 8 to valid; and the same of the MIDI files, as OUT/midi/train/...
"""

import argparse
import re
import shutil
from pathlib import Path

PARTS = {9: "test", 8: "valid"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    tunes = []
    for file in sorted((given.folder / "ABC_cleaned").glob("*.abc")):
        tunes += re.split(r"(?m)^(?=X:)", file.read_text())[1:]
    parts = {"train": [], "valid": [], "test": []}
    for number, tune in enumerate(tunes):
        parts[PARTS.get(number % 10, "train")].append(tune)
    given.out.mkdir(parents=True, exist_ok=True)
    for name, some in parts.items():
        (given.out / f"{name}.abc").write_text("".join(some))
        print(f"{name}.abc: {len(some)} tunes, {sum(map(len, some)):,} characters")
    for number, file in enumerate(sorted((given.folder / "MIDI" / "melody").glob("*.mid"))):
        folder = given.out / "midi" / PARTS.get(number % 10, "train")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder)


if __name__ == "__main__":
    main()
