"""Read the suite's results: every group that compares numbers must have passed.

    numbers_only.py RESULTS.json [BACKEND]

What may differ is how torch words an error and what it refuses (no steps at all). A backend that
was named may also refuse what it does not compute: only in the groups below, and only with the
reason. Everything else that it was asked for it has computed, and that was compared.
"""

import json
import sys
from collections import Counter
from pathlib import Path

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

refusals = REFUSES[sys.argv[2] if len(sys.argv) > 2 else "loop"]
results = json.loads(Path(sys.argv[1]).read_text())["results"]
count, wrong = Counter(), {}
for name, (status, message) in results.items():
    group = name.split("[")[0]
    if group in WORDS:
        continue
    if status == "fail" and any(reason in message for reason in refusals.get(group, ())):
        status = "refused"
    if status == "fail":
        wrong[name] = message
    count[status] += 1
for name, message in wrong.items():
    print(f"FAILED {name}: {message}")
refused = f"{count['refused']} refused with the reason, " if count["refused"] else ""
print(f"{count['pass']} passed, {refused}{count['fail']} failed")
sys.exit(bool(wrong) or not count["pass"])
