"""Run PyTorch's own expectations against the layers on one backend, and judge what comes out.

    suite.py RUN_TORCH_RNN_SUITE.py {auto,loop,cpu}

As a user gets the layers (auto), all must pass. A backend that was named must pass every group that
compares numbers: what may differ is how torch words an error and what it refuses (no steps at all),
and it may refuse what it does not compute, only in the groups below and only with the reason.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

CLASSES = [f"unroll.{c}" for c in ("RNN", "LSTM", "GRU")]
CELLS = [f"{c}Cell" for c in CLASSES]
WORDS = ("error-message", "error-type", "empty")
# torch.jit.trace has no place for a Python loop over a cell, and says so
SCRIPT = "The stateless API can't be used with Jitted modules"
REFUSES = {
    "loop": {"compile": (SCRIPT,)},
    "cpu": {
        "autocast-bf16": ("its kernels do not follow autocast",),
        "compile": ("its kernels cannot be traced by", SCRIPT),
        "func": ("its kernels cannot be transformed by torch.func",),
        "half-types": ("its kernels compute in float32 or float64, not in ",),
        "meta-and-fake": ("its kernels run on the CPU, not on ", "its kernels take plain tensors"),
    },
}
# The check ends without destroying its process group. A thread of gloo's that then lets go of a
# tensor while Python shuts down ends the process, with whatever layers, after all was computed
# (https://github.com/pytorch/pytorch/issues/190489): such a check is run again.
RACES = {"ddp-gloo-2": "terminate called without an active exception"}
TRIES = 3


def run(suite: str, backend: str, *options: str) -> dict[str, list[str]]:
    """The result of every check, by its name."""
    environment = os.environ | ({} if backend == "auto" else {"UNROLL_BACKEND": backend})
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        command = [sys.executable, suite, *CLASSES, "--cells", *CELLS, "--json", str(results)]
        output = subprocess.run(
            [*command, *options], env=environment, stdout=subprocess.PIPE, text=True
        ).stdout
        if not results.exists():
            sys.exit(f"The suite wrote no results. It printed:\n{output}")
        return dict(json.loads(results.read_text())["results"])


def raced(name: str, result: list[str]) -> bool:
    status, message = result
    return status == "fail" and RACES.get(name.split("[")[0], "\0") in message


suite, backend = sys.argv[1:]
results = run(suite, backend)
for _ in range(TRIES - 1):
    for group in {n.split("[")[0] for n, r in results.items() if raced(n, r)}:
        print(f"{group} was ended while Python shut down, and is run again")
        results |= run(suite, backend, "--only", group)

refusals = REFUSES.get(backend, {})
count: Counter[str] = Counter()
for name, (status, message) in results.items():
    group = name.split("[")[0]
    if backend != "auto" and group in WORDS:
        continue
    if status == "fail" and any(reason in message for reason in refusals.get(group, ())):
        status = "refused"
    if status == "fail":
        print(f"FAILED {name}: {message}")
    count[status] += 1
refused = f"{count['refused']} refused with the reason, " if count["refused"] else ""
print(
    f"{backend}: {count['pass']} passed, {refused}{count['fail']} failed, {count['skip']} skipped"
)
sys.exit(bool(count["fail"]) or not count["pass"])
