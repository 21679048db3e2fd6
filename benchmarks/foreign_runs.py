"""Change run folders in every way that a stranger might, with a manifest that fits, and use them.

Each is used as people use it, or refused by a sentence under 300 characters; nothing else.
"""

import argparse
import faulthandler
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

import unroll
from unroll.errors import UserError
from unroll.saved_files import MANIFEST, sha256
from unroll.training.files import as_json

RUNS = Path(__file__).parents[1] / "tests" / "fixtures" / "runs"
SECONDS = 20  # that the use of a run may take
MEMORY = 12 << 30  # bytes of addresses; much more is asked for where a size is believed
LONGEST_SENTENCE = 300
OPTIONAL = {"caption": "PIL", "frames": "PIL", "music-midi": "mido", "transcribe": "soundfile"}
ODD = [
    None, True, False, 0, 1, -1, 2, 3, 7, 0.5, -0.5, 1e-300, 1e300, float("nan"), float("inf"),
    1 << 31, 1 << 40, 1 << 70, 10**18, "", "x", "0", "nan", "../x", "a\0b", "\ud800", "é" * 300, [],
    {}, [[]], [None], ["a", "a"], [0], [1, 2, 3], {"a": 1}, {"": []}, "word", "char", "bpe", "gru",
]  # fmt: skip


class TookTooLong(Exception):
    """A run whose use does not end."""


def places(value, at=()):
    """The path of every value in JSON."""
    yield at
    if isinstance(value, (dict, list)):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*at, name))


def changed_json(content, chance):
    """JSON with one value changed, missing or added; or other JSON; or no JSON."""
    value = json.loads(content.decode("utf-8", "surrogatepass"))
    kind = chance.random()
    if kind < 0.04:
        return chance.choice(
            [b"[" * 100_000, b'{"a":' * 100_000, b"", b"null", b"[]", b"5", b"\xff"]
        )
    if kind < 0.1:
        return changed_bytes(content, chance)
    # short lists are as likely as long ones
    at = chance.choice(list(places(value)))
    while len(at) > 1 and chance.random() < 0.3:
        at = at[:-1]
    place = value
    for name in at[:-1]:
        place = place[name]
    if not at:
        value = chance.choice(ODD)
    elif kind < 0.25:
        del place[at[-1]]
    elif kind < 0.35 and isinstance(place, list):
        place.insert(at[-1], chance.choice([*ODD, *place]))
    elif kind < 0.35:
        place[chance.choice(["", "x", "more", "held_out"])] = chance.choice(ODD)
    elif kind < 0.5 and isinstance(place[at[-1]], (int, float)):
        place[at[-1]] = place[at[-1]] * chance.choice([-1, 2, 10, 1000]) + chance.choice([0, 1])
    else:
        place[at[-1]] = chance.choice(ODD)
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def changed_tensors(content, chance):
    """Tensors with one changed, missing, added; or other bytes."""
    if chance.random() < 0.15:
        return changed_bytes(content, chance)
    tensors = load_tensors(content)
    name = chance.choice(list(tensors))
    tensor = tensors.pop(name)
    kind = chance.randrange(8)
    if kind == 1:
        tensors[chance.choice(["x", "optimizer.0.step", "optimizer.9.exp_avg", "state.0"])] = tensor
    elif kind == 2:
        tensors[name] = tensor.flatten()[: max(1, tensor.numel() // 2)].clone()
    elif kind == 3:
        tensors[name] = torch.full_like(tensor, chance.choice([0, 1, 3, 100]))
    elif kind == 4 and tensor.is_floating_point():
        tensors[name] = torch.full_like(tensor, chance.choice([torch.nan, torch.inf, 1e30]))
    elif kind == 5:
        kinds = [torch.float64, torch.float16, torch.int32, torch.uint8, torch.bool]
        tensors[name] = tensor.to(chance.choice(kinds))
    elif kind == 6:
        tensors[name] = -tensor if tensor.is_floating_point() else tensor.flatten()
    elif kind == 7:
        tensors[name] = tensor[None].clone()
    return save_tensors(tensors)


def changed_bytes(content, chance):
    """Bytes cut off, or some of them changed."""
    if chance.random() < 0.3 or not content:
        return content[: chance.randrange(len(content) + 1)]
    data = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] = chance.choice([0, 10, 34, 91, 123, 255, 65])
    return bytes(data)


def change(run, chance):
    """Change one file of a run or of a checkpoint, and its manifest; the name of the file."""
    files = [
        path for path in sorted(run.rglob("*"))
        if path.suffix in (".json", ".safetensors") and path.name != "result.json"
    ]  # fmt: skip
    path = chance.choice(files)
    how = changed_tensors if path.suffix == ".safetensors" else changed_json
    path.write_bytes(how(path.read_bytes(), chance))
    if path.name != MANIFEST:
        manifest = json.loads((path.parent / MANIFEST).read_bytes())
        manifest[path.name] = sha256(path)
        (path.parent / MANIFEST).write_bytes(as_json(manifest))
    return path.relative_to(run)


def use(run, expected, data, resumed):
    """What people do with a run: predict, evaluate, go on training."""
    loaded = unroll.load(run, trust_code=expected["trust_code"])
    with unroll.backend("loop"):
        for call in expected["calls"]:
            result = getattr(loaded, call["call"])(*call["arguments"], **call["keywords"])
            if call["call"] == "predict_file":
                list(result)
        loaded.evaluate(data)
        loaded.result()
        loaded.usage()
        if resumed:
            unroll.train(data, run, resume=True, quiet=True, steps=resumed["steps"])


def outcome(name, seed):
    """Change the run of this name, use it, and tell what came: "used", "refused" or a traceback."""
    chance = random.Random(f"{name} {seed}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "copy"
        shutil.copytree(RUNS / name, place)
        expected = json.loads((place / "expected.json").read_text())
        file = change(place / "run", chance)
        before = Path.cwd()
        os.chdir(place)
        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(SECONDS)
        try:
            use(
                "run", expected, expected["data"], chance.random() < 0.5 and expected.get("resumed")
            )
            return file, "used"
        except UserError as error:
            fits = len(str(error)) <= LONGEST_SENTENCE
            return file, "refused" if fits else f"{len(str(error))} characters: {error}"
        except BaseException:
            return file, traceback.format_exc()
        finally:
            signal.alarm(0)
            os.chdir(before)


def too_long(number, frame):
    """Take the signal of the clock."""
    raise TookTooLong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=200, help="of each run")
    parser.add_argument("--seed", type=int, default=0, help="of the first mutation")
    parser.add_argument("--runs", nargs="*", default=None, help="names in tests/fixtures/runs")
    args = parser.parse_args()
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    names = args.runs or sorted(path.parent.name for path in RUNS.glob("*/expected.json"))
    counts, faults = Counter(), 0
    for name in names:
        for seed in range(args.seed, args.seed + args.mutations):
            file, what = outcome(name, seed)
            counts[what if what in ("used", "refused") else "fault"] += 1
            if what not in ("used", "refused"):
                faults += 1
                print(f"{name} {seed} {file}: {what}", flush=True)
    print(", ".join(f"{what} {count:,}" for what, count in counts.items()))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
