"""Write tables of clips for `unroll train`, with the splits of ../shared/data/video/*/SOURCE.md.

    python benchmarks/clip_tables.py OUT
    unroll train OUT/sprites_train.csv --video clip --label action,direction --by character
    unroll train OUT/gestures_train.csv

Sprites: the characters of the test set are not in the training set. Gestures: rows are overlapping
windows sorted by label, so the last fifth of each label's rows is the test set. The rows of the
training set keep their order; the validation set of `unroll train` is three blocks of each label.
"""

import argparse
import csv
from pathlib import Path

DATA = Path(__file__).parents[2] / "shared" / "data" / "video"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="a folder")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    sprites(args.out)
    gestures(args.out)


def sprites(out):
    folder = DATA / "lpc_sprites"
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for part in ("train", "test"):
        own = [{**row, "clip": str(folder / row["clip"])} for row in rows if row["split"] == part]
        with (out / f"sprites_{part}.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(own)
        print(f"{out}/sprites_{part}.csv: {len(own)} clips")


def gestures(out):
    folder = DATA / "finger_gesture_history"
    rows = (folder / "point_history.csv").read_text().splitlines(keepends=True)
    parts = {"train": [], "test": []}
    for label in sorted({row.partition(",")[0] for row in rows}):
        own = [row for row in rows if row.partition(",")[0] == label]
        cut = len(own) - len(own) // 5
        parts["train"] += own[:cut]
        parts["test"] += own[cut:]
    for part, own in parts.items():
        (out / f"gestures_{part}.csv").write_text("".join(own))
        print(f"{out}/gestures_{part}.csv: {len(own)} clips")


if __name__ == "__main__":
    main()
