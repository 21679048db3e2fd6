"""Write tables of the Free Spoken Digit Dataset: its own split, and splits by speaker.

    python benchmarks/spoken_digits.py RECORDINGS OUT
    unroll train OUT/train.csv --audio path --text words --seconds 300 --out runs/digits
    unroll eval runs/digits OUT/test.csv
    unroll train OUT/without_theo.csv --audio path --text words --seconds 300 --out runs/theo
    unroll eval runs/theo OUT/only_theo.csv

RECORDINGS holds files named digit_speaker_take.wav. The first five takes are the test set, as in the
README of the data set. without_NAME.csv has no recording of that speaker, only_NAME.csv no other.
"""

import argparse
import csv
from pathlib import Path

WORDS = "zero one two three four five six seven eight nine".split()
TEST_TAKES = 5


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recordings", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    rows = []
    for path in sorted(args.recordings.glob("*.wav")):
        digit, speaker, take = path.stem.split("_")
        rows.append((str(path.absolute()), WORDS[int(digit)], speaker, int(take)))
    args.out.mkdir(parents=True, exist_ok=True)
    write(args.out / "train.csv", [row for row in rows if row[3] >= TEST_TAKES])
    write(args.out / "test.csv", [row for row in rows if row[3] < TEST_TAKES])
    for name in sorted({row[2] for row in rows}):
        write(args.out / f"without_{name}.csv", [row for row in rows if row[2] != name])
        write(args.out / f"only_{name}.csv", [row for row in rows if row[2] == name])


def write(path, rows):
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "words", "speaker"])
        table.writerows(row[:3] for row in rows)
    print(f"{path}: {len(rows)} recordings")


if __name__ == "__main__":
    main()
