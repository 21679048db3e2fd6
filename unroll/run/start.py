"""A run from its first step, or from where it stopped, to the end of its budget."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import torch

from unroll.data.corpus import Corpus
from unroll.data.encoded import head
from unroll.data.vocabularies import load_vocabulary
from unroll.engine.backends import backend as use_backend
from unroll.engine.backends import wanted
from unroll.errors import UserError
from unroll.layers.explain import chosen_backends
from unroll.run.cell import as_recorded, given_cell, recorded_cell, try_own
from unroll.run.use import Run, check_needed, checked_device
from unroll.run.words import BUDGETS, header, trust_flag, verdict
from unroll.settings import LanguageSettings, settings_from
from unroll.tasks import language
from unroll.training.budget import Budget
from unroll.training.card import model_card
from unroll.training.checkpoint import pack
from unroll.training.files import Damaged, as_json, check_folder
from unroll.training.folder import FORMAT, RunFolder
from unroll.training.interrupt import Interrupt
from unroll.training.loop import Trainer
from unroll.training.report import QuietReport, Report, Watch, make_report
from unroll.training.threads import choose_threads
from unroll.version import __version__

# what a resumed run may change; everything else is as the run recorded it
FREE = {
    "seconds",
    "steps",
    "epochs",
    "device",
    "evaluate_every",
    "checkpoint_every",
    "keep_checkpoints",
    "patience",
}

LONG_READING = 16_000_000  # bytes


def train(
    data: str | Path,
    out: str | Path | None = None,
    *,
    task: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    trust_code: bool = False,
    quiet: bool = False,
    report: Report | None = None,
    **settings: Any,
) -> Run:
    """Train a recurrent language model on a text, into a run folder.

    When to use it: `run = unroll.train("poems.txt", seconds=90)`, then `run.generate("O rose")`.

    Args:
        data: a text: a file, a .gz, a folder, a .jsonl, or "-" for standard input.
        out: the run folder. None: runs/NAME, with a number where that exists.
        task: "language"; None: guessed from the file.
        resume: go on with the run in `out`. overwrite: start it anew.
        trust_code: on resuming, whether a cell of the user's own in the run folder may be run.
        quiet: say nothing.
        report: who says how it goes. None: a live display on a terminal, else plain lines.
        settings: any field of `unroll.settings.LanguageSettings`: seconds (to add), steps or epochs
            (totals of the run), level, cell, layers, hidden, seed, ...

    returns: the run, with its best weights.
    Raises: UserError, in a sentence, for data, settings or folders that cannot be used.

    Example:
        >>> import unroll
        >>> from pathlib import Path
        >>> _ = Path("rose.txt").write_text("a rose is a rose is a rose. " * 200)
        >>> run = unroll.train("rose.txt", steps=20, hidden=16)
        >>> run.path.name
        'rose'
    """
    settings = {k: v for k, v in settings.items() if v is not None}
    if task not in (None, language.NAME):
        raise UserError(f"--task got {task!r}; this version knows {language.NAME}.")
    if resume and overwrite:
        raise UserError("--resume and --overwrite are both given; expected one of them.")
    if quiet:
        report = QuietReport()
    if not resume:
        path = None if out is None else Path(out)
        return _fresh(str(data), path, task, overwrite, settings, report)
    if out is None:
        raise UserError("--resume goes on with a run; name its folder by --out.")
    return _resumed(str(data), Path(out), settings, report, trust_code)


def _fresh(
    data: str,
    out: Path | None,
    task: str | None,
    overwrite: bool,
    values: dict[str, Any],
    report: Report | None,
) -> Run:
    settings = settings_from(LanguageSettings, values)
    settings = settings.model_copy(update={"backend": wanted(settings.backend)})
    device = checked_device(settings.device)
    known = language.guess(data, settings.per_line)
    if task is None and Path(data).is_file() and known is None:
        raise UserError(
            f"{data} does not look like the data of a task; expected {', '.join(language.SUFFIXES)}, "
            "a folder of texts, - for standard input, or with --per-line a .tsv or .csv. To read it "
            "as a text all the same: --task language."
        )
    path = out if out is not None else free_folder(data)
    if path.exists() and not overwrite:
        RunFolder.create(path, {}, overwrite)  # refuses, before anything long is done
    cell = given_cell(settings)  # before a long text is read
    settings = settings.model_copy(update={"cell": cell.word})
    settings = language.resolve_sizes(settings, cell.make)
    try_own(cell, settings.embedding or 1, settings.hidden or 1)
    report = report or make_report("tokens")
    say_long_reading(data, report)
    corpus = language.read(data, settings)
    settings = language.resolve(settings, corpus)

    torch.manual_seed(settings.seed)
    network = language.model(settings, corpus.vocabulary, corpus.categories, cell.make).to(device)
    with use_backend(settings.backend):
        ran = set(chosen_backends(network))
    # one backend for all of the run, and for what resumes it: others round differently
    settings = settings.model_copy(update={"backend": ran.pop() if len(ran) == 1 else "auto"})
    with use_backend(settings.backend), Interrupt() as interrupt:
        work = language.work(network, corpus, settings, device)
        said_threads, settings = pick_threads(work, settings)
        torch.manual_seed(settings.seed)
        config = {
            "format": FORMAT,
            "unroll": __version__,
            "torch": torch.__version__,
            "task": language.NAME,
            "settings": settings.model_dump(mode="json"),
            "categories": corpus.categories,
            "data": {
                "path": str(Path(data).absolute()) if data != "-" else "-",
                "sha256": corpus.sha256,
                "characters": corpus.scan.characters,
                "held_out": corpus.held_out,
            },
        }
        folder = RunFolder.create(
            path,
            {
                "config.json": as_json(config),
                **baseline_files(corpus),
                "model.safetensors": pack(dict(network.state_dict())),
                "README.md": model_card(config, None).encode(),
                **corpus.vocabulary.files(),
                **cell.files,
            },
            overwrite,
        )
        for sentence in header(data, corpus, settings, network, said_threads, path):
            report.say(sentence)
        with folder.locked():
            trainer = Trainer(work, settings, folder, report)
            trainer.start()
            return finish(trainer, interrupt, folder, corpus, device, report)


def _resumed(
    data: str, out: Path, values: dict[str, Any], report: Report | None, trust_code: bool
) -> Run:
    folder = RunFolder.open(out)
    report = report or make_report("tokens")
    config = folder.config()
    check_needed(folder)
    recorded = settings_from(LanguageSettings, config["settings"])
    asked = settings_from(LanguageSettings, values)
    cell = recorded_cell(folder, recorded, trust_code)
    asked = asked.model_copy(update={"cell": as_recorded(asked.cell, cell)})
    for name in set(values) - FREE:
        if getattr(asked, name) != getattr(recorded, name):
            raise UserError(
                f"{out} was made with {name}={getattr(recorded, name)}; a resumed run keeps its "
                f"settings, and got {getattr(asked, name)}. Leave it out, or start a new run."
            )
    changes = {name: getattr(asked, name) for name in set(values) & FREE}
    if any(name in changes for name in BUDGETS):
        changes = {**dict.fromkeys(BUDGETS), **changes}
    settings = recorded.model_copy(update=changes)
    device = checked_device(settings.device)
    corpus = language.read(
        data, settings, vocabulary=load_vocabulary(out), categories=config["categories"]
    )
    if corpus.sha256 != config["data"]["sha256"]:
        raise UserError(
            f"{data} is not the text that {out} was trained on (its SHA-256 differs). Give the same "
            "text, or start a new run by another --out."
        )
    torch.set_num_threads(settings.threads or torch.get_num_threads())
    network = language.model(settings, corpus.vocabulary, corpus.categories, cell.make).to(device)
    with use_backend(settings.backend), folder.locked(), Interrupt() as interrupt:
        trainer = Trainer(
            language.work(network, corpus, settings, device), settings, folder, report
        )
        trainer.resume()
        refuse_nothing_to_do(trainer, settings, out)
        if settings.seconds is not None and not any(name in values for name in BUDGETS):
            # an interrupted run of so many seconds has what is left of them
            left = settings.seconds - trainer.progress.seconds
            settings = trainer.settings = settings.model_copy(update={"seconds": max(left, 1e-3)})
        try:
            check_folder(out, only={"baseline.safetensors"})
        except Damaged as damage:
            report.say(f"{damage}; the n-gram baseline is counted again.")
            folder.save(baseline_files(corpus))
        folder.update_config(settings={**config["settings"], **recorded_budget(trainer)})
        return finish(trainer, interrupt, folder, corpus, device, report)


def baseline_files(corpus: Corpus) -> dict[str, bytes]:
    """The counts of the n-gram model of the training text, as the run folder keeps them."""
    baseline = language.fit_baseline(corpus)
    arrays = {
        f"{name}.{k}": torch.from_numpy(array)
        for name in ("keys", "counts")
        for k, array in enumerate(getattr(baseline, name))
    }
    return {"baseline.safetensors": pack(arrays)}


def refuse_nothing_to_do(trainer: Trainer, settings: LanguageSettings, out: Path) -> None:
    """A resume with a budget that is used up already would look like success."""
    progress = trainer.progress
    budget = Budget.of(settings, trainer.work.per_epoch, progress.seconds)
    result = out / "result.json"  # not there: the run was killed between its last step and its end
    if budget.kind == "steps" and progress.step >= budget.total and result.exists():
        raise UserError(
            f"{out} is at step {progress.step} of {budget.total:g} already. Give a higher --steps "
            "or --epochs, or --seconds to add."
        )
    result.unlink(missing_ok=True)


def recorded_budget(trainer: Trainer) -> dict[str, Any]:
    """The budget as a total of the run, for its config."""
    budget = {name: getattr(trainer.settings, name) for name in BUDGETS}
    if budget["seconds"] is not None:
        budget["seconds"] += trainer.progress.seconds
    return budget


def finish(
    trainer: Trainer,
    interrupt: Interrupt,
    folder: RunFolder,
    corpus: Corpus,
    device: torch.device,
    report: Report,
) -> Run:
    """Train, say how it ended, write the model card, and hand over the run."""
    why = trainer.train(interrupt)
    progress = trainer.progress
    ends = {
        "done": "The budget is used",
        "early": f"Stopped early: no better for {progress.waited} evaluations",
    }
    report.say(
        f"{ends.get(why, f'Stopped by {why}')}, at step {progress.step} after "
        f"{progress.seconds:.0f} s."
    )
    run = Run(folder, device, trust_code=True)  # the cell of its own has just been run
    valid = head(corpus.valid, language.FINAL_TOKENS)
    watch = Watch("evaluating", report.say)
    result: dict[str, Any] = language.evaluate(run.model, valid, device, watch)
    result["baselines"] = language.baseline_figures(run.baseline(), valid)
    result["held_out"] = corpus.held_out
    result["steps"], result["seconds"] = progress.step, round(progress.seconds, 1)
    result["stopped_by"] = why
    folder.save(
        {
            "result.json": as_json(result),
            "README.md": model_card(run.config, result).encode(),
        }
    )
    for sentence in verdict(result, corpus.held_out):
        report.say(sentence)
    if why not in ends:
        data = shlex.quote(run.config["data"]["path"])
        report.say(
            f"Everything is saved. Go on: unroll train {data} --out {shlex.quote(str(folder.path))} "
            f"--resume{trust_flag(run.settings)}"
        )
    return run


def pick_threads(work: Any, settings: LanguageSettings) -> tuple[str, LanguageSettings]:
    """The threads asked for, or the fastest in a short timing that leaves no trace."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
        return f"{settings.threads} threads (as asked)", settings
    if settings.device != "cpu":
        return f"{torch.get_num_threads()} threads", settings

    batch = work.batch(0)

    def trial() -> None:
        loss, _ = work.loss(batch, None)
        loss.backward()
        work.model.zero_grad()

    threads, said = choose_threads(trial)
    return said, settings.model_copy(update={"threads": threads})


def say_long_reading(data: str, report: Report) -> None:
    """A word before a silence: a text of this size is read for more than two seconds."""
    path = Path(data)
    if path.is_file() and path.stat().st_size > LONG_READING:
        report.say(f"Reading {data} ({path.stat().st_size / 1e6:,.0f} MB), then encoding it once.")


def free_folder(data: str) -> Path:
    """runs/NAME, or runs/NAME-2 and so on where that is taken."""
    stem = "stdin" if data == "-" else Path(data).name.split(".")[0] or "run"
    path, number = Path("runs") / stem, 2
    while path.exists():
        path, number = Path("runs") / f"{stem}-{number}", number + 1
    return path
