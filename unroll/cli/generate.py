"""`unroll generate`: text or tunes that a model writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli.output import check_new, say, say_json, write_file
from unroll.cli.run_options import (
    AsJson,
    Condition,
    Device,
    Overwrite,
    RunPath,
    TrustCode,
    as_language_run,
    open_run,
    text_given,
)
from unroll.errors import UserError

if TYPE_CHECKING:
    from unroll.run import LanguageRun, MusicRun


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn, for texts and tunes alike.

    Attributes:
        temperature: 0 always takes the most likely token; 1 as learned.
        top_k: choose from so many of the most likely tokens; 0: from all.
        top_p: choose from the fewest tokens that reach this probability.
    """

    temperature: float
    top_k: int
    top_p: float


Length = Annotated[
    int | None,
    typer.Option(
        help="Tokens to add. Default: 400, or what makes a text as long as that of training, where that "
        "is shorter."
    ),
]
Temperature = Annotated[
    float,
    typer.Option(help="0 always the most likely token; 1 as learned; higher is more random."),
]
Greedy = Annotated[
    bool,
    typer.Option("--greedy", help="Always take the most likely token: --temperature 0."),
]


def generate(
    path: RunPath,
    prompt: Annotated[
        str, typer.Option(help="What the text starts with; - reads standard input.")
    ] = "",
    length: Length = None,
    temperature: Temperature = 1.0,
    greedy: Greedy = False,
    top_k: Annotated[
        int, typer.Option(help="Choose from the k most likely tokens; 0: from all.")
    ] = 0,
    top_p: Annotated[
        float, typer.Option(help="Choose from the fewest tokens that reach this probability.")
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same text.")] = None,
    count: Annotated[int, typer.Option(help="How many texts.")] = 1,
    unknown: Annotated[bool, typer.Option("--unknown", help="Allow <unk> (words).")] = False,
    condition: Condition = None,
    out: Annotated[
        str | None,
        typer.Option(help="Music: write there, .abc, .mid, .wav (sound) or .svg.", metavar="FILE"),
    ] = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = "cpu",
    trust_code: TrustCode = False,
) -> None:
    """Print texts or tunes that the model writes, as it writes them."""
    if count < 1:
        raise UserError(f"--count got {count}; expected at least 1.")
    run = open_run(path, device, trust_code)
    prompt = text_given(prompt)
    if device == "cpu":
        import torch

        torch.set_num_threads(1)  # a single step is too small to share
    from unroll.run import MusicRun

    sampling = Sampling(checked_temperature(temperature, greedy), top_k, top_p)
    seeds = [None if seed is None else seed + number for number in range(count)]
    if isinstance(run, MusicRun):
        if condition is not None or unknown:
            word = "--unknown" if condition is None else "--condition"
            raise UserError(f"{word} is for texts, and {path} writes tunes. Leave it out.")
        files = tune_files(out, count, overwrite)
        for drawn, file in zip(seeds, files, strict=True):
            write_tune(run, prompt, length, sampling, drawn, file, json)
        return
    texts = as_language_run(run, path)
    if out is not None:
        raise UserError(
            f"--out is for tunes, and {path} writes text. Leave it out, and use > FILE."
        )
    for drawn in seeds:
        pieces = stream_text(texts, prompt, length, sampling, drawn, condition, unknown)
        print_text(prompt, pieces, json)


def checked_temperature(temperature: float, greedy: bool) -> float:
    """The temperature: 0 where --greedy is given.

    Raises:
        UserError: where both are given and differ.
    """
    if greedy and temperature not in (0.0, 1.0):
        raise UserError(
            f"--greedy and --temperature {temperature:g} are both given; --greedy is --temperature 0. Leave "
            "one of them out."
        )
    return 0.0 if greedy else temperature


def stream_text(
    run: LanguageRun,
    prompt: str,
    length: int | None,
    sampling: Sampling,
    seed: int | None,
    condition: str | None,
    unknown: bool,
) -> Iterator[str]:
    """The pieces of a text as they are drawn."""
    return run.stream(
        prompt, length, **asdict(sampling), seed=seed, condition=condition, unknown=unknown
    )


def print_text(prompt: str, pieces: Iterator[str], json: bool) -> None:
    """Print a text piece by piece, or as an object with its prompt."""
    if json:
        text = prompt + "".join(pieces)
        say_json({"prompt": prompt, "text": text})
        return
    say(prompt, end="")
    for piece in pieces:
        say(piece, end="")
    say()


def tune_files(out: str | None, count: int, overwrite: bool) -> list[Path | None]:
    """Where each of so many tunes is written: --out, or of several NAME-1 and so on.

    Raises:
        UserError: for an ending that no tune is written as, or a file that exists.
    """
    if out is None:
        return [None] * count
    from unroll.tasks.music.run import check_ending

    path = Path(out)
    check_ending(path.suffix.lower())
    numbers = range(1, count + 1)
    files = [path.with_name(f"{path.stem}-{n}{path.suffix}") for n in numbers]
    files = files if count > 1 else [path]
    for file in files:
        check_new(file, overwrite)
    return [*files]


def write_tune(
    run: MusicRun,
    prompt: str,
    length: int | None,
    sampling: Sampling,
    seed: int | None,
    file: Path | None,
    json: bool,
) -> None:
    """Draw a tune, write it to its file, and print it or where it was written."""
    tune = run.generate(prompt, 400 if length is None else length, seed=seed, **asdict(sampling))
    if file is not None:
        write_file(file, run.render(tune, file.suffix.lower()))
    if json:
        record = {"prompt": prompt, "text": tune, "out": None if file is None else str(file)}
        say_json(record)
    elif file is None:
        say(tune)
    else:
        say(f"Written to {file}", err=True)
