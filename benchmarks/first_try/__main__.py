"""What a user would try first, beside unroll with nothing set: same splits, one line of JSON a row.

    python -m benchmarks.first_try                                    # every row, default budgets
    python -m benchmarks.first_try --row banking77 --seconds 60 --seeds 1,2,3
    python -m benchmarks.first_try --list

The simple models are written with scikit-learn, statsmodels and the like, apart from unroll's own. A row
whose data or package is missing is skipped, and says what is missing.
"""

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks.first_try.row import printed

HERE = Path(__file__).parent


def all_rows():
    """Every row of every module of this folder, by name."""
    names = sorted(p.stem for p in HERE.glob("*.py") if p.stem not in ("row", "__main__"))
    modules = [importlib.import_module(f"benchmarks.first_try.{name}") for name in names]
    return {name: row for module in modules for name, row in module.ROWS.items()}


def main():
    rows = all_rows()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_try", description=__doc__)
    parser.add_argument("--row", choices=list(rows), action="append", help="Default: all.")
    parser.add_argument("--seconds", type=float, help="Budget of unroll. Default: its own.")
    parser.add_argument("--seeds", default="1", help="Seeds, such as 1,2,3.")
    parser.add_argument("--list", action="store_true", help="Print the names of the rows.")
    given = parser.parse_args()
    if given.list:
        print("\n".join(rows))
        return 0
    for name in given.row or rows:
        for seed in map(int, given.seeds.split(",")):
            try:
                row = rows[name](given.seconds, seed)
            except (ModuleNotFoundError, FileNotFoundError) as missing:
                print(f"{name} is skipped: {missing}", file=sys.stderr, flush=True)
                break
            print(printed(name, given.seconds, seed, row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
