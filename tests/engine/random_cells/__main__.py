"""The command: compares a backend with the loop on many random cells."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

import torch

import unroll

from .comparison import build_together, compare, source_of, unavailable
from .writer import random_cell


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare a backend with the loop on random cells.")
    parser.add_argument("--count", type=int, default=100, help="how many cells")
    parser.add_argument("--start", type=int, default=0, help="the seed of the first")
    parser.add_argument("--backend", default="cpu")
    parser.add_argument("--builds-of", type=int, default=20, help="cells built in one go")
    parser.add_argument("--cases", type=int, default=3, help="random calls of each cell")
    parser.add_argument("--float32", action="store_true", help="in single precision")
    parser.add_argument("--show", action="store_true", help="only print the steps")
    parser.add_argument("--threads", type=int, default=1, help="small cells gain nothing from more")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    seeds = range(asked.start, asked.start + asked.count)
    if asked.show:
        for seed in seeds:
            print(random_cell(seed).source, end="\n\n")
        return 0
    reason = unavailable(asked.backend)
    if reason is not None:
        print(f"{asked.backend} cannot run here: {reason}")
        return 1
    dtype = torch.float32 if asked.float32 else torch.float64
    failed: list[int] = []
    begun = time.perf_counter()
    for first in range(0, asked.count, asked.builds_of):
        group = seeds[first : first + asked.builds_of]
        cells = [random_cell(seed).to(dtype) for seed in group]
        try:
            build_together(cells, asked.backend)
        except Exception:  # the rest is still worth knowing, and shows which cell it was
            print(f"\nseeds {group[0]} to {group[-1]} could not be built in one go")
            traceback.print_exc(file=sys.stdout)
            failed.append(group[0])
        for seed, cell in zip(group, cells, strict=True):
            failed += [seed] * (not agrees(cell, seed, asked.backend, asked.cases, dtype))
        done, seconds = first + len(group), time.perf_counter() - begun
        failures = f"{len(set(failed))} failed"
        print(f"{done} of {asked.count} cells, {failures}, {seconds:.0f} s", flush=True)
    if failed:
        print("failing seeds:", *sorted(set(failed)))
    return 1 if failed else 0


def agrees(cell: unroll.Cell, seed: int, backend: str, cases: int, dtype: torch.dtype) -> bool:
    """Compares on some cases and prints the first that fails."""
    for case in range(cases):
        try:
            compare(cell, backend, seed=cases * seed + case, dtype=dtype)
        except AssertionError as error:
            print(f"\ncell {seed}: {error}", flush=True)
            return False
        except Exception:  # a crash of one cell is a failure of that cell, not of the run
            print(f"\ncell {seed}, case {cases * seed + case}:\n{source_of(cell)}")
            traceback.print_exc(file=sys.stdout)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
