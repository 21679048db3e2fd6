"""What `--seconds S` takes, and what part of it goes into training steps, in each task.

    python -m benchmarks.budget_shares --seconds 60 [TASK ...]

A line per task: seconds asked, of the whole command (with the start of Python and torch), of the processor,
and of the run as `result.json` records them: where they went, and the shares of the run outside training
steps, without and with the simple model's fits among them. Data is small, and its tables are written into
a folder that goes again.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.first_try.row import children_seconds, run_unroll

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
MOST_ROWS = 3000


def first_rows(path: Path, out: Path, rows: int) -> str:
    """The first lines of a file as a file of their own."""
    with path.open(encoding="utf-8") as file:
        out.write_text("".join(line for _, line in zip(range(rows), file, strict=False)))
    return str(out)


def table_of_recordings(folder: Path) -> str:
    """Recordings of spoken digits with their words."""
    words = "zero one two three four five six seven eight nine".split()
    paths = sorted((DATA / "speech/free_spoken_digits/recordings").glob("*.wav"))
    rows = [(str(path), words[int(path.name[0])]) for path in paths[:1000]]
    return write_table(folder / "digits.csv", ("audio", "text"), rows)


def table_of_captions(folder: Path) -> str:
    """Images with captions."""
    source = DATA / "image_captioning/nlvr"
    with (source / "captions_train.tsv").open(encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file][1:MOST_ROWS]
    rows = [(str(source / image), caption) for image, caption, *_ in lines]
    return write_table(folder / "captions.csv", ("image", "caption"), rows)


def table_of_clips(folder: Path) -> str:
    """Clips of sprites with their actions."""
    source = DATA / "video/lpc_sprites"
    with (source / "labels.csv").open(newline="", encoding="utf-8") as file:
        names, *lines = csv.reader(file)
    clip, label = 0, names.index("action") if "action" in names else len(names) - 1
    rows = [(str(source / row[clip]), row[label]) for row in lines[:MOST_ROWS]]
    return write_table(folder / "clips.csv", ("clip", "label"), rows)


def write_table(path: Path, names: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table of CSV. Returns its path."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])
    return str(path)


def book(folder: Path) -> str:
    """A text of 158,000 characters."""
    text = (DATA / "char_lm/tinyshakespeare/input.txt").read_text()
    (folder / "book.txt").write_text(text[:158_000])
    return str(folder / "book.txt")


def pairs(folder: Path) -> str:
    """Sentences in two languages."""
    return first_rows(DATA / "translation/tatoeba_eng_fra/train.txt", folder / "pairs.tsv", 20_000)


TASKS: dict[str, Callable[[Path], str]] = {
    "language": book,
    "classify": lambda folder: str(DATA / "text_classification/banking77/train.csv"),
    "tag": lambda folder: str(DATA / "tagging/wnut17_ner/wnut17train.conll"),
    "forecast": lambda folder: str(DATA / "time_series/seattle_weather/seattle-weather.csv"),
    "translate": pairs,
    "transcribe": table_of_recordings,
    "caption": table_of_captions,
    "frames": table_of_clips,
    "music": lambda folder: str(DATA / "music/nottingham/ABC_cleaned"),
}
COLUMNS = {"forecast": ["--target", "temp_max"]}


def measure(task: str, seconds: float, options: list[str]) -> dict[str, object]:
    """Train one task for so many seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = ["train", task, TASKS[task](folder), "--out", "run", "--seconds", str(seconds)]
        words += COLUMNS.get(task, [])
        begun, used = time.perf_counter(), children_seconds()
        run_unroll([*words, "--quiet", *options], folder)
        whole, used = time.perf_counter() - begun, children_seconds() - used
        result = json.loads((folder / "run" / "result.json").read_text())
    return {
        "task": task,
        "asked": seconds,
        "command": round(whole, 1),
        "processor": round(used, 1),
        **result["time"],
        "steps_taken": result["steps"],
        "refit_steps": result.get("refit", {}).get("steps", 0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What --seconds S takes, task by task.")
    parser.add_argument("tasks", nargs="*", help="default: all of them")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--options", default="", help="further words of unroll train")
    arguments = parser.parse_args()
    for task in arguments.tasks or TASKS:
        print(json.dumps(measure(task, arguments.seconds, arguments.options.split())), flush=True)


if __name__ == "__main__":
    main()
