"""`unroll data check` of a small file beside the import of what it needs, interleaved.

    python benchmarks/data_check.py              # a line a task, as JSON
    python benchmarks/data_check.py --rounds 9

Both are processes of their own: one imports the command and the task, the other checks a small valid
file. Seconds are the processor's, so that a busy machine counts for neither. The gate: the check exits
with 0 and counts every record.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.hostile.seeds import SEEDS

IMPORT = (
    "import unroll.cli, unroll.run.data_check; from unroll.tasks import load_task; load_task({!r})"
)


def seconds(words, folder):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done


def measure(name, rounds):
    """Medians of both, and of their differences within each round."""
    seed, times = SEEDS[name], {"import": [], "check": []}
    with tempfile.TemporaryDirectory() as folder:
        data = seed.make(Path(folder))
        sets = [
            word for key, value in seed.settings.items() for word in ("--set", f"{key}={value}")
        ]
        check = ["-m", "unroll", "data", "check", data, "--json", "--task", seed.task, *sets]
        for _ in range(rounds):
            code = ["-c", IMPORT.format(seed.task)]
            times["import"].append(seconds([sys.executable, *code], folder)[0])
            took, done = seconds([sys.executable, *check], folder)
            times["check"].append(took)
            if done.returncode or json.loads(done.stdout)[seed.counted] != seed.records:
                sys.exit(f"The gate is red: {name}: {done.stdout}{done.stderr}")
    more = [b - a for a, b in zip(*times.values(), strict=True)]
    medians = {key: round(statistics.median(values), 3) for key, values in times.items()}
    return {"reader": name, **medians, "more": round(statistics.median(more), 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for name in SEEDS:
        print(json.dumps(measure(name, rounds)), flush=True)


if __name__ == "__main__":
    main()
