"""Transcribe: the words of a sound, of a line of writing, or of the strokes of a pen.

many to many, unaligned: nobody says which frames are which word.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.counting import counted
from unroll.data.bucketed import longest_first
from unroll.data.problems import Problems
from unroll.data.split import count_shared, evenly_spread
from unroll.errors import UserError
from unroll.models.initialisation import initialise
from unroll.tasks.base import Log, MakeCell, Progress, Task, Trained
from unroll.tasks.transcribe.batches import Recordings, TranscribeBatch, TranscribeBatches, batch_of
from unroll.tasks.transcribe.ctc import Found, beam_search, greedy
from unroll.tasks.transcribe.description import as_read
from unroll.tasks.transcribe.inputs import files_at
from unroll.tasks.transcribe.language_scorer import check_level
from unroll.tasks.transcribe.live import Live
from unroll.tasks.transcribe.metrics import character_error_rate, word_error_rate
from unroll.tasks.transcribe.network import Transcriber
from unroll.tasks.transcribe.preprocessor import Perturbation, TranscribePreprocessor
from unroll.tasks.transcribe.reader import BAD, Transcribed, read_transcribed, surveyed, table_of
from unroll.tasks.transcribe.settings import IN_USE as IN_USE
from unroll.tasks.transcribe.settings import TranscribeSettings
from unroll.tasks.transcribe.transcript import as_answer
from unroll.training.budget import small_epochs
from unroll.training.folder import RunFolder, check_baseline
from unroll.training.objective import Objective, Work

BASELINE = "baseline.json"
WATCHED = 2000  # recordings that an evaluation during training reads at most
ROWS = 32  # of a batch that is only read


def resolve_sizes(settings: TranscribeSettings, make: MakeCell) -> TranscribeSettings:
    """The sizes that were left open; `make` is tried."""
    check_search(settings)  # refused before anything long is done
    if settings.language_model is not None:
        language_level(settings.language_model)
    hidden, embedding = settings.hidden or HIDDEN, settings.embedding or EMBEDDING
    width = embedding
    for _ in range(settings.layers):
        cell = make(width, hidden)
        initialise(cell, settings.initialisation)
        width = cell.output_size * (2 if settings.both_ways else 1)
    return settings.model_copy(update={"hidden": hidden, "embedding": embedding})


HIDDEN, EMBEDDING = 128, 128


def check_search(settings: TranscribeSettings) -> None:
    """Raises: UserError for settings of the search that do not fit together."""
    if settings.language_model is not None and settings.beam == 1:
        raise UserError(
            "language_model helps a beam, and beam=1 takes the likeliest each step. Log how wide it "
            "is: --set beam=16."
        )
    if settings.chunk and not settings.streaming:
        raise UserError(
            "chunk is for a run that streams, and this one hears the whole at once. Leave it out, or "
            "train one by --set streaming=true."
        )


def language_level(folder: str) -> str:
    """char, word or bpe: what the run of a language model is made of.

    Raises: UserError where it is none.
    """
    config = RunFolder.open(Path(folder)).config()
    if config["task"] != "language" or config["settings"]["condition"] is not None:
        kind = "language with conditions" if config["task"] == "language" else config["task"]
        raise UserError(
            f"--set language_model={folder} is a run of the task {kind}; expected one of the task "
            "language, without a condition."
        )
    return str(config["settings"]["level"])


def read(
    path: str, settings: TranscribeSettings, say: Log, preprocessor: Any = None
) -> Transcribed:
    """Recordings in two parts; tokens and scales are learned from the first alone."""
    return read_transcribed(path, settings, preprocessor, say=say)


def resolve(settings: TranscribeSettings, data: Transcribed) -> TranscribeSettings:
    """Every other setting that was left open; the columns by the names that were found."""
    table, preprocessor = data.table, data.preprocessor
    if settings.language_model is not None:
        check_level(language_level(settings.language_model), preprocessor.units == "word")
    frames = int(data.train.lengths.sum())
    return settings.model_copy(
        update={
            preprocessor.kind: table.names[table.media],
            "text": settings.text or (None if table.value is None else table.names[table.value]),
            "units": preprocessor.units,
            "normalise": preprocessor.normalise,
            "subsample": preprocessor.subsample,
            "rate": None if preprocessor.mel is None else preprocessor.mel.rate,
            "bidirectional": settings.both_ways,
            "batch_size": settings.batch_size or BATCH,
            "dropout": DROPOUT if settings.dropout is None else settings.dropout,
            "learning_rate": settings.learning_rate
            or (RATE if settings.optimizer == "adamw" else 0.1),
            "epochs": small_epochs(settings, EPOCHS, frames, SMALL),
        }
    )


# usual values; not tuned
DROPOUT, BATCH, RATE = 0.3, 32, 3e-3
EPOCHS, SMALL = 40, 4_000_000  # frames


def model(
    settings: TranscribeSettings, preprocessor: TranscribePreprocessor, make: MakeCell
) -> Transcriber:
    """The network, on the CPU, freshly initialised. make: its cell."""
    channels, height = preprocessor.shape
    return Transcriber(
        channels,
        height,
        len(preprocessor.tokens) + 1,
        settings.hidden or HIDDEN,
        settings.layers,
        embedding_size=settings.embedding or EMBEDDING,
        subsample=preprocessor.subsample,
        cell=make,
        bidirectional=settings.both_ways,
        causal=settings.streaming,
        dropout=settings.dropout or 0.0,
        initialisation=settings.initialisation,
    )


def work(
    network: Transcriber, data: Transcribed, settings: TranscribeSettings, device: torch.device
) -> Work:
    """What the training loop calls."""
    preprocessor = data.preprocessor
    perturbation = Perturbation(
        settings.speed, settings.vocal_tract, settings.noise, settings.masks, settings.vary
    )
    batches = TranscribeBatches(
        data.train,
        settings.batch_size or BATCH,
        settings.seed,
        perturbation,
    )
    watched = evenly_spread(len(data.valid), WATCHED).tolist()

    def loss(batch: TranscribeBatch, state: Any) -> tuple[Tensor, None]:
        return network.loss(batch.x, batch.lengths, batch.y, batch.y_lengths), None

    def evaluated() -> dict[str, float]:
        figures = judged(network, data.valid, device, watched)
        # among few recordings many evaluations make as many errors: then the loss decides
        figures["error_and_loss"] = figures["character_error"] + min(figures["loss"], 1) / 1000
        return figures

    return Work(
        model=network,
        batch=lambda number: batches.batch(number).to(device),
        per_epoch=batches.per_epoch,
        loss=loss,
        initial_state=lambda: None,
        evaluate=evaluated,
        sample=None,
        learning_rate=settings.learning_rate or RATE,
        unit=preprocessor.units_name,
        device=device,
        decides="error_and_loss",
    )


@torch.no_grad()
def heard(
    network: Transcriber,
    recordings: Recordings,
    device: torch.device,
    rows: list[int] | None = None,
    watch: Progress | None = None,
) -> Iterator[tuple[int, Tensor, float]]:
    """Of each recording its row, log p [S, V] and its loss in nats; the longest first."""
    network.eval()
    chosen = np.arange(len(recordings)) if rows is None else np.asarray(rows)
    done = 0
    for places in longest_first(recordings.lengths[chosen], ROWS):
        own = chosen[places].tolist()
        batch = batch_of(recordings, own).to(device)
        log_p, steps = network(batch.x, batch.lengths)
        losses = network.losses(log_p, steps, batch.y, batch.y_lengths)
        for b, row in enumerate(own):
            yield row, log_p[: steps[b], b].cpu(), float(losses[b])
        done += len(own)
        if watch is not None:
            watch(done / len(chosen))


def judged(
    network: Transcriber, recordings: Recordings, device: torch.device, rows: list[int]
) -> dict[str, float]:
    """Loss a unit, word and character error of what is found step by step."""
    pairs, loss, units = [], 0.0, 0
    preprocessor = recordings.preprocessor
    for row, log_p, own in heard(network, recordings, device, rows):
        (found,) = greedy(log_p[:, None])
        pairs.append(
            (preprocessor.prepared(recordings.items[row].text), preprocessor.decode(found.tokens))
        )
        if recordings.holds(row):
            loss += own
            units += len(recordings.tokens[row])
    return {
        "loss": loss / max(1, units),
        "word_error": word_error_rate(pairs).rate,
        "character_error": character_error_rate(pairs).rate,
    }


def header(data: Transcribed, settings: TranscribeSettings, model: Transcriber) -> list[str]:
    """What was read and guessed, each choice with the flag that changes it."""
    said = as_read(data, settings)
    if settings.epochs == EPOCHS:
        said.append(f"Small data: {EPOCHS} epochs (--seconds, --steps or --epochs).")
    return said


def facts(data: Transcribed) -> dict[str, Any]:
    """Of the data, for the run's config and its model card."""
    preprocessor = data.preprocessor
    frames = int(data.train.lengths.sum() + data.valid.lengths.sum())
    found = {"records": len(data.train) + len(data.valid), "tokens": len(preprocessor.tokens)}
    if preprocessor.mel is not None:
        return {**found, "hours": round(frames * preprocessor.mel.hop / 3600, 4)}
    return {**found, "frames": frames}


def files(data: Transcribed) -> dict[str, bytes]:
    """The commonest text, and hashes of what was learned from."""
    texts = Counter(data.preprocessor.prepared(item.text) for item in data.train.items)
    kept = {
        "commonest": min(texts, key=lambda text: (-texts[text], text)),
        "train": sorted({item.mark[:16] for item in data.train.items}),
    }
    return {BASELINE: json.dumps(kept, ensure_ascii=False).encode("utf-8", "surrogatepass")}


def load_preprocessor(folder: Path, config: dict[str, Any]) -> TranscribePreprocessor:
    """The preprocessor of a run folder."""
    return TranscribePreprocessor.load(folder)


def result(trained: Trained, data: Transcribed, watch: Progress) -> dict[str, Any]:
    """The figures of the held-out part at the end of training."""
    return compared(trained, data.valid, watch)


def evaluate(
    trained: Trained,
    path: str,
    watch: Progress,
    *,
    audio: str | None = None,
    image: str | None = None,
    strokes: str | None = None,
    text: str | None = None,
) -> dict[str, Any]:
    """The figures of other data. audio, image, strokes, text: its columns, if not the run's."""
    settings, preprocessor = trained.settings, trained.preprocessor
    given = {"audio": audio, "image": image, "strokes": strokes}
    named = {name: column for name, column in given.items() if column is not None}
    wrong = [name for name in named if name != preprocessor.kind]
    if wrong:
        raise UserError(f"--{wrong[0]} is given, and the run reads --{preprocessor.kind}.")
    check_search(settings)
    problems = Problems(settings.skip_bad)
    table = table_of(path, settings.model_copy(update=named), text=text)
    items = surveyed(table, settings, problems).items
    if not items:
        nothing = f"{path} has nothing to evaluate; expected recordings with texts."
        raise UserError(problems.with_messages(nothing))
    found = compared(trained, Recordings(items, preprocessor), watch)
    return {**found, "bad": problems.count, "problems": problems.messages()}


def compared(trained: Trained, recordings: Recordings, watch: Progress) -> dict[str, Any]:
    """The figures of a model on recordings beside those of the baselines."""
    preprocessor: TranscribePreprocessor = trained.preprocessor
    right = [preprocessor.prepared(item.text) for item in recordings.items]
    found, loss, units = [""] * len(right), 0.0, 0
    for row, log_p, own in heard(trained.model, recordings, trained.device, watch=watch):
        found[row] = preprocessor.decode(decoded(trained, log_p).tokens)
        if recordings.holds(row):
            loss += own
            units += len(recordings.tokens[row])
    check_baseline(trained.path, BASELINE)
    known = json.loads((trained.path / BASELINE).read_text("utf-8", "surrogatepass"))
    pairs = list(zip(right, found, strict=True))
    wrong = Counter(pair for pair in pairs if pair[0] != pair[1])
    return {
        "thing": preprocessor.thing,
        "records": len(right),
        "loss": loss / max(1, units),
        "too_short": sum(not recordings.holds(row) for row in range(len(right))),
        **rates(pairs),
        "whole": sum(a == b for a, b in pairs) / len(pairs),
        "beam": trained.settings.beam,
        "mistaken": [[a, b, n] for (a, b), n in wrong.most_common(5)],
        "in_training": count_shared(known["train"], [item.mark[:16] for item in recordings.items]),
        "baselines": {
            "most frequent text": rates([(text, known["commonest"]) for text in right]),
            "no text": rates([(text, "") for text in right]),
        },
    }


def rates(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Word and character error rates of (right, found) texts, with what they count."""
    words, characters = word_error_rate(pairs), character_error_rate(pairs)
    return {
        "word_error": words.rate,
        "character_error": characters.rate,
        "words": words.total,
        "substitutions": words.substitutions,
        "insertions": words.insertions,
        "deletions": words.deletions,
    }


def decoded(trained: Trained, log_p: Tensor) -> Found:
    """What log p [S, V] says, with the beam and the language model that are asked for."""
    settings = trained.settings
    scorer = getattr(trained, "scorer", None)
    if settings.beam == 1 and scorer is None:
        return greedy(log_p[:, None])[0]
    return beam_search(log_p, settings.beam, scorer, best=1)[0]


def verdict(result: dict[str, Any], where: str) -> list[str]:
    """Such figures in words, beside the baselines'."""
    rows = {"this model": result, **result["baselines"]}
    width = max(map(len, rows))
    thing = result.get("thing", "recording")
    many = counted(result["records"], thing)
    said = [f"On {where}, {many}, {counted(result['words'], 'word')}:"]
    said += [
        f"  {name:{width}}  word error {row['word_error']:7.2%}  character error "
        f"{row['character_error']:7.2%}"
        for name, row in rows.items()
    ]
    said.append(
        f"Words: {result['substitutions']:,} wrong, {result['deletions']:,} missing, "
        f"{result['insertions']:,} too many; {result['whole']:.2%} of the {thing}s have no error."
    )
    if result.get("too_short"):
        said.append(
            f"{counted(result['too_short'], f'{thing} is', f'{thing}s are')} too short for the text, "
            "by the steps of this network: errors, but not in the loss."
        )
    if result["mistaken"]:
        some = ", ".join(f"{b or 'nothing'!r} for {a!r} ({n})" for a, b, n in result["mistaken"])
        said.append(f"Most often: {some}.")
    best = min(row["word_error"] for row in result["baselines"].values())
    if result["word_error"] >= best:
        said.append(f"It does no better than a baseline: more {thing}s or longer training.")
    if result["in_training"]:
        stand = counted(result["in_training"], "of them stands", "of them stand")
        said.append(f"{stand} in the training data too.")
    return [*said, *result.get("problems", [])]


def check(path: str, settings: TranscribeSettings, say: Log) -> dict[str, Any]:
    """What `unroll train` would meet: every bad record is counted, none stops it."""
    problems = Problems(skip=True)
    data = read_transcribed(path, settings, problems=problems, say=say)
    items = [*data.train.items, *data.valid.items]
    lengths = np.concatenate([data.train.lengths, data.valid.lengths])
    return {
        "guessed": list(data.table.said),
        "rows": len(items) + problems.count,
        "units": data.preprocessor.units,
        "tokens": data.preprocessor.tokens[:100],
        **({"rates": data.rates, "several_channels": data.mixed} if data.preprocessor.mel else {}),
        "lengths": {
            "median": float(np.median(lengths)),
            "longest": int(lengths.max()),
            "unit": "frames",
        },
        "duplicates": len(items) - len({item.mark for item in items}),
        "too_short": data.too_short,
        "bad": problems.count,
        "problems": [sentence.strip() for sentence in problems.messages()[1:]],
    }


def questions(trained: Trained, path: str) -> Iterator[Any]:
    """The files that a table names, those of a folder, or the one that it is."""
    return files_at(path, trained.preprocessor, trained.settings)


def answers(trained: Trained, questions: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The text of each file, how sure, and when each word is; with skip_bad, the `error` of a file
    that cannot be read."""
    check_search(trained.settings)
    preprocessor: TranscribePreprocessor = trained.preprocessor
    trained.model.eval()
    bad = alone = 0
    for question in questions:
        asked = {"path": question} if isinstance(question, str) else question
        if not isinstance(asked, dict) or not isinstance(asked.get("path"), str):
            raise UserError(f"Got {question!r:.60} to transcribe; expected the path of a file.")
        try:
            raw = preprocessor.load_raw(Path(asked["path"]))
        except BAD as error:
            if not trained.settings.skip_bad:
                hint = " (--skip-bad leaves such files out.)"
                where = asked.get("where")
                raise UserError(f"{where}: {error}{hint}" if where else str(error)) from error
            bad += 1
            yield {"path": asked["path"], "error": str(error)}
            continue
        alone += asked.get("scale") is None
        log_p = log_probabilities(trained, raw, asked.get("scale"))
        yield {"path": asked["path"], **as_answer(preprocessor, decoded(trained, log_p))}
    if bad:
        sys.stderr.write(f"unroll: {counted(bad, 'file')} could not be read.\n")
    if alone and preprocessor.normalise == "speaker":
        sys.stderr.write(
            f"unroll: {counted(alone, 'file was', 'files were')} scaled without the speaker's other "
            "files, for no speaker is known. A table can name them: --set speaker=COLUMN.\n"
        )


@torch.no_grad()
def log_probabilities(
    trained: Trained, raw: np.ndarray, scale: tuple[np.ndarray, np.ndarray] | None
) -> Tensor:
    """log p [S, V] of what a file holds; with `chunk` piece by piece, as from a microphone."""
    preprocessor: TranscribePreprocessor = trained.preprocessor
    if trained.settings.chunk:
        live = Live(trained.model.stream(), preprocessor)
        size = max(1, round(trained.settings.chunk * live.rate))
        for start in range(0, len(raw), size):
            live.hear(raw[start : start + size])
        live.finish()
        return live.log_probabilities
    x = preprocessor.features(raw, scale)[:, None].to(trained.device)
    log_p, _ = trained.model(x, torch.tensor([len(x)], device=trained.device))
    return log_p[:, 0].cpu()


def written(answer: dict[str, Any]) -> str:
    """An answer as people read it: the file, the text, when each word is."""
    if "error" in answer:
        return f"# left out: {answer['error']}"
    mark = "s" if answer["unit"] == "seconds" else ""
    times = " ".join(
        f"{word['word']} {word['start']:g}-{word['end']:g}{mark}" for word in answer["words"]
    )
    return f"{answer['path']}\t{answer['text']}\t({times})"


def use_lines(run: str, trained: Trained) -> list[str]:
    """What to type next."""
    name = {"audio": "NEW.wav", "image": "LINE.png", "strokes": "STROKES.csv"}[
        trained.preprocessor.kind
    ]
    return [
        f"  unroll predict {run} {name}",
        f"  unroll predict {run} NEW.csv --set beam=8 --out answers.jsonl",
        f"  unroll eval {run} FILE.csv --json",
    ]


class TranscribeTask(
    Task[
        TranscribeSettings,
        Transcribed,
        TranscribePreprocessor,
        Transcriber,
        dict[str, Any],
        dict[str, Any],
    ]
):
    """The task, as the rest of the program calls it."""

    name = "transcribe"
    changeable = IN_USE

    def resolve_sizes(
        self, settings: TranscribeSettings, make_cell: MakeCell
    ) -> TranscribeSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: TranscribeSettings,
        log: Log,
        preprocessor: TranscribePreprocessor | None = None,
    ) -> Transcribed:
        return read(path, settings, log, preprocessor)

    def resolve(self, settings: TranscribeSettings, data: Transcribed) -> TranscribeSettings:
        return resolve(settings, data)

    def build_network(
        self,
        settings: TranscribeSettings,
        preprocessor: TranscribePreprocessor,
        make_cell: MakeCell,
    ) -> Transcriber:
        return model(settings, preprocessor, make_cell)

    def objective(
        self,
        network: Transcriber,
        data: Transcribed,
        settings: TranscribeSettings,
        device: torch.device,
    ) -> Objective:
        return work(network, data, settings, device)

    def describe(
        self, data: Transcribed, settings: TranscribeSettings, network: Transcriber
    ) -> list[str]:
        return header(data, settings, network)

    def metadata(self, data: Transcribed) -> dict[str, object]:
        return facts(data)

    def baseline_files(self, data: Transcribed) -> dict[str, bytes]:
        return files(data)

    def load_preprocessor(
        self, folder: Path, config: Mapping[str, object]
    ) -> TranscribePreprocessor:
        return load_preprocessor(folder, dict(config))

    def validate(
        self,
        trained: Trained[TranscribeSettings, TranscribePreprocessor, Transcriber],
        data: Transcribed,
        progress: Progress,
    ) -> dict[str, Any]:
        return result(trained, data, progress)

    def evaluate(
        self,
        trained: Trained[TranscribeSettings, TranscribePreprocessor, Transcriber],
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> dict[str, Any]:
        return evaluate(trained, path, progress, **columns)

    def summarise(self, metrics: dict[str, Any], where: str) -> list[str]:
        return verdict(metrics, where)

    def check(self, path: str, settings: TranscribeSettings, log: Log) -> dict[str, object]:
        return check(path, settings, log)

    def predict(
        self,
        trained: Trained[TranscribeSettings, TranscribePreprocessor, Transcriber],
        inputs: Iterable[object],
    ) -> Iterator[dict[str, Any]]:
        return answers(trained, inputs)

    def read_inputs(
        self, trained: Trained[TranscribeSettings, TranscribePreprocessor, Transcriber], path: str
    ) -> Iterator[object]:
        return questions(trained, path)

    def format_prediction(self, prediction: dict[str, Any]) -> str:
        return written(prediction)

    def usage(
        self, run: str, trained: Trained[TranscribeSettings, TranscribePreprocessor, Transcriber]
    ) -> list[str]:
        return use_lines(run, trained)
