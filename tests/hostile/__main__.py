"""Change valid inputs at random, and report every fault.

    python -m tests.hostile --count 10000                   # of each reader, on all cores
    python -m tests.hostile --reader clips --first 4711 --count 1 --keep folder

Prints one line a reader as JSON; exits with 1 where there was a fault.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from pathlib import Path

from tests.hostile.seeds import SEEDS
from tests.hostile.trials import run_trials


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--reader", choices=list(SEEDS), action="append", help="Default: all.")
    parser.add_argument("--count", type=int, default=200, help="Trials of each reader.")
    parser.add_argument("--first", type=int, default=0, help="Number of the first trial.")
    parser.add_argument("--keep", help="Folder for the changed files of the last trial.")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--show", type=int, default=3, help="Faults that are shown of each reader.")
    given = parser.parse_args()
    keep = given.keep and str(Path(given.keep).absolute())
    jobs = [(name, given.first, given.count, keep) for name in given.reader or SEEDS]
    bad = 0
    # a process a reader, so that nothing that one leaves behind changes the next
    with multiprocessing.get_context("spawn").Pool(given.workers, maxtasksperchild=1) as pool:
        for found in pool.imap_unordered(run_trials, jobs):
            faults = found.pop("faults")
            bad += len(faults)
            print(json.dumps({**found, "faults": len(faults)}), flush=True)
            for fault in faults[: given.show]:
                print(
                    f"  trial {fault['number']} ({fault['file']}):\n{fault['detail']}", flush=True
                )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
