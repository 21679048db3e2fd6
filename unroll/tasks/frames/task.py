"""Frames: a label for each clip, or for each of its frames.

many to one, or many to many: actions and gestures in video, what happens when, and sequences of
numbers that a tracker has seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from unroll.counting import counted
from unroll.data.bucketed import longest_first
from unroll.data.problems import Problems
from unroll.data.skipped import SkippedRecord
from unroll.data.split import count_shared, evenly_spread
from unroll.errors import UserError
from unroll.models.classification_metrics import classification_metrics, confusion_matrix
from unroll.models.initialisation import initialise
from unroll.tasks.base import Log, MakeCell, Progress, Task, Trained
from unroll.tasks.frames.baseline import NearestCentroid
from unroll.tasks.frames.clips import Clip
from unroll.tasks.frames.inputs import Question, asked, check_rows, questions_of
from unroll.tasks.frames.metrics import mistakes, smoothed_loss, whole_clips
from unroll.tasks.frames.network import Framewise
from unroll.tasks.frames.preprocessor import (
    FrameBatch,
    FrameBatches,
    Framed,
    FramesPreprocessor,
    batch_of,
    class_counts,
)
from unroll.tasks.frames.preprocessor import framed as framed_clips
from unroll.tasks.frames.reader import FramedData, load_for, read_framed, source_of
from unroll.tasks.frames.segments import Segment, seconds, segments
from unroll.tasks.frames.settings import FramesSettings
from unroll.tasks.frames.video import BadClip
from unroll.training.checkpoint import pack
from unroll.training.folder import check_baseline
from unroll.training.objective import Objective, Work
from unroll.training.report import ProgressLog

IN_USE = ("video", "label", "by", "label_names", "rate", "cache", "skip_bad")
BASELINE = "baseline.safetensors"
WATCHED = 2000  # clips that an evaluation during training reads at most
ROWS = 64  # of a batch that is only read
FEW = 10  # classes that are listed one by one

HIDDEN, FEATURES = 128, 128
# chosen on validation parts of the training data of two sets (drawn figures, tracked fingers)
DROPOUT, RATE = 0.3, 2e-3
BATCH, TOGETHER = 32, 512  # clips, and frames of pictures, that a batch has at most


def resolve_sizes(settings: FramesSettings, make: MakeCell) -> FramesSettings:
    """The sizes that were left open; `make` is tried."""
    hidden = settings.hidden or HIDDEN
    width = settings.embedding or FEATURES
    for _ in range(settings.layers):
        cell = make(width, hidden)
        initialise(cell, settings.initialisation)
        width = cell.output_size * (2 if settings.bidirectional else 1)
    return settings.model_copy(update={"hidden": hidden})


def read(path: str, settings: FramesSettings, say: Log, preprocessor: Any = None) -> FramedData:
    """Clips in two parts; scales are learned from the first alone."""
    return read_framed(path, settings, ProgressLog("reading clips", say), preprocessor)


def resolve(settings: FramesSettings, data: FramedData) -> FramesSettings:
    """Every other setting that was left open; the columns by the names that were found."""
    batch, pictures = BATCH, data.preprocessor.scaler is None
    if pictures:
        batch = max(1, min(BATCH, TOGETHER // max(1, int(np.median(data.train.lengths)))))
    rate = RATE if settings.optimizer == "adamw" else 0.1
    return settings.model_copy(
        update={
            "video": settings.video or data.source.video,
            "label": settings.label or data.source.label,
            "per": "frame" if data.preprocessor.per_frame else "clip",
            "embedding": (settings.embedding or FEATURES) if pictures else None,
            "batch_size": settings.batch_size or batch,
            "dropout": DROPOUT if settings.dropout is None else settings.dropout,
            "learning_rate": settings.learning_rate or rate,
        }
    )


def model(settings: FramesSettings, preprocessor: FramesPreprocessor, make: MakeCell) -> Framewise:
    """The network, on the CPU, freshly initialised. make: its cell."""
    widths = None if settings.widths is None else [int(part) for part in settings.widths.split(",")]
    try:
        return Framewise(
            preprocessor.inputs,
            len(preprocessor.classes),
            settings.hidden or HIDDEN,
            settings.layers,
            feature_size=settings.embedding or FEATURES,
            widths=widths,
            cell=make,
            bidirectional=settings.bidirectional,
            pooling=None if preprocessor.per_frame else settings.pooling,
            dropout=settings.dropout or 0.0,
            label_smoothing=settings.label_smoothing,
            initialisation=settings.initialisation,
        )
    except ValueError as error:
        raise UserError(str(error)) from error


def work(
    network: Framewise, data: FramedData, settings: FramesSettings, device: torch.device
) -> Work:
    """What the training loop calls."""
    batches = FrameBatches(data.train, settings.batch_size or BATCH, settings.seed)
    if settings.class_weights == "balanced":
        counts = class_counts(data.train).clip(1)
        weights = counts.sum() / (len(counts) * counts)
        network.weights = torch.from_numpy(weights.astype(np.float32)).to(device)

    def loss(batch: FrameBatch, state: Any) -> tuple[torch.Tensor, None]:
        return network.loss(batch.x, batch.lengths, batch.y), None

    watched = evenly_spread(len(data.valid), WATCHED).tolist()

    def evaluated() -> dict[str, float]:
        each = probabilities(network, data.valid, device, rows=watched)
        p, true = np.concatenate(each), truth(data.valid, watched)
        figures = classification_metrics(p, true)
        return {
            "loss": figures["loss"],
            "smoothed_loss": smoothed_loss(p, true, settings.label_smoothing),
            "accuracy": figures["accuracy"],
            "macro_f1": figures["macro_f1"],
            "error": 1 - figures["accuracy"],
        }

    return Work(
        model=network,
        batch=lambda number: batches.batch(number).to(device),
        per_epoch=batches.per_epoch,
        loss=loss,
        initial_state=lambda: None,
        evaluate=evaluated,
        sample=None,
        learning_rate=settings.learning_rate or RATE,
        unit=unit_name(data.preprocessor),
        device=device,
        decides="smoothed_loss",
    )


def unit_name(preprocessor: FramesPreprocessor) -> str:
    """What has a label."""
    return "frames" if preprocessor.per_frame else "clips"


def truth(data: Framed, rows: Iterable[int]) -> np.ndarray:
    """The classes of these clips, or of all their frames, end to end."""
    return np.concatenate([data.target(row) for row in rows])


@torch.no_grad()
def probabilities(
    network: Framewise,
    data: Framed,
    device: torch.device,
    watch: Progress | None = None,
    rows: list[int] | None = None,
) -> list[np.ndarray]:
    """Of each clip in order, [1, K] or [T, K]. rows: only those. watch: told the share that is done."""
    network.eval()
    rows = list(range(len(data))) if rows is None else rows
    found: list[np.ndarray] = [np.zeros(0)] * len(rows)
    done = 0
    for places in longest_first(data.lengths[rows], ROWS):
        batch = batch_of(data, [rows[k] for k in places]).to(device)
        p = network.probabilities(batch.x, batch.lengths).double().cpu().numpy()
        sizes = batch.lengths.tolist() if data.preprocessor.per_frame else [1] * len(places)
        for k, part in zip(places, np.split(p, np.cumsum(sizes)[:-1]), strict=True):
            found[k] = part
        done += len(places)
        if watch is not None:
            watch(done / len(rows))
    return found


def header(data: FramedData, settings: FramesSettings, model: Framewise) -> list[str]:
    """What was read and guessed, each choice with the flag that changes it."""
    preprocessor, train, valid, reading = (
        data.preprocessor,
        data.train,
        data.valid,
        data.preprocessor.reading,
    )
    said = [*data.told]
    said += [f"Guessed: {', '.join(data.said)}."] if data.said else []
    said.append(
        f"{counted(len(train), 'clip')} to learn from; held out: {data.validation_set}, "
        f"{counted(len(valid), 'clip')} (--valid FILE)."
    )
    if data.moved:
        said.append(
            f"{counted(data.moved, 'that would be held out stays', 'that would be held out stay')} in "
            "training, as a label of it is nowhere else."
        )
    said.append(balance(train))
    every = "" if reading.every == 1 else f", one of {reading.every} is read"
    said.append(
        f"{shape_of(preprocessor)}{every}; half of the clips have {int(np.median(train.lengths))} frames or "
        f"fewer, the longest {int(train.lengths.max()):,} (--set every=... longest=...)."
    )
    if train.cut + valid.cut:
        said.append(
            f"{counted(train.cut + valid.cut, 'clip is', 'clips are')} cut to the first "
            f"{counted(reading.longest, 'frame')} that would be read (--set longest=N)."
        )
    unread = sum(clip.values is None for clip in [*train.clips, *valid.clips])
    if unread:
        said.append(
            f"{counted(unread, 'clip does', 'clips do')} not fit into {settings.cache:g} MB: read from "
            "the file each time (--set cache=MB)."
        )
    repeated = count_shared(train.marks, valid.marks)
    if repeated:
        stand = counted(repeated, "of the held-out clips stands", "of the held-out clips stand")
        said.append(f"{stand} in the training part too.")
    decides = "a label for each frame" if preprocessor.per_frame else f"{settings.pooling} pooling"
    way = "both ways" if settings.bidirectional else "one way"
    looks = "" if model.look is None else (
        f"Looks at each frame with {counted(len(model.look.pools), 'block')} of convolutions, "
        f"{','.join(str(c.out_channels) for c in model.look.convolutions)} channels (--set widths), "
        f"to {model.feature.out_features if model.feature else 0} numbers (--set embedding). "
    )  # fmt: skip
    said.append(
        f"{looks}Reads {way} (--set bidirectional=...), {decides} (--set per=clip|frame"
        f"{'' if preprocessor.per_frame else ' pooling=last|mean|max|attention'})."
    )
    return said


def shape_of(preprocessor: FramesPreprocessor) -> str:
    """What a frame is, in words."""
    shape = preprocessor.reading.shape
    if len(shape) == 1:
        return f"{counted(shape[0], 'number')} a frame (--set features=...)"
    colours = "in colour" if shape[0] == 3 else "in greys"
    return f"Frames of {shape[2]} x {shape[1]} pixels {colours} (--set size=... grey=true)"


def balance(data: Framed) -> str:
    """How often the classes come, in a sentence."""
    counts, classes = class_counts(data), data.preprocessor.classes
    total = int(counts.sum())
    named = sorted(zip(counts.tolist(), classes, strict=True), reverse=True)
    if len(named) <= FEW:
        each = ", ".join(f"{name} {n:,} ({n / total:.0%})" for n, name in named)
        said = f"{len(named)} classes: {each}"
    else:
        (most, first), (least, last) = named[0], named[-1]
        said = f"{len(named)} classes, from {first} with {most:,} to {last} with {least:,}"
    if named[0][0] > 4 * max(1, named[-1][0]):
        said += "; --set class_weights=balanced makes rare ones count as much"
    return said + "."


def facts(data: FramedData) -> dict[str, Any]:
    """Of the data, for the run's config and its model card."""
    classes = data.preprocessor.classes
    return {
        "clips": len(data.train) + len(data.valid),
        "classes": classes if len(classes) <= 100 else len(classes),
        "frames": int(data.train.starts[-1] + data.valid.starts[-1]),
    }


def files(data: FramedData) -> dict[str, bytes]:
    """What baselines know, and hashes of what was learned from."""
    classes = len(data.preprocessor.classes)
    counts = class_counts(data.train)
    centroid = NearestCentroid.learn(thumbs(data.train), data.train.targets, classes)
    arrays = {
        "share": counts / counts.sum(),
        "means": centroid.means,
        "deviation": centroid.deviation,
        "train": np.unique(np.asarray(data.train.marks, dtype=np.int64)),
    }
    return {
        BASELINE: pack({k: torch.from_numpy(np.ascontiguousarray(a)) for k, a in arrays.items()})
    }


def thumbs(data: Framed) -> np.ndarray:
    """What the centroids are of: the mean frame of each clip, or each frame, small."""
    if data.preprocessor.per_frame:
        return np.concatenate([clip.thumbs for clip in data.clips])
    return np.stack([clip.thumbs.mean(0) for clip in data.clips])


def load_preprocessor(folder: Path, config: dict[str, Any]) -> FramesPreprocessor:
    """The preprocessor of a run folder."""
    return FramesPreprocessor.load(folder)


def result(trained: Trained, data: FramedData, watch: Progress) -> dict[str, Any]:
    """The figures of the held-out part at the end of training."""
    return compared(trained, data.valid, watch)


def evaluate(
    trained: Trained,
    path: str,
    watch: Progress,
    *,
    video: str | None = None,
    label: str | None = None,
) -> dict[str, Any]:
    """The figures of other data. video, label: the columns, if they are not the run's."""
    settings: FramesSettings = trained.settings
    given = {name: value for name, value in (("video", video), ("label", label)) if value}
    asked = settings.model_copy(update={"by": None, **given})
    problems = Problems(settings.skip_bad)
    check_rows(path, trained.preprocessor)
    source = source_of(path, asked)
    clips = load_for(
        trained.preprocessor, source, settings, problems, lambda share: watch(share / 2)
    )
    data = framed_clips(clips, trained.preprocessor, problems)
    if not len(data):
        raise UserError(f"{path} has nothing to evaluate; expected clips with labels.")
    found = compared(trained, data, lambda share: watch(0.5 + share / 2))
    return {**found, "bad": problems.count}


def compared(trained: Trained, data: Framed, watch: Progress) -> dict[str, Any]:
    """The figures of a model on clips beside those of the baselines."""
    preprocessor: FramesPreprocessor = trained.preprocessor
    each = probabilities(trained.model, data, trained.device, watch)
    p = np.concatenate(each)
    figures = classification_metrics(p, data.targets)
    confusion = confusion_matrix(p, data.targets)
    check_baseline(trained.path, BASELINE)
    known = {name: t.numpy() for name, t in load_file(trained.path / BASELINE).items()}
    nearest = NearestCentroid(known["means"], known["deviation"])(thumbs(data))
    what = "frame" if preprocessor.per_frame else "mean frame"
    said = {
        "most frequent class": np.broadcast_to(known["share"], p.shape),
        f"nearest {what}": np.eye(len(preprocessor.classes))[nearest],
    }
    baselines = {}
    for name, q in said.items():
        row = dict(classification_metrics(q, data.targets))
        # a nearest class has no probabilities, so no loss
        keep = ("accuracy", "macro_f1") + (("loss",) if name.startswith("most") else ())
        baselines[name] = {key: row[key] for key in keep}
    found: dict[str, Any] = {
        **figures,
        "unit": unit_name(preprocessor),
        "cut": data.cut,
        "in_training": count_shared(known["train"].tolist(), data.marks),
        "baselines": baselines,
        "classes": preprocessor.classes,
        "confusion": confusion,
    }
    return (
        {**found, "clips": whole_clips(each, [data.target(k) for k in range(len(data))])}
        if preprocessor.per_frame
        else found
    )


def verdict(result: dict[str, Any], where: str) -> list[str]:
    """Such figures in words, beside the baselines'."""
    rows = {"this model": result, **result["baselines"]}
    width = max(map(len, rows))
    said = [f"On {where}, {counted(result['records'], result['unit'].removesuffix('s'))}:"]
    for name, row in rows.items():
        loss = f"  loss {row['loss']:.4f} nats" if "loss" in row else ""
        said.append(
            f"  {name:{width}}  accuracy {row['accuracy']:6.2%}  macro F1 {row['macro_f1']:.4f}{loss}"
        )
    if "clips" in result:
        clips = result["clips"]
        said.append(
            f"Of {clips['records']:,} clips, the commonest label is right in {clips['accuracy']:.2%}, "
            f"every frame in {clips['every_frame']:.2%}."
        )
    name, best = max(result["baselines"].items(), key=lambda pair: pair[1]["accuracy"])
    if result["accuracy"] < best["accuracy"]:
        said.append(f"It is worse than the baseline {name}.")
    elif result["accuracy"] == best["accuracy"]:
        said.append(f"The baseline {name} does as well: these clips need no network.")
    mistaken = mistakes(np.array(result["confusion"]), result["classes"])
    said += [f"Taken most often for another: {mistaken}."] if mistaken else []
    if result["in_training"]:
        stand = counted(result["in_training"], "of the clips stands", "of the clips stand")
        said.append(f"{stand} in the training data too.")
    if result["cut"]:
        cut = counted(result["cut"], "clip is", "clips are")
        said.append(f"{cut} cut to the frames that the model reads.")
    if result.get("bad"):
        said.append(counted(result["bad"], "bad clip was", "bad clips were") + " left out.")
    return said


def check(path: str, settings: FramesSettings, say: Log) -> dict[str, Any]:
    """What `unroll train` would meet: every bad clip is counted, none stops it."""
    problems = Problems(skip=True)
    data = read_framed(path, settings, ProgressLog("reading clips", say), problems=problems)
    train, valid = data.train, data.valid
    counts = class_counts(train) + class_counts(valid)
    marks = train.marks + valid.marks
    lengths = np.concatenate([train.lengths, valid.lengths])
    named = sorted(zip(counts.tolist(), data.preprocessor.classes, strict=True), reverse=True)
    return {
        "guessed": list(data.said),
        "rows": len(train) + len(valid) + problems.count,
        "labels": {name: count for count, name in named},
        "label_of": "each frame" if data.preprocessor.per_frame else "each clip",
        "frame": shape_of(data.preprocessor),
        "lengths": {
            "median": float(np.median(lengths)),
            "longest": int(lengths.max()),
            "unit": "frames",
        },
        "duplicates": len(marks) - len(set(marks)),
        "validation_in_training": count_shared(train.marks, valid.marks),
        "cut": train.cut + valid.cut,
        "bad": problems.count,
        "problems": [sentence.strip() for sentence in problems.messages()[1:]],
    }


def questions(trained: Trained, path: str) -> Iterator[Question | SkippedRecord]:
    """The clips that a table names, those of a folder, the rows of a wide table, or one clip."""
    settings: FramesSettings = trained.settings
    return questions_of(path, trained.preprocessor, settings.video, settings.skip_bad)


def answers(trained: Trained, questions: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The label of each clip with all probabilities; or of each frame, and the segments with times.

    With skip_bad, the `error` of a clip that cannot be read.
    """
    for question in questions:
        if isinstance(question, SkippedRecord):
            yield {"error": str(question)}
            continue
        if not isinstance(question, Question):
            question = asked(question, trained.preprocessor)
        try:
            clip = question.clip or trained.preprocessor.reading(question.name)
        except BadClip as error:
            if not trained.settings.skip_bad:
                raise
            yield {"clip": question.name, "error": str(error)}
            continue
        yield answered(trained, question.name, clip)


@torch.no_grad()
def answered(trained: Trained, name: str, clip: Clip) -> dict[str, Any]:
    """What the model says of one clip."""
    preprocessor: FramesPreprocessor = trained.preprocessor
    network: nn.Module = trained.model.eval()
    x = torch.from_numpy(np.ascontiguousarray(preprocessor.prepared(clip))).to(trained.device)
    lengths = torch.tensor([len(x)], device=trained.device)
    p = network(x, lengths).softmax(-1).double().cpu().numpy()
    answer: dict[str, Any] = {"clip": name, "frames": clip.total}
    if len(x) * preprocessor.reading.every < clip.total:
        answer["read"] = len(x)
    if not preprocessor.per_frame:
        ranked = sorted(
            zip(preprocessor.classes, p[0].tolist(), strict=True), key=lambda pair: -pair[1]
        )
        answer["label"], answer["probability"] = ranked[0]
        return {**answer, "probabilities": dict(ranked)}
    times = clip.times
    if times is None and trained.settings.rate is not None:
        times = np.arange(len(x) + 1) * preprocessor.reading.every / trained.settings.rate
    found = segments(p, preprocessor.classes, preprocessor.reading.every, clip.total, times)
    answer["segments"] = [vars(segment) for segment in found]
    answer["labels"] = [preprocessor.classes[k] for k in p.argmax(1)]
    answer["probabilities"] = [round(float(q), 6) for q in p.max(1)]
    return answer


def written(answer: dict[str, Any]) -> str:
    """An answer as people read it: the label and how sure, or the segments; then the clip."""
    if "error" in answer:
        return f"# left out: {answer['error']}"
    if "label" in answer:
        return f"{answer['label']} {answer['probability']:.0%}\t{answer['clip']}"
    parts = [spoken(Segment(**segment)) for segment in answer["segments"]]
    return f"{answer['clip']}\t{', '.join(parts)}"


def spoken(segment: Segment) -> str:
    """A segment with its times, or its frames where there are none."""
    where = f"frames {segment.first}-{segment.last}"
    if segment.begin is not None and segment.end is not None:
        where = f"{seconds(segment.begin)}-{seconds(segment.end)}"
    return f"{segment.label} {segment.probability:.0%} ({where})"


def use_lines(run: str, trained: Trained) -> list[str]:
    """What to type next."""
    clip = "FILE.csv" if trained.preprocessor.scaler is not None else "CLIP.mp4"
    return [
        f"  unroll predict {run} {clip}",
        f"  unroll predict {run} NEW.csv --out answers.jsonl",
        f"  unroll eval {run} FILE --json",
    ]


class FramesTask(
    Task[FramesSettings, FramedData, FramesPreprocessor, Framewise, dict[str, Any], dict[str, Any]]
):
    """The task, as the rest of the program calls it."""

    name = "frames"
    changeable = IN_USE

    def resolve_sizes(self, settings: FramesSettings, make_cell: MakeCell) -> FramesSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: FramesSettings,
        log: Log,
        preprocessor: FramesPreprocessor | None = None,
    ) -> FramedData:
        return read(path, settings, log, preprocessor)

    def resolve(self, settings: FramesSettings, data: FramedData) -> FramesSettings:
        return resolve(settings, data)

    def build_network(
        self, settings: FramesSettings, preprocessor: FramesPreprocessor, make_cell: MakeCell
    ) -> Framewise:
        return model(settings, preprocessor, make_cell)

    def objective(
        self, network: Framewise, data: FramedData, settings: FramesSettings, device: torch.device
    ) -> Objective:
        return work(network, data, settings, device)

    def describe(self, data: FramedData, settings: FramesSettings, network: Framewise) -> list[str]:
        return header(data, settings, network)

    def metadata(self, data: FramedData) -> dict[str, object]:
        return facts(data)

    def baseline_files(self, data: FramedData) -> dict[str, bytes]:
        return files(data)

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> FramesPreprocessor:
        return load_preprocessor(folder, dict(config))

    def validate(
        self,
        trained: Trained[FramesSettings, FramesPreprocessor, Framewise],
        data: FramedData,
        progress: Progress,
    ) -> dict[str, Any]:
        return result(trained, data, progress)

    def evaluate(
        self,
        trained: Trained[FramesSettings, FramesPreprocessor, Framewise],
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> dict[str, Any]:
        return evaluate(trained, path, progress, **columns)

    def summarise(self, metrics: dict[str, Any], where: str) -> list[str]:
        return verdict(metrics, where)

    def check(self, path: str, settings: FramesSettings, log: Log) -> dict[str, object]:
        return check(path, settings, log)

    def predict(
        self,
        trained: Trained[FramesSettings, FramesPreprocessor, Framewise],
        inputs: Iterable[object],
    ) -> Iterator[dict[str, Any]]:
        return answers(trained, inputs)

    def read_inputs(
        self, trained: Trained[FramesSettings, FramesPreprocessor, Framewise], path: str
    ) -> Iterator[object]:
        return questions(trained, path)

    def format_prediction(self, prediction: dict[str, Any]) -> str:
        return written(prediction)

    def usage(
        self, run: str, trained: Trained[FramesSettings, FramesPreprocessor, Framewise]
    ) -> list[str]:
        return use_lines(run, trained)
