"""Write lines of handwriting made of single digits; train on them and evaluate.

    python benchmarks/handwriting.py ../shared/data/sequential_image/mnist_10k OUT [--train]

Images of 3 to 7 digits side by side, dark on light, with gaps of 0 to 14 pixels, each with its
digits as text: OUT/lines_{train,valid,test}.csv. The three sets share no image of a digit: of 10,000
the first 8,000 are for training, the next 1,000 for validation, the last 1,000 for the test. The
same seed gives the same bytes. With --train the two printed commands are run: training, and one
evaluation of the test lines.
"""

import argparse
import csv
import gzip
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

PARTS = {"train": (0, 8000), "valid": (8000, 9000), "test": (9000, 10000)}
SIZE, FEWEST, MOST, WIDEST = 28, 3, 7, 14


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("digits", type=Path, help="the folder with the IDX files of MNIST")
    parser.add_argument("out", type=Path, help="folder for the images, the tables and the run")
    parser.add_argument("--lines", type=int, nargs=3, default=[8000, 500, 500], metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument(
        "--train", action="store_true", help="run the printed commands: training, then the test"
    )
    args = parser.parse_args()
    images, labels = read_digits(args.digits)
    for (part, (first, end)), count in zip(PARTS.items(), args.lines, strict=True):
        rng = np.random.default_rng([args.seed, first])
        write_part(args.out, part, images[first:end], labels[first:end], count, rng)
    run = args.out / "run"
    train = (
        f"unroll train {args.out}/lines_train.csv --image path --text text --task transcribe "
        f"--valid {args.out}/lines_valid.csv --seconds {args.seconds} --out {run}"
    )
    test = f"unroll eval {run} {args.out}/lines_test.csv --json"
    for command in (train, test):
        print(command, flush=True)
        if args.train:
            words = [sys.executable, "-m", *shlex.split(command)]
            subprocess.run(words, check=True)


def read_digits(folder):
    """Images [N, 28, 28] and labels [N] of the IDX files."""
    images = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, SIZE, SIZE)
    return pixels, np.frombuffer(labels, np.uint8, offset=8)


def write_part(out, part, images, labels, count, rng):
    """Write `count` lines of these digits; each image is used equally often, or once more."""
    folder = out / part
    folder.mkdir(parents=True, exist_ok=True)
    sizes = rng.integers(FEWEST, MOST + 1, count)
    rounds = -(-int(sizes.sum()) // len(images))
    order = iter(np.concatenate([rng.permutation(len(images)) for _ in range(rounds)]))
    rows = []
    for number, size in enumerate(sizes):
        chosen = [next(order) for _ in range(size)]
        name = f"{part}/{number:05}.png"
        Image.fromarray(255 - side_by_side(images[chosen], rng)).save(out / name)
        rows.append((name, "".join(str(labels[k]) for k in chosen)))
    with (out / f"lines_{part}.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("path", "text"), *rows])


def side_by_side(digits, rng):
    """One image of these digits, with gaps of 0 to 14 pixels before, between and after them."""
    gaps = rng.integers(0, WIDEST + 1, len(digits) + 1)
    parts = [np.zeros((SIZE, gaps[0]), np.uint8)]
    for digit, gap in zip(digits, gaps[1:], strict=True):
        parts += [digit, np.zeros((SIZE, gap), np.uint8)]
    return np.concatenate(parts, 1)


if __name__ == "__main__":
    main()
