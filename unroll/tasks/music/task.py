"""Music: tunes in ABC or MIDI, learned note by note; new ones by key, metre and seed.

one to many: every token of a tune predicts the next.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from unroll.counting import counted
from unroll.data.bucketed import longest_first
from unroll.data.problems import Problems
from unroll.data.skipped import SkippedRecord, records_and_problems
from unroll.data.split import count_shared, evenly_spread
from unroll.data.stream import TokenBatch
from unroll.errors import UserError
from unroll.models.initialisation import initialise
from unroll.models.language import LanguageModel
from unroll.models.ngram import NGramModel
from unroll.tasks.base import Log, MakeCell, Progress, Task, Trained
from unroll.tasks.music.abc import Found, field_value
from unroll.tasks.music.abc_bars import odd_bars, read_bars
from unroll.tasks.music.preprocessor import ABC, MIDI, MusicPreprocessor, pieces_of
from unroll.tasks.music.reader import (
    TuneBatches,
    Tunes,
    all_tunes,
    bounded,
    read_tunes,
    side_by_side,
    tune_files,
    tunes_in,
)
from unroll.tasks.music.settings import MusicSettings
from unroll.training.checkpoint import pack
from unroll.training.folder import check_baseline
from unroll.training.objective import Objective, Work

IN_USE = ("skip_bad",)
BASELINE = "baseline.safetensors"
ORDER = 5  # of the n-gram baseline, at most
WATCHED = 500  # tunes that an evaluation during training reads at most
ROWS = 16  # tunes that are only read, side by side
HIDDEN, EMBEDDING, BATCH, RATE, DROPOUT = 512, 128, 8, 3e-3, 0.3


def resolve_sizes(settings: MusicSettings, make: MakeCell) -> MusicSettings:
    """The sizes that were left open; `make` is tried."""
    hidden = settings.hidden or HIDDEN
    embedding = settings.embedding or EMBEDDING
    width = embedding
    for _ in range(settings.layers):
        cell = make(width, hidden)
        initialise(cell, settings.initialisation)
        width = cell.output_size
    return settings.model_copy(update={"hidden": hidden, "embedding": embedding})


def read(
    path: str, settings: MusicSettings, say: Log, preprocessor: MusicPreprocessor | None = None
) -> Tunes:
    """Tunes in two parts; the tokens are learned from the first alone."""
    return read_tunes(path, settings, preprocessor)


def resolve(settings: MusicSettings, data: Tunes) -> MusicSettings:
    """Every other setting that was left open."""
    dropout = DROPOUT if settings.dropout is None else settings.dropout
    dropout_input = dropout if settings.dropout_input is None else settings.dropout_input
    rate = RATE if settings.optimizer == "adamw" else 0.3
    return settings.model_copy(
        update={
            "batch_size": settings.batch_size or BATCH,
            "dropout": dropout,
            "dropout_input": dropout_input,
            "learning_rate": settings.learning_rate or rate,
        }
    )


def model(
    settings: MusicSettings, preprocessor: MusicPreprocessor, make: MakeCell
) -> LanguageModel:
    """The network, on the CPU, freshly initialised. make: its cell."""
    return LanguageModel(
        len(preprocessor),
        settings.embedding or EMBEDDING,
        settings.hidden or HIDDEN,
        settings.layers,
        cell=make,
        dropout=settings.dropout or 0.0,
        dropout_input=settings.dropout_input or 0.0,
        initialisation=settings.initialisation,
    )


def work(
    network: LanguageModel, data: Tunes, settings: MusicSettings, device: torch.device
) -> Work:
    """What the training loop calls."""
    batches = TuneBatches([tune.text for tune in data.train], data.preprocessor, settings)
    watched = [data.valid[k].text for k in evenly_spread(len(data.valid), WATCHED)]

    def evaluated() -> dict[str, float]:
        nats = nats_of(network, watched, data.preprocessor, device)
        return {
            "loss": sum(map(float, map(sum, nats))) / count(watched, data.preprocessor.notation)
        }

    return Work(
        model=network,
        batch=lambda number: batches.batch(number).to(device),
        per_epoch=batches.per_epoch,
        loss=lambda batch, state: (summed(network, batch), None),
        initial_state=lambda: None,
        evaluate=evaluated,
        sample=None,
        learning_rate=settings.learning_rate or RATE,
        unit="tokens",
        device=device,
    )


def summed(network: LanguageModel, batch: TokenBatch) -> Tensor:
    return network.loss(batch.x, batch.y, lengths=batch.lengths, weight=batch.weight)[0]


@torch.no_grad()
def nats_of(
    network: LanguageModel,
    tunes: Sequence[str],
    preprocessor: MusicPreprocessor,
    device: torch.device,
    watch: Progress | None = None,
) -> list[np.ndarray]:
    """What each token of each tune costs, and its end: [N + 1] nats, in the order of the tunes."""
    network.eval()
    rows = [bounded(preprocessor.encode(tune)) for tune in tunes]
    found: list[np.ndarray] = [np.zeros(0)] * len(rows)
    done = 0
    for places in longest_first([len(row) for row in rows], ROWS):
        batch = side_by_side([rows[k] for k in places]).to(device)
        logits, _ = network(batch.x, lengths=batch.lengths)
        nats = -logits.log_softmax(-1).gather(2, batch.y[:, :, None]).squeeze(2).cpu().numpy()
        for b, k in enumerate(places):
            found[k] = nats[: len(rows[k]) - 1, b].astype(np.float64)
        done += len(places)
        if watch is not None:
            watch(done / len(rows))
    return found


def count(tunes: Sequence[str], notation: str) -> int:
    """What the nats are shared out among: characters of ABC, words of MIDI."""
    if notation == MIDI:
        return sum(len(pieces_of(tune, notation)) for tune in tunes)
    return sum(map(len, tunes))


def header(data: Tunes, settings: MusicSettings, model: LanguageModel) -> list[str]:
    """What was read and guessed, each choice with the flag that changes it."""
    preprocessor, said = data.preprocessor, list(data.told)
    said.append(
        f"{counted(len(data.train), 'tune')} to learn from; held out: {data.validation_set}, "
        f"{counted(len(data.valid), 'tune')} (--valid FILE)."
    )
    if preprocessor.notation == ABC:
        keys = ", ".join(f"{name} {n:,}" for name, n in list(preprocessor.keys.items())[:8])
        said.append(
            f"Keys: {keys}{', ...' if len(preprocessor.keys) > 8 else ''}; metres: {metres(data.train)}."
        )
    elif data.several:
        said.append(
            f"{counted(data.several, 'of them has', 'of them have')} several tracks: all are kept, "
            "one after the other. "
            "Notes that sound together are kept too."
        )
    said.append(
        f"Tokens: {counted(len(preprocessor.tokens), 'piece')} seen {settings.min_count} times or more "
        "(--set min_count=N) and characters; what is none of them is spelled, so nothing is lost."
    )
    if settings.transpose:
        stay = counted(data.stay, "cannot be and stays as it is", "cannot be and stay as they are")
        said.append(
            f"{settings.transpose:.0%} of the tunes are read in another key, anew each time (--set "
            f"transpose=0 to leave them); {stay}."
        )
    batches = TuneBatches([tune.text for tune in data.train], preprocessor, settings)
    if batches.cut:
        said.append(
            f"{counted(batches.cut, 'tune is', 'tunes are')} longer than {settings.longest:,} tokens "
            "and learned in parts (--set longest=N)."
        )
    repeated = count_shared([t.text for t in data.train], [t.text for t in data.valid])
    if repeated:
        stand = counted(repeated, "of the held-out tunes stands", "of the held-out tunes stand")
        said.append(f"{stand} in the training part too.")
    return said


def metres(tunes: Sequence[Found]) -> str:
    """How often the metres come, the commonest first."""
    counts = Counter(field_value(tune.text, "M") or "none" for tune in tunes)
    return ", ".join(f"{name} {n:,}" for name, n in counts.most_common(6))


def facts(data: Tunes) -> dict[str, Any]:
    """Of the data, for the run's config and its model card."""
    notation = data.preprocessor.notation
    return {
        "tunes": len(data.train) + len(data.valid),
        "notation": notation,
        "keys": data.preprocessor.keys,
        "size": count([t.text for t in data.train + data.valid], notation),
    }


def files(data: Tunes) -> dict[str, bytes]:
    """The counts of the n-gram model of the tunes that are learned from, of its best order."""
    notation = data.preprocessor.notation
    texts = [tune.text for tune in data.train]
    symbols = Symbols(sorted(set("".join(texts)))) if notation == ABC else None
    ids = baseline_ids(texts, data.preprocessor, symbols)
    size = len(symbols) if symbols else len(data.preprocessor)
    whole = NGramModel.fit(ids, size, ORDER)
    held = baseline_ids([tune.text for tune in data.valid], data.preprocessor, symbols)
    nats = [-whole.log_probabilities(held, k).sum() for k in range(1, ORDER + 1)]
    best = 1 + int(np.argmin(nats))
    kept = NGramModel(size, whole.keys[:best], whole.counts[:best])
    arrays = {name: torch.from_numpy(array) for name, array in kept.arrays().items()}
    marks = np.unique(marks_of(texts))
    characters = [ord(c) for c in symbols.characters] if symbols else []
    arrays |= {"train": torch.from_numpy(marks), "characters": torch.tensor(characters)}
    return {BASELINE: pack(arrays)}


class Symbols:
    """Characters as numbers for the baseline: 0 between tunes, 1 for those never seen."""

    def __init__(self, characters: Sequence[str]) -> None:
        self.characters = list(characters)
        self.ids = {c: k + 2 for k, c in enumerate(characters)}

    def __len__(self) -> int:
        return len(self.characters) + 2


def baseline_ids(
    texts: Sequence[str], preprocessor: MusicPreprocessor, symbols: Symbols | None
) -> np.ndarray:
    """Tunes as one row of characters, or of tokens, with boundaries before, between and behind."""
    parts = [np.zeros(1, dtype=np.int64)]
    for text in texts:
        if symbols is None:
            parts.append(preprocessor.encode(text))
        else:
            parts.append(np.array([symbols.ids.get(c, 1) for c in text], dtype=np.int64))
        parts.append(np.zeros(1, dtype=np.int64))
    return np.concatenate(parts)


def marks_of(texts: Sequence[str]) -> np.ndarray:
    """A number for each tune, to tell those that were learned from."""
    digests = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts)
    return np.array([int.from_bytes(d[:7], "big") for d in digests], dtype=np.int64)


def load_preprocessor(folder: Path, config: dict[str, Any]) -> MusicPreprocessor:
    """The preprocessor of a run folder."""
    return MusicPreprocessor.load(folder)


def result(trained: Trained, data: Tunes, watch: Progress) -> dict[str, Any]:
    """The figures of the held-out tunes at the end of training."""
    return compared(trained, [tune.text for tune in data.valid], watch)


def evaluate(trained: Trained, path: str, watch: Progress) -> dict[str, Any]:
    """The figures of other tunes."""
    problems = Problems(trained.settings.skip_bad)
    tunes = list(tunes_in(files_of(trained, path), trained.preprocessor.notation, problems))
    if not tunes:
        raise UserError(problems.with_messages(f"{path} holds no tune that can be used."))
    found = compared(trained, [tune.text for tune in tunes], watch)
    return {**found, "bad": problems.count}


def files_of(trained: Trained, path: str) -> list[Path]:
    """The files at a path, if their tunes are in the notation of the run."""
    notation, files = tune_files(path)
    if notation != trained.preprocessor.notation:
        raise UserError(
            f"{path} is {notation}, and {trained.path} has learned {trained.preprocessor.notation}; "
            "expected the same."
        )
    return files


def compared(trained: Trained, texts: Sequence[str], watch: Progress) -> dict[str, Any]:
    """The figures of a model on tunes beside those of the n-gram model."""
    preprocessor: MusicPreprocessor = trained.preprocessor
    nats = nats_of(trained.model, texts, preprocessor, trained.device, watch)
    check_baseline(trained.path, BASELINE)
    arrays = {name: t.numpy() for name, t in load_file(trained.path / BASELINE).items()}
    known, characters = arrays.pop("train"), arrays.pop("characters")
    symbols = Symbols([chr(c) for c in characters]) if preprocessor.notation == ABC else None
    ngrams = NGramModel.from_arrays(len(symbols) if symbols else len(preprocessor), arrays)
    ids = baseline_ids(texts, preprocessor, symbols)
    size, total = count(texts, preprocessor.notation), float(sum(part.sum() for part in nats))
    baselines = {
        f"{order}-gram": {"loss": -float(ngrams.log_probabilities(ids, order).sum()) / size}
        for order in sorted({1, ngrams.order})
    }
    return {
        "loss": total / size,
        "unit": UNITS[preprocessor.notation],
        "tunes": len(texts),
        "size": size,
        "nats_per_token": total / sum(map(len, nats)),
        "nats_per_tune": total / len(texts),
        "in_training": count_shared(known.tolist(), marks_of(texts).tolist()),
        "baselines": baselines,
    }


UNITS = {ABC: "character", MIDI: "word"}


def verdict(result: dict[str, Any], where: str) -> list[str]:
    """Such figures in words, beside the baselines'."""
    rows = {"this model": result, **result["baselines"]}
    width, unit = max(map(len, rows)), result["unit"]
    size = f"{counted(result['tunes'], 'tune')}, {counted(result['size'], unit)}"
    said = [f"On {where}, {size}:"]
    said += [f"  {name:{width}}  {row['loss']:.4f} nats per {unit}" for name, row in rows.items()]
    name, best = min(result["baselines"].items(), key=lambda item: item[1]["loss"])
    gain = 1 - result["loss"] / best["loss"]
    than = f"{abs(gain):.1%} {'fewer' if gain >= 0 else 'more'} nats than the {name} model"
    said.append(f"{than} of {'characters' if unit == 'character' else 'tokens'}.")
    if result["in_training"]:
        stand = counted(result["in_training"], "of them stands", "of them stand")
        said.append(f"{stand} in the training data too.")
    if result.get("bad"):
        said.append(counted(result["bad"], "bad record was", "bad records were") + " left out.")
    return said


def check(path: str, settings: MusicSettings, say: Log) -> dict[str, Any]:
    """What `unroll train` would meet: every bad tune is counted, none stops it."""
    problems = Problems(skip=True)
    notation, tunes = all_tunes(path, problems)
    texts = [tune.text for tune in tunes]
    found: dict[str, Any] = {"notation": notation, "tunes": len(tunes)}
    if texts:
        preprocessor = MusicPreprocessor.learn(texts, notation, settings.min_count)
        draw = np.random.default_rng(0)
        sizes = [len(preprocessor.encode(text)) for text in texts]
        found |= {
            "size": counted(count(texts, notation), UNITS[notation]),
            "lengths": {"median": float(np.median(sizes)), "longest": max(sizes), "unit": "tokens"},
            "cannot_be_transposed": sum(
                preprocessor.moved(text, preprocessor.target(text, draw)) is None for text in texts
            ),
            "duplicates": len(texts) - len(set(texts)),
        }
        if notation == ABC:
            found |= {"keys": preprocessor.keys, "metres": metres(tunes)}
            found["bars"] = bars_in_words(texts)
        else:
            found["several_tracks"] = sum(text.count("\n") > 2 for text in texts)
    found["bad"] = problems.count
    found["problems"] = [sentence.strip() for sentence in problems.messages()[1:]]
    return found


def bars_in_words(texts: Sequence[str]) -> str:
    """How many bars there are, and how many are not as long as the metre says."""
    total = odd = 0
    for text in texts:
        for voice in read_bars(text):
            total += len(voice)
            odd += len(odd_bars(voice))
    return f"{total:,}, of which {odd:,} do not add up to their metre (pickups apart)"


def questions(trained: Trained, path: str) -> Iterator[Found | SkippedRecord]:
    """The tunes of a file or folder."""
    read = partial(tunes_in, files_of(trained, path), trained.preprocessor.notation)
    yield from records_and_problems(read, trained.settings.skip_bad)


def answers(trained: Trained, questions: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """How likely each tune is, and what in it was least expected; with skip_bad, the `error` of a
    tune that is bad."""
    preprocessor: MusicPreprocessor = trained.preprocessor
    for question in questions:
        if isinstance(question, SkippedRecord):
            yield {"error": str(question)}
            continue
        if not isinstance(question, (str, Found)):
            raise UserError(f"Got {type(question).__name__}; expected a tune, as text.")
        tune, where = (
            (question, "") if isinstance(question, str) else (question.text, question.where)
        )
        if not tune.strip():
            raise UserError(f"Got {question!r}; expected a tune, as text.")
        tune = tune if tune.endswith("\n") else tune + "\n"
        (nats,) = nats_of(trained.model, [tune], preprocessor, trained.device)
        ids = [int(id) for id in preprocessor.encode(tune)]
        ends = np.cumsum([len(preprocessor.bytes_of(id)) for id in ids])
        whole = tune.encode()
        least = sorted(range(len(ids)), key=lambda k: -nats[k])[:FEW]
        yield {
            "tune": field_value(tune, "T") or "",
            "where": where,
            "nats": float(nats.sum()),
            f"nats_per_{UNITS[preprocessor.notation]}": float(nats.sum())
            / count([tune], preprocessor.notation),
            "tokens": len(ids),
            "least_expected": [
                {
                    "token": preprocessor.bytes_of(ids[k]).decode("utf-8", "replace"),
                    "nats": float(nats[k]),
                    "line": whole[: int(ends[k]) - 1].count(b"\n") + 1,
                }
                for k in least
            ],
        }


FEW = 5


def written(answer: dict[str, Any]) -> str:
    """An answer as people read it: how likely, the title, what was least expected."""
    if "error" in answer:
        return f"# left out: {answer['error']}"
    unit = next(name for name in answer if name.startswith("nats_per_"))
    least = ", ".join(
        f"{(one['token'].strip() or one['token'])!r} in line {one['line']} ({one['nats']:.1f})"
        for one in answer["least_expected"]
    )
    per = f"{answer[unit]:.3f} {unit.replace('_', ' ')}"
    return f"{per}\t{answer['tune'] or answer['where']}\tleast expected: {least}"


def use_lines(run: str, trained: Trained) -> list[str]:
    """What to type next."""
    preprocessor: MusicPreprocessor = trained.preprocessor
    kind = "abc" if preprocessor.notation == ABC else "mid"
    prompt = ""
    if preprocessor.keys:
        prompt = f' --prompt "K:{next(iter(preprocessor.keys))}"'
    return [
        f"  unroll generate {run}{prompt} --seed 3 --out tune.mid   (or tune.abc, tune.wav, roll.svg)",
        f"  unroll predict {run} OTHER.{kind}",
        f"  unroll eval {run} OTHER.{kind} --json",
    ]


class MusicTask(
    Task[MusicSettings, Tunes, MusicPreprocessor, LanguageModel, dict[str, Any], dict[str, Any]]
):
    """The task, as the rest of the program calls it."""

    name = "music"
    changeable = IN_USE

    def resolve_sizes(self, settings: MusicSettings, make_cell: MakeCell) -> MusicSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: MusicSettings,
        log: Log,
        preprocessor: MusicPreprocessor | None = None,
    ) -> Tunes:
        return read(path, settings, log, preprocessor)

    def resolve(self, settings: MusicSettings, data: Tunes) -> MusicSettings:
        return resolve(settings, data)

    def build_network(
        self, settings: MusicSettings, preprocessor: MusicPreprocessor, make_cell: MakeCell
    ) -> LanguageModel:
        return model(settings, preprocessor, make_cell)

    def objective(
        self, network: LanguageModel, data: Tunes, settings: MusicSettings, device: torch.device
    ) -> Objective:
        return work(network, data, settings, device)

    def describe(self, data: Tunes, settings: MusicSettings, network: LanguageModel) -> list[str]:
        return header(data, settings, network)

    def metadata(self, data: Tunes) -> dict[str, object]:
        return facts(data)

    def baseline_files(self, data: Tunes) -> dict[str, bytes]:
        return files(data)

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> MusicPreprocessor:
        return load_preprocessor(folder, dict(config))

    def validate(
        self,
        trained: Trained[MusicSettings, MusicPreprocessor, LanguageModel],
        data: Tunes,
        progress: Progress,
    ) -> dict[str, Any]:
        return result(trained, data, progress)

    def evaluate(
        self,
        trained: Trained[MusicSettings, MusicPreprocessor, LanguageModel],
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> dict[str, Any]:
        return evaluate(trained, path, progress, **columns)

    def summarise(self, metrics: dict[str, Any], where: str) -> list[str]:
        return verdict(metrics, where)

    def check(self, path: str, settings: MusicSettings, log: Log) -> dict[str, object]:
        return check(path, settings, log)

    def predict(
        self,
        trained: Trained[MusicSettings, MusicPreprocessor, LanguageModel],
        inputs: Iterable[object],
    ) -> Iterator[dict[str, Any]]:
        return answers(trained, inputs)

    def read_inputs(
        self, trained: Trained[MusicSettings, MusicPreprocessor, LanguageModel], path: str
    ) -> Iterator[object]:
        return questions(trained, path)

    def format_prediction(self, prediction: dict[str, Any]) -> str:
        return written(prediction)

    def usage(
        self, run: str, trained: Trained[MusicSettings, MusicPreprocessor, LanguageModel]
    ) -> list[str]:
        return use_lines(run, trained)
