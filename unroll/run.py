"""What a person does with a run, from Python: train, load, score, generate, evaluate."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from unroll.cells import CELLS
from unroll.data.corpus import Corpus, read_text
from unroll.data.table import find_columns
from unroll.data.text import text_source
from unroll.data.vocabulary import Vocabulary, load_vocabulary
from unroll.engine.backends import backend as use_backend
from unroll.errors import UserError
from unroll.layers import explain
from unroll.models.language import LanguageModel
from unroll.models.ngram import NGramModel
from unroll.settings import LanguageSettings, settings_from
from unroll.tasks import language
from unroll.training.card import model_card
from unroll.training.checkpoint import load_model, pack, sound_checkpoints
from unroll.training.files import Damaged, as_json, check_folder
from unroll.training.folder import FORMAT, RunFolder
from unroll.training.loop import Trainer
from unroll.training.report import Report, make_report
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
BUDGETS = ("seconds", "steps", "epochs")


def train(
    data: str | Path,
    out: str | Path | None = None,
    *,
    task: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
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
    if not resume:
        path = None if out is None else Path(out)
        return _fresh(str(data), path, task, overwrite, settings, report)
    if out is None:
        raise UserError("--resume goes on with a run; name its folder by --out.")
    return _resumed(str(data), Path(out), settings, report)


def load(path: str | Path, device: str = "cpu") -> Run:
    """Load a run folder, wherever it was moved, with its best weights.

    Raises: UserError where it is not a run, or nothing in it is whole.
    """
    return Run(RunFolder.open(Path(path)), checked_device(device))


class Run:
    """A trained language model with its folder.

    Attributes:
        path: the run folder. settings: what it was trained with. model: the network, on its device.
        vocabulary: text to ids and back. said: sentences about damage that was worked around.
    """

    def __init__(self, folder: RunFolder, device: torch.device) -> None:
        self.folder, self.device = folder, device
        self.config = folder.config()
        if self.config.get("task") != language.NAME:
            raise UserError(
                f"{folder.path} is a run of the task {self.config.get('task')!r}; this version knows "
                f"{language.NAME}."
            )
        self.settings = settings_from(LanguageSettings, self.config["settings"])
        self.categories: list[str] = self.config["categories"]
        self.said: list[str] = []
        try:
            folder.check(but={"model.safetensors"})
            self.vocabulary: Vocabulary = load_vocabulary(folder.path)
        except (Damaged, OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"The run {folder.path} is damaged: {error}. Restore the file from a copy."
            ) from error
        self.model: LanguageModel = language.model(self.settings, self.vocabulary, self.categories)
        self._load_weights()
        self.model.to(device).eval()

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    def score(self, text: str, condition: str | None = None) -> dict[str, Any]:
        """The log-probability of a text (nats), per token, its perplexity, and what is unknown in it.

        condition: the category, for runs that were trained with one.
        """
        return language.score(
            self.model,
            self.vocabulary,
            text,
            per_line=self.settings.per_line,
            category=self._category(condition),
        )

    def next(self, text: str, top: int = 10, condition: str | None = None) -> list[dict[str, Any]]:
        """The likeliest next tokens after a text, with their probabilities."""
        return language.next_tokens(
            self.model,
            self.vocabulary,
            text,
            top,
            per_line=self.settings.per_line,
            category=self._category(condition),
        )

    def generate(self, prompt: str = "", length: int = 400, **sampling: Any) -> str:
        """The prompt and what follows it.

        sampling: temperature, top_k, top_p, seed, condition, unknown; see `stream`.
        """
        return prompt + "".join(self.stream(prompt, length, **sampling))

    def stream(
        self,
        prompt: str = "",
        length: int = 400,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        condition: str | None = None,
        unknown: bool = False,
    ) -> Iterator[str]:
        """What follows the prompt, piece by piece, at most `length` tokens.

        temperature: 0 always the likeliest, 1 as learned. top_k: only the k likeliest; 0: all.
        top_p: only the fewest that reach this probability. seed: the same seed, the same text.
        condition: the category. unknown: whether <unk> may come.
        """
        return language.generate(
            self.model,
            self.vocabulary,
            prompt,
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            per_line=self.settings.per_line,
            category=self._category(condition),
            unknown=unknown,
        )

    def evaluate(self, data: str | Path) -> dict[str, Any]:
        """The figures of a text, beside those of the n-gram baselines: `nats_per_token`,
        `bits_per_character`, `perplexity`, `tokens`, `unknown_rate`, and `baselines`."""
        columns = None
        if self.settings.condition is not None:
            columns = find_columns(text_source(data), self.settings.condition, self.settings.text)
        encoded = read_text(
            data,
            self.vocabulary,
            field=self.settings.text or "text",
            columns=columns,
            per_line=self.settings.per_line,
            categories=self.categories,
        )
        found = language.evaluate(self.model, encoded, self.device)
        return {**found, "baselines": language.baseline_figures(self.baseline(), encoded)}

    def baseline(self) -> NGramModel:
        """The n-gram model of the training text."""
        arrays = {k: t.numpy() for k, t in load_file(self.path / "baseline.safetensors").items()}
        orders = range(len(arrays) // 2)
        return NGramModel(
            len(self.vocabulary),
            tuple(arrays[f"keys.{k}"] for k in orders),
            tuple(arrays[f"counts.{k}"] for k in orders),
        )

    def result(self) -> dict[str, Any]:
        """The held-out figures of the finished run, as `result.json` holds them; empty before."""
        path = self.path / "result.json"
        return json.loads(path.read_bytes()) if path.exists() else {}

    def explain(self) -> str:
        """Which backend runs each part of the model, and why."""
        return explain(self.model)

    def _category(self, condition: str | None) -> int | None:
        if not self.categories:
            if condition is not None:
                raise UserError(
                    f"--condition got {condition!r}, but this run was trained without a condition. "
                    "Leave it out."
                )
            return None
        if condition not in self.categories:
            shown = ", ".join(self.categories[:30])
            raise UserError(
                f"--condition got {condition!r}; this run knows {shown}. Choose one of them."
            )
        return self.categories.index(condition)

    def _load_weights(self) -> None:
        """The best weights, or those of the newest whole checkpoint, which is then said."""
        try:
            check_folder(self.path, only={"model.safetensors"})
            load_model(self.path / "model.safetensors", self.model)
            return
        except Damaged as damage:
            trouble = str(damage)
        for folder in sound_checkpoints(self.path, self.said):
            load_model(folder / "model.safetensors", self.model)
            self.said.insert(0, f"{trouble}. The weights of {folder.name} are used instead.")
            return
        raise UserError(f"The run {self.path} has no whole weights: {trouble}. Train it anew.")


def _fresh(
    data: str,
    out: Path | None,
    task: str | None,
    overwrite: bool,
    values: dict[str, Any],
    report: Report | None,
) -> Run:
    settings = settings_from(LanguageSettings, values)
    device = checked_device(settings.device)
    if settings.cell not in CELLS:  # before a long text is read
        raise UserError(f"--cell got {settings.cell!r}; the cells are {', '.join(CELLS)}.")
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
    corpus = language.read(data, settings)
    settings = language.resolve(settings, corpus)
    report = report or make_report("tokens")

    torch.manual_seed(settings.seed)
    network = language.model(settings, corpus.vocabulary, corpus.categories).to(device)
    with use_backend(settings.backend):
        work = language.work(network, corpus, settings, device)
        said_threads, settings = pick_threads(work, settings)
        torch.manual_seed(settings.seed)
        ran = "torch" if "torch backend" in explain(network) else "loop"
        settings = settings.model_copy(update={"backend": ran})
        baseline = language.fit_baseline(corpus)
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
        arrays = {
            f"{name}.{k}": torch.from_numpy(array)
            for name in ("keys", "counts")
            for k, array in enumerate(getattr(baseline, name))
        }
        folder = RunFolder.create(
            path,
            {
                "config.json": as_json(config),
                "baseline.safetensors": pack(arrays),
                "model.safetensors": pack(dict(network.state_dict())),
                "README.md": model_card(config, None).encode(),
                **corpus.vocabulary.files(),
            },
            overwrite,
        )
        for sentence in header(data, corpus, settings, network, said_threads, path):
            report.say(sentence)
        with folder.locked():
            trainer = Trainer(work, settings, folder, report)
            trainer.start()
            return finish(trainer, folder, corpus, device, report)


def _resumed(data: str, out: Path, values: dict[str, Any], report: Report | None) -> Run:
    folder = RunFolder.open(out)
    report = report or make_report("tokens")
    config = folder.config()
    recorded = settings_from(LanguageSettings, config["settings"])
    asked = settings_from(LanguageSettings, values)
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
    network = language.model(settings, corpus.vocabulary, corpus.categories).to(device)
    with use_backend(settings.backend), folder.locked():
        trainer = Trainer(
            language.work(network, corpus, settings, device), settings, folder, report
        )
        trainer.resume()
        if settings.seconds is not None and not any(name in values for name in BUDGETS):
            # an interrupted run of so many seconds has what is left of them
            left = settings.seconds - trainer.progress.seconds
            settings = trainer.settings = settings.model_copy(update={"seconds": max(left, 1e-3)})
        folder.update_config(settings={**config["settings"], **recorded_budget(trainer)})
        return finish(trainer, folder, corpus, device, report)


def recorded_budget(trainer: Trainer) -> dict[str, Any]:
    """The budget as a total of the run, for its config."""
    budget = {name: getattr(trainer.settings, name) for name in BUDGETS}
    if budget["seconds"] is not None:
        budget["seconds"] += trainer.progress.seconds
    return budget


def finish(
    trainer: Trainer, folder: RunFolder, corpus: Corpus, device: torch.device, report: Report
) -> Run:
    """Train, say how it ended, write the model card, and hand over the run."""
    why = trainer.train()
    progress = trainer.progress
    ends = {
        "done": "The budget is used",
        "early": f"Stopped early: no better for {progress.waited} evaluations",
    }
    report.say(
        f"{ends.get(why, f'Stopped by {why}')}, at step {progress.step} after "
        f"{progress.seconds:.0f} s."
    )
    run = Run(folder, device)
    result: dict[str, Any] = language.evaluate(run.model, corpus.valid, device)
    result["baselines"] = language.baseline_figures(run.baseline(), corpus.valid)
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
            "--resume"
        )
    return run


def verdict(result: dict[str, Any], held_out: str) -> list[str]:
    """The held-out figures beside the baselines', in words."""
    rows = {"this model": result, **result["baselines"]}
    width = max(map(len, rows))
    said = [f"Held out ({held_out}, {result['tokens']:,} tokens):"]
    for name, row in rows.items():
        said.append(
            f"  {name:{width}}  {row['bits_per_character']:.3f} bits per character   "
            f"{row['nats_per_token']:.4f} nats per token   perplexity {row['perplexity']:,.2f}"
        )
    return said


def header(
    data: str,
    corpus: Corpus,
    settings: LanguageSettings,
    network: LanguageModel,
    threads: str,
    path: Path,
) -> list[str]:
    """What was guessed and chosen, each with the flag that changes it."""
    token = {"char": "characters", "word": "words", "bpe": "pieces of words"}[settings.level]
    parameters = sum(p.numel() for p in network.parameters())
    said = [
        f"{corpus.source.name}: {corpus.scan.characters:,} characters, read as a text to model "
        f"(--task language); tokens are {token} (--level), {len(corpus.vocabulary):,} of them, "
        f"{corpus.train.tokens:,} to learn from.",
        f"Held out: {corpus.held_out}, {corpus.valid.tokens:,} tokens (--valid FILE); unknown: "
        f"{corpus.valid.unknown_rate:.2%} there, {corpus.train.unknown_rate:.2%} in training.",
    ]
    if settings.level == "word":
        split = getattr(corpus.vocabulary, "split", "")
        said.append(f"Words are cut at {split} (--set split=spaces|punctuation); {UNKNOWN_WORDS}.")
    if corpus.categories:
        said.append(
            f"{len(corpus.categories)} categories: {', '.join(corpus.categories[:12])}"
            f"{', ...' if len(corpus.categories) > 12 else ''}."
        )
    if settings.per_line:
        stream = f"{settings.batch_size} lines a step, each its own sequence"
    else:
        carried = "carried from block to block" if settings.state == "carry" else "reset each block"
        stream = (
            f"{settings.batch_size} streams, blocks of {settings.block} steps, state {carried} "
            "(--state carry|reset)"
        )
    budget = next(
        (f"{getattr(settings, n):g} {n}" for n in BUDGETS if getattr(settings, n) is not None),
        "300 seconds (--seconds, --steps or --epochs)",
    )
    said += [
        f"Model: {settings.cell} {settings.layers}x{settings.hidden} (--cell --layers --hidden), "
        f"embedding {settings.embedding}{' tied' if settings.tie else ''}, locked dropout "
        f"{settings.dropout:g}, {parameters:,} parameters; {network.initialised}.",
        f"Training: {budget}, {settings.optimizer}, learning rate {settings.learning_rate:g}, "
        f"{settings.schedule}; {stream}.",
        f"Runs on {settings.device}, {threads}, {settings.backend} backend, seed {settings.seed}.",
        f"Run folder: {path}",
    ]
    return said


UNKNOWN_WORDS = "rare words are <unk> (--set min_count=N or vocabulary_size=N)"


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


def checked_device(name: str) -> torch.device:
    """The device, if it is there.

    Raises: UserError where it is not, with what is.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        there = ["cpu"]
        there += [f"cuda:{k}" for k in range(torch.cuda.device_count())]
        there += ["mps"] if torch.backends.mps.is_available() else []
        raise UserError(
            f"--device got {name!r}, which this machine has not; it has {', '.join(there)}."
        ) from error
    return device


def free_folder(data: str) -> Path:
    """runs/NAME, or runs/NAME-2 and so on where that is taken."""
    stem = "stdin" if data == "-" else Path(data).name.split(".")[0] or "run"
    path, number = Path("runs") / stem, 2
    while path.exists():
        path, number = Path("runs") / f"{stem}-{number}", number + 1
    return path
