"""`unroll score` and `unroll next`: what a language model expects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli.finding_options import Csv, Out, Png, Svg, given_flags, given_values
from unroll.cli.findings import checked_files, report_finding
from unroll.cli.output import say, say_json
from unroll.cli.run_options import (
    AsJson,
    Condition,
    Device,
    Overwrite,
    RunPath,
    TrustCode,
    open_language_run,
    text_given,
)
from unroll.counting import counted, ratio_in_words
from unroll.errors import UserError
from unroll.paths import refuse_impossible_path

if TYPE_CHECKING:
    from unroll.inspect.finding import Finding
    from unroll.run import LanguageRun


def score(
    path: RunPath,
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT]...",
            help="The text to score, or several to compare; - reads standard input.",
        ),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            help="Score each line of a file; - reads standard input.",
            metavar="FILE",
        ),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            help="Another run that scores the same texts; may be repeated.", metavar="RUN"
        ),
    ] = None,
    condition: Condition = None,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = "cpu",
    trust_code: TrustCode = False,
) -> None:
    """Print the log-probability of a text (nats), in all and per token, and its perplexity.

    Of several texts: which is likelier, by how much, and where they part.
    """
    texts = texts or []
    if bool(texts) == (file is not None):
        given = "both a text and --file" if texts else "neither a text nor --file"
        raise UserError(f"score got {given}; expected one of them.")
    if file is not None:
        refuse_impossible_path(file, "--file")
    pictures = {"--out": out, "--svg": svg, "--csv": csv, "--png": png}
    files = checked_files(pictures, overwrite)
    compares = len(texts) > 1 or bool(beside and texts)
    if not compares and (files or beside):
        flag = next(iter(files), "--beside")
        raise UserError(
            f"{flag} is for a comparison; expected several texts, or one text and --beside RUN."
        )
    run = open_language_run(path, device, trust_code)
    if compares:
        from unroll.inspect.scored_texts import scores_of_texts

        runs = [run, *(open_language_run(other, device, trust_code) for other in beside or [])]
        found = scores_of_texts(runs, [text_given(text) for text in texts], condition=condition)
        flags = given_flags(beside=beside, condition=condition)
        report_finding(found, ["unroll", "score", path, *texts, *flags], files, json, "scores.html")
        return
    if texts:
        print_score(run.score(text_given(texts[0]), condition), json, details=True)
        return
    score_file(run, str(file), condition, json)


def score_file(run: LanguageRun, file: str, condition: str | None, json: bool) -> None:
    """Print a score for each line of a file that is not blank."""
    from unroll.data.text import lines, text_source

    source, blank = text_source(file), 0
    for part in source.files:
        for number, line in enumerate(lines(part, source.name), 1):
            blank += not line
            if line:
                scored = {"line": number, **run.score(line, condition)}
                print_score(scored, json, details=False)
    if blank:
        lines_have = counted(blank, "blank line has", "blank lines have")
        say(f"{lines_have} no score.", err=True)


def print_score(scored: dict[str, Any], json: bool, details: bool) -> None:
    """Print what `LanguageRun.score` returned; details: a line for each token."""
    if json:
        say_json(scored)
        return
    total, perplexity = scored["log_probability"], scored["perplexity"]
    if not details:
        say(f"{total:12.4f}  {ratio_in_words(perplexity, 3):>10}  {scored['text']}")
        return
    for row in scored["tokens"]:
        p = row["log_probability"]
        say(f"{p:9.4f}  {math.exp(p):7.2%}  {visible(row['token'])}")
    say(
        f"log-probability {total:.4f} nats over {len(scored['tokens'])} tokens, "
        f"perplexity {ratio_in_words(perplexity, 3)}"
    )
    if scored["unknown"]:
        unknown = " ".join(scored["unknown"])
        say(f"Unknown to this run, scored as <unk>: {unknown}", err=True)


def next_tokens(
    path: RunPath,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="The text before; - reads standard input.")
    ],
    top: Annotated[int | None, typer.Option(help="How many to show. Default: 10.")] = None,
    temperature: Annotated[
        str | None,
        typer.Option(
            help="What is drawn at these, side by side: 0.5,1,2. 0 always the most likely token.",
            metavar="X,Y,...",
        ),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(help="Draw from the k most likely tokens alone.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw from the fewest tokens that reach this probability.")
    ] = None,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="Which word stands for ___ in TEXT, by both sides of it."),
    ] = False,
    condition: Condition = None,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = "cpu",
    trust_code: TrustCode = False,
) -> None:
    """Print the most likely next tokens after a text; with --temperature, what would be drawn."""
    pictures = {"--out": out, "--svg": svg, "--csv": csv, "--png": png}
    files = checked_files(pictures, overwrite)
    sampling = given_values(top=top, top_k=top_k, top_p=top_p, condition=condition)
    temperatures = None if temperature is None else numbers_of(temperature)
    draws = bool(temperatures) or top_k is not None or top_p is not None
    if missing and draws:
        raise UserError("--missing draws nothing; leave --temperature, --top-k and --top-p out.")
    run = open_language_run(path, device, trust_code)
    text = text_given(text)
    if missing or draws or files:
        found = (
            missing_of(run, text, sampling) if missing else drawn(run, text, temperatures, sampling)
        )
        flags = given_flags(missing=missing or None, temperature=temperature, **sampling)
        report_finding(found, ["unroll", "next", path, text, *flags], files, json, "next.html")
        return
    top = 10 if top is None else top
    tokens = run.next(text, top, condition)
    if json:
        say_json({"text": text, "next": tokens})
        return
    for row in tokens:
        bar = "█" * round(40 * row["probability"])
        say(f"{row['probability']:7.2%}  {visible(row['token']):12}  {bar}")


def drawn(
    run: LanguageRun, text: str, temperatures: list[float] | None, given: dict[str, Any]
) -> Finding:
    """What is drawn after a text at these temperatures. Default: as learned."""
    from unroll.inspect.next_tokens import next_of_run

    return next_of_run(run, text, temperatures=temperatures or [1.0], **given)


def missing_of(run: LanguageRun, text: str, given: dict[str, Any]) -> Finding:
    """The missing word of a text, with a line of progress every few seconds."""
    from unroll.inspect.missing_word import missing_word
    from unroll.training.report import ProgressLog

    log = ProgressLog("trying words", lambda line: say(line, err=True))
    return missing_word(run, text, progress=log, **given)


def numbers_of(text: str) -> list[float]:
    """The numbers between commas.

    Raises:
        UserError: where one is none.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise UserError(f"--temperature got {text!r}; expected numbers, as 0.5,1,2.") from error


def visible(token: str) -> str:
    """A token that can be seen: spaces and line ends as Python writes them."""
    return token if token.strip() == token and token.isprintable() and token else repr(token)
