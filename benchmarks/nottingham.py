"""The Nottingham tunes as training, validation and test sets, as their SOURCE.md splits them.

    python benchmarks/nottingham.py ../shared/data/music/nottingham OUT

writes OUT/train.abc, OUT/valid.abc and OUT/test.abc: of the tunes of all files in the order of their
names, those whose number ends in 9 are for testing, in 8 for validation. MIDI files are split in the
same way into OUT/midi/train/..., OUT/midi/valid/... and OUT/midi/test/...
"""

import argparse
import re
import shutil
from pathlib import Path

PARTS = {9: "test", 8: "valid"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="the Nottingham data set")
    parser.add_argument("out", type=Path, help="where the files are written")
    given = parser.parse_args()
    tunes = []
    for file in sorted((given.folder / "ABC_cleaned").glob("*.abc")):
        tunes += re.split(r"(?m)^(?=X:)", file.read_text())[1:]
    parts = {"train": [], "valid": [], "test": []}
    for number, tune in enumerate(tunes):
        parts[PARTS.get(number % 10, "train")].append(tune)
    given.out.mkdir(parents=True, exist_ok=True)
    for name, own in parts.items():
        (given.out / f"{name}.abc").write_text("".join(own))
        print(f"{name}.abc: {len(own)} tunes, {sum(map(len, own)):,} characters")
    for number, file in enumerate(sorted((given.folder / "MIDI" / "melody").glob("*.mid"))):
        folder = given.out / "midi" / PARTS.get(number % 10, "train")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder)


if __name__ == "__main__":
    main()
