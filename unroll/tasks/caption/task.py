"""Caption: words for an image, learned from a table of images and what people say of them.

one to many: photographs, drawings, figures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy, linear

from unroll.counting import counted
from unroll.data.images import BadImage
from unroll.data.media_table import IMAGES
from unroll.data.problems import Problems
from unroll.data.records import TABLE_SUFFIXES
from unroll.data.split import count_shared, evenly_spread
from unroll.data.vocabulary import UNKNOWN
from unroll.errors import UserError
from unroll.models.initialisation import initialise
from unroll.tasks.base import Log, MakeCell, Progress, Task, Trained
from unroll.tasks.caption.baseline import BASELINE, NearestImage, thumbnails
from unroll.tasks.caption.consensus import Consensus
from unroll.tasks.caption.decoding import answer, at_once, drawn_captions, search
from unroll.tasks.caption.metrics import CiderD, caption_scores
from unroll.tasks.caption.network import Captioner
from unroll.tasks.caption.picture import Looked, as_png, draw
from unroll.tasks.caption.preprocessor import CaptionPreprocessor
from unroll.tasks.caption.preprocessor import load_preprocessor as load_caption_codec
from unroll.tasks.caption.reader import (
    CaptionBatch,
    CaptionBatches,
    CaptionData,
    Captioned,
    encoded,
    find_again,
    open_images,
    read_captions,
    rows_of,
    scaled,
)
from unroll.tasks.caption.report import report, searched
from unroll.tasks.caption.settings import SEARCH, CaptionSettings
from unroll.training.checkpoint import pack
from unroll.training.folder import check_baseline
from unroll.training.objective import Objective, Work
from unroll.training.report import ProgressLog

IN_USE = (*SEARCH, "image", "text", "skip_bad")
WATCHED = 1000  # held-out captions whose loss is taken during training
WATCHED_IMAGES = 200  # held-out images that are captioned then
FINAL = 500  # and at the end
ROWS = 64  # of a batch that is only read
KNOWN = 20_000  # captions of the training part among which the nearest image is looked for
DRAWN = 6  # images in a picture
PRIORS = (0.0, 0.5, 0.9)  # how much the captions learned from may count
TOKENS = {"char": "characters", "word": "words", "bpe": "pieces of words"}
HIDDEN, EMBEDDING = 256, 128
DROPOUT, WORD_DROPOUT, BATCH, RATE, SHIFT = 0.3, 0.1, 32, 2e-3, 2


def resolve_sizes(settings: CaptionSettings, make: MakeCell) -> CaptionSettings:
    """The sizes of the decoder that were left open; `make` is tried."""
    hidden = settings.hidden or HIDDEN
    embedding = settings.embedding or EMBEDDING
    cell = make(embedding, hidden)
    initialise(cell, settings.initialisation)
    if settings.attention == "dot" and cell.output_size != settings.widths[-1]:
        raise UserError(
            f"--set attention=dot needs a decoder as wide as the last block of channels; got "
            f"{cell.output_size} and {settings.widths[-1]}. MakeCell them equal, or take "
            "attention=general."
        )
    return settings.model_copy(update={"hidden": hidden, "embedding": embedding})


def read(
    path: str, settings: CaptionSettings, say: Log, preprocessor: CaptionPreprocessor | None = None
) -> CaptionData:
    """Captions in two parts, every image opened once; the vocabulary is learned from the first."""
    data = read_captions(path, settings, preprocessor, ProgressLog("reading images", say))
    height, width = data.preprocessor.size[1:]
    least = 2 ** len(settings.widths)
    if min(height, width) < least:
        raise UserError(
            f"Images are scaled to {width} x {height}, and {len(settings.widths)} blocks halve them "
            f"as often; expected at least {least} each way. Give --set height=N --set width=N, or "
            "fewer --set channels."
        )
    return data


def load_preprocessor(folder: Path, config: dict[str, Any]) -> CaptionPreprocessor:
    """The vocabulary of a run, and how it scales images."""
    return load_caption_codec(folder)


def resolve(settings: CaptionSettings, data: CaptionData) -> CaptionSettings:
    """Every other setting that was left open; the columns by the names that were found."""
    dropout = DROPOUT if settings.dropout is None else settings.dropout
    table = data.table
    rate = RATE if settings.optimizer == "adamw" else 0.1
    return settings.model_copy(
        update={
            "image": settings.image or table.names[table.media],
            "text": settings.text or (None if table.value is None else table.names[table.value]),
            "height": data.preprocessor.size[1],
            "width": data.preprocessor.size[2],
            "shift": SHIFT if settings.shift is None else settings.shift,
            "batch_size": min(settings.batch_size or BATCH, len(data.train)),
            "dropout": dropout,
            "dropout_input": dropout if settings.dropout_input is None else settings.dropout_input,
            "word_dropout": WORD_DROPOUT
            if settings.word_dropout is None
            else settings.word_dropout,
            "learning_rate": settings.learning_rate or rate,
        }
    )


def model(
    settings: CaptionSettings, preprocessor: CaptionPreprocessor, make: MakeCell
) -> Captioner:
    """The network, on the CPU, freshly initialised. make: the cell of the decoder."""
    return Captioner(
        len(preprocessor.vocabulary),
        preprocessor.size,
        settings.widths,
        settings.embedding or EMBEDDING,
        settings.hidden or HIDDEN,
        settings.layers,
        cell=make,
        attention=settings.attention,
        tie=settings.tie,
        dropout=settings.dropout or 0.0,
        dropout_input=settings.dropout_input or 0.0,
        word_dropout=settings.word_dropout or 0.0,
        shift=settings.shift or 0,
        initialisation=settings.initialisation,
    )


def work(
    network: Captioner, data: CaptionData, settings: CaptionSettings, device: torch.device
) -> Work:
    """What the training loop calls."""
    batches = CaptionBatches(data.train, settings.batch_size or 1, settings.seed)

    def loss(batch: CaptionBatch, state: Any) -> tuple[torch.Tensor, None]:
        return network.loss(
            batch.images,
            batch.inputs,
            batch.target,
            batch.weight,
            smoothing=settings.label_smoothing,
        ), None

    rows = evenly_spread(len(data.valid), WATCHED).tolist()
    pictures, references = data.valid.by_image()
    some = evenly_spread(len(pictures), WATCHED_IMAGES).tolist()
    greedy = settings.model_copy(update={"consensus": 0, "beam": 1, "best": 1})

    def said(places: list[int]) -> list[str]:
        trained = Trained(network, data.preprocessor, greedy, device, Path())
        return [found["caption"] for found in captions_of(trained, data.valid, places)]

    def evaluated() -> dict[str, float]:
        figures = measure(network, data.valid, device, rows=rows)
        scores = caption_scores(said([pictures[k] for k in some]), [references[k] for k in some])
        return {**figures, "cider_d": scores["cider_d"]}

    def sample() -> str:
        first = some[0]
        name = data.valid.images.paths[pictures[first]].name
        return f"{name}\n-> {said([pictures[first]])[0]}\n   ({references[first][0]})"

    return Work(
        model=network,
        batch=lambda number: batches.batch(number).to(device),
        per_epoch=batches.per_epoch,
        loss=loss,
        initial_state=lambda: None,
        evaluate=evaluated,
        sample=sample,
        learning_rate=settings.learning_rate or RATE,
        unit=TOKENS[settings.level],
        device=device,
    )


@torch.no_grad()
def measure(
    network: Captioner,
    part: Captioned,
    device: torch.device,
    watch: Progress | None = None,
    rows: list[int] | None = None,
) -> dict[str, float]:
    """loss (nats a token) and token_accuracy where every token before is the true one.

    rows: only those.
    """
    network.eval()
    nats, right, tokens, done = 0.0, 0, 0, 0
    chosen = list(range(len(part))) if rows is None else rows
    lengths = part.lengths
    chosen.sort(key=lambda row: -int(lengths[row]))
    for at in range(0, len(chosen), ROWS):
        batch = part.batch(chosen[at : at + ROWS]).to(device)
        h, _ = network.decode(network.encode(batch.images), batch.inputs, batch.weight.sum(0))
        targets = batch.target[batch.weight]
        logits = linear(h[batch.weight], network.softmax_weight, network.bias)
        nats += float(cross_entropy(logits, targets, reduction="sum"))
        right += int((logits.argmax(1) == targets).sum())
        tokens += len(targets)
        done += len(batch.lengths)
        if watch is not None:
            watch(done / len(chosen))
    return {"loss": nats / max(1, tokens), "token_accuracy": right / max(1, tokens)}


def captions_of(
    trained: Trained, part: Captioned, places: list[int], watch: Progress | None = None
) -> Iterator[dict[str, Any]]:
    """The answer for each of these images of a part, in order."""
    answered = Answering(trained)
    for at in range(0, len(places), answered.at_once):
        some = places[at : at + answered.at_once]
        yield from answered(part.images.take(some))
        if watch is not None:
            watch(min(1.0, (at + len(some)) / len(places)))


class Answering:
    """The answers for images [B, C, H, W], at most `at_once` of them."""

    def __init__(self, trained: Trained) -> None:
        self.trained, self.at_once = trained, at_once(trained.settings)
        self.worth = partial(Consensus(trained.preprocessor.known).worth, prior=prior_of(trained))

    def __call__(self, images: torch.Tensor) -> list[dict[str, Any]]:
        settings, preprocessor, network = (
            self.trained.settings,
            self.trained.preprocessor,
            self.trained.model,
        )
        found = search(network, preprocessor, images, settings, self.trained.device, self.worth)
        return [answer(preprocessor, one, settings, network.grid) for one in found]


def prior_of(trained: Trained) -> float:
    """Of the consensus, the share of the captions learned from: as asked, else as was fitted."""
    asked: float | None = trained.settings.prior
    return float(trained.model.prior) if asked is None else asked


def settled(trained: Trained, data: CaptionData, watch: Progress) -> list[str]:
    """How much the captions learned from count is fitted on the held-out part."""
    if not trained.settings.consensus or trained.settings.prior is not None:
        return []
    places, references = data.valid.by_image()
    some = evenly_spread(len(places), WATCHED_IMAGES).tolist()
    truth, size = CiderD(references[k] for k in some), at_once(trained.settings)
    consensus, total = Consensus(trained.preprocessor.known), dict.fromkeys(PRIORS, 0.0)
    for at in range(0, len(some), size):
        images = data.valid.images.take([places[k] for k in some[at : at + size]])
        found = drawn_captions(
            trained.model, trained.preprocessor, images, trained.settings, trained.device
        )
        for k, hypotheses in zip(some[at : at + size], found, strict=True):
            drawn = [trained.preprocessor.vocabulary.decode(one.tokens) for one in hypotheses]
            for prior in PRIORS:
                worth = consensus.worth(drawn, prior)
                best = drawn[worth.index(max(worth))]
                total[prior] += truth.score(best, references[k]) / len(some)
        watch(min(1.0, (at + size) / len(some)))
    prior = max(PRIORS, key=lambda one: total[one])
    trained.model.prior.fill_(prior)
    figures = ", ".join(f"{value:.3f} with {share:.0%}" for share, value in total.items())
    return [
        f"Agreeing with the captions learned from counts for {prior:.0%} where one of the drawn "
        f"captions is chosen: CIDEr-D on the held-out part {figures} (--set prior=N)."
    ]


def header(data: CaptionData, settings: CaptionSettings, network: Captioner) -> list[str]:
    """What was read and guessed, each choice with the flag that changes it."""
    preprocessor, train, valid = data.preprocessor, data.train, data.valid
    said = [f"Guessed: {', '.join(data.table.guesses)}."] if data.table.guesses else []
    said += [
        f"{counted(len(train), 'caption')} of {counted(images_in(train), 'image')} to learn from; held "
        f"out: {data.validation_set}, {counted(len(valid), 'caption')} of "
        f"{counted(images_in(valid), 'image')} (--valid FILE).",
        *data.problems.messages(),
        *data.told,
    ]
    colours, height, width = preprocessor.size
    where = "kept in memory" if train.images.kept is not None else "read anew each time"
    said.append(
        f"Images are scaled to {width} x {height}, {'greys' if colours == 1 else 'in colours'} (--set "
        f"width=N --set height=N --set colours=1|3), and {where} (--set cache=MIB)."
    )
    rate = unknown_rate(valid)
    different = len({text.lower() for text in train.texts})
    said.append(
        f"{different:,} different captions; half of all have {int(np.median(train.lengths)) - 1} "
        f"{TOKENS[settings.level]} or fewer, the longest {preprocessor.longest} (--level). Vocabulary: "
        f"{len(preprocessor.vocabulary):,}, {'case dropped' if settings.lower else 'case kept'} (--set "
        f"lower={'false' if settings.lower else 'true'}); of the held-out ones {rate:.2%} are unknown."
    )
    rows, columns = network.grid
    said.append(
        f"Convolutions of {settings.channels} channels (--set channels=...) make a grid of {columns} x "
        f"{rows} places; attention: {settings.attention} (--set attention=dot|general|additive); in "
        f"training images move by up to {settings.shift} pixels (--set shift=N)."
    )
    return said


def images_in(part: Captioned) -> int:
    """How many different images have a caption there."""
    return len(set(part.which.tolist()))


def unknown_rate(part: Captioned) -> float:
    """The share of unknown tokens."""
    ids = np.concatenate(part.ids) if part.ids else np.zeros(0)
    return float((ids == UNKNOWN).mean()) if len(ids) else 0.0


def facts(data: CaptionData) -> dict[str, Any]:
    """Of the data, for the run's config and its model card."""
    return {
        "captions": len(data.train) + len(data.valid),
        "images": images_in(data.train) + images_in(data.valid),
    }


def files(data: CaptionData) -> dict[str, bytes]:
    """What the nearest image is looked for in: evenly from the training part."""
    rows = evenly_spread(len(data.train), KNOWN).tolist()
    small = [
        thumbnails(data.train.images.take(data.train.which[rows[at : at + ROWS]].tolist()))
        for at in range(0, len(rows), ROWS)
    ]
    nearest = NearestImage(torch.cat(small), [data.train.texts[row] for row in rows])
    return {BASELINE: pack(nearest.tensors())}


def result(trained: Trained, data: CaptionData, watch: Progress) -> dict[str, Any]:
    """The figures of the held-out part, captions of at most FINAL images of it."""
    return figures(trained, data.valid, watch, most=FINAL)


def evaluate(
    trained: Trained,
    path: str,
    watch: Progress,
    *,
    image: str | None = None,
    text: str | None = None,
) -> dict[str, Any]:
    """The figures of other captions; those of one image are its references together.

    image, text: the columns, if they are not the run's.
    """
    settings: CaptionSettings = trained.settings
    problems = Problems(settings.skip_bad)
    table = find_again(path, settings, image, text, labelled=True)
    rows = rows_of(table, problems)
    images, fine, _ = open_images(rows, trained.preprocessor.size, settings.cache << 20, problems)
    part = encoded(rows, images, trained.preprocessor).part(fine)
    if not len(part):
        raise UserError(f"{path} has nothing to evaluate; expected images with captions.")
    return {**figures(trained, part, watch), "left_out": problems.count}


def figures(
    trained: Trained, part: Captioned, watch: Progress, most: int | None = None
) -> dict[str, Any]:
    """The figures of a model on captions beside those of the baselines."""
    places, references = part.by_image()
    some = evenly_spread(len(places), most or len(places)).tolist()
    places, references = [places[k] for k in some], [references[k] for k in some]
    found = measure(trained.model, part, trained.device)
    said = [one["caption"] for one in captions_of(trained, part, places, watch)]
    check_baseline(trained.path, BASELINE)
    nearest = NearestImage.from_bytes((trained.path / BASELINE).read_bytes())
    small = [
        thumbnails(part.images.take(places[at : at + ROWS])) for at in range(0, len(places), ROWS)
    ]
    commonest = next(iter(trained.preprocessor.known))
    others = {
        "commonest caption": [commonest] * len(places),
        "nearest image": nearest.captions_of(torch.cat(small)),
    }
    learned = {text.lower() for text in trained.preprocessor.known}
    return {
        **found,
        **caption_scores(said, references),
        "images": len(places),
        "captions": sum(map(len, references)),
        "different": len(set(said)),
        "unknown_rate": unknown_rate(part),
        "in_training": count_shared(list(learned), [text.lower() for text in part.texts]),
        "search": searched(trained.settings, prior_of(trained)),
        "commonest": commonest,
        "baselines": {name: caption_scores(texts, references) for name, texts in others.items()},
    }


def verdict(result: dict[str, Any], where: str) -> list[str]:
    """The figures beside the baselines'."""
    return report(result, where)


def check(path: str, settings: CaptionSettings, say: Log) -> dict[str, Any]:
    """What `unroll train` would meet: every bad record is counted, none stops it."""
    data = read_captions(path, settings.model_copy(update={"skip_bad": True}), None, checking=True)
    parts = (data.train, data.valid)
    lengths = np.concatenate([part.lengths for part in parts]) - 1
    texts = [text.lower() for part in parts for text in part.texts]
    return {
        "guessed": list(data.table.guesses),
        "rows": len(texts),
        "images": images_in(data.train) + images_in(data.valid),
        "scaled_to": {"width": data.preprocessor.size[2], "height": data.preprocessor.size[1]},
        "validation_set": f"{data.validation_set}, {counted(len(data.valid), 'caption')}",
        "different_captions": len(set(texts)),
        "lengths": {
            "median": float(np.median(lengths)),
            "longest": int(lengths.max()),
            "unit": TOKENS[settings.level],
        },
        "vocabulary": len(data.preprocessor.vocabulary),
        "unknown_rate": unknown_rate(data.valid),
        "told": data.told,
        "bad": data.problems.count,
        "problems": [sentence.strip() for sentence in data.problems.messages()[1:]],
    }


def answers(trained: Trained, questions: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """A caption for each image, with where each word looked; questions are paths.

    Raises: UserError for what is no image, unless bad records are skipped: then its answer says so.
    """
    asked, answered = iter(questions), Answering(trained)
    while some := list(islice(asked, answered.at_once)):
        opened: list[torch.Tensor | str] = [opened_image(trained, one) for one in some]
        images = [one for one in opened if isinstance(one, torch.Tensor)]
        found = iter(answered(torch.stack(images)) if images else ())
        for question, one in zip(some, opened, strict=True):
            if isinstance(one, str):
                yield {"image": str(question), "caption": None, "problem": one}
            else:
                yield {"image": str(question), **next(found)}


def opened_image(trained: Trained, question: Any) -> torch.Tensor | str:
    """The image at a path; what is wrong with it, where bad ones are skipped."""
    if not isinstance(question, (str, Path)):
        raise UserError(
            f"Got {type(question).__name__} where an image is expected. Give the path of its file."
        )
    try:
        return scaled(Path(question), trained.preprocessor.size)
    except BadImage as error:
        if trained.settings.skip_bad:
            return str(error)
        raise UserError(f"{error} (--skip-bad goes on without it.)") from error


def questions(trained: Trained, path: str) -> Iterator[str]:
    """The images at a path: one, those of a folder, or those that a table names."""
    if Path(path).is_dir():
        inside = sorted(p for p in Path(path).iterdir() if p.name.lower().endswith(IMAGES))
        if not inside:
            raise UserError(f"{path} holds no images; expected files of {', '.join(IMAGES)}.")
        yield from map(str, inside)
    elif path.removesuffix(".gz").endswith((*TABLE_SUFFIXES, ".jsonl")):
        table = find_again(path, trained.settings, None, None, labelled=False)
        problems = Problems(trained.settings.skip_bad)
        yield from (str(row.path) for row in table.rows(problems))
        for sentence in problems.messages():
            sys.stderr.write(f"unroll: {sentence}\n")
    else:
        yield path


def written(answer: dict[str, Any]) -> str:
    """The image and its caption; with others, each on its line behind its score."""
    if answer["caption"] is None:
        return f"{answer['image']}\t({answer['problem']})"
    rows = [answer, *answer["others"]]
    if len(rows) == 1:
        return f"{answer['image']}\t{answer['caption']}"
    return "\n".join(f"{answer['image']}\t{row['score']:.4f}\t{row['caption']}" for row in rows)


def picture(trained: Trained, path: str) -> str:
    """Where each word looked, drawn over the first images of a file: an SVG."""
    asked = list(islice(questions(trained, path), DRAWN))
    drawn = []
    for found in answers(trained, asked):
        if found["caption"] is None:
            continue
        png, height, width = as_png(found["image"])
        drawn.append(
            Looked(
                png,
                height,
                width,
                found["caption"],
                f"{Path(found['image']).name}: the redder, the more the word looked there",
                found["tokens"],
                found["attention"],
                trained.model.grid,
            )
        )
    if not drawn:
        raise UserError(f"{path} holds no image that can be read; there is nothing to draw.")
    return draw(drawn)


def use_lines(run: str, trained: Trained) -> list[str]:
    """What to type next."""
    return [
        f"  unroll predict {run} IMAGE",
        f"  unroll predict {run} IMAGE --out words.svg",
        f"  unroll eval {run} CAPTIONS --json",
    ]


class CaptionTask(
    Task[
        CaptionSettings, CaptionData, CaptionPreprocessor, Captioner, dict[str, Any], dict[str, Any]
    ]
):
    """The task, as the rest of the program calls it."""

    name = "caption"
    changeable = IN_USE

    def resolve_sizes(self, settings: CaptionSettings, make_cell: MakeCell) -> CaptionSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: CaptionSettings,
        log: Log,
        preprocessor: CaptionPreprocessor | None = None,
    ) -> CaptionData:
        return read(path, settings, log, preprocessor)

    def resolve(self, settings: CaptionSettings, data: CaptionData) -> CaptionSettings:
        return resolve(settings, data)

    def build_network(
        self, settings: CaptionSettings, preprocessor: CaptionPreprocessor, make_cell: MakeCell
    ) -> Captioner:
        return model(settings, preprocessor, make_cell)

    def objective(
        self, network: Captioner, data: CaptionData, settings: CaptionSettings, device: torch.device
    ) -> Objective:
        return work(network, data, settings, device)

    def describe(
        self, data: CaptionData, settings: CaptionSettings, network: Captioner
    ) -> list[str]:
        return header(data, settings, network)

    def metadata(self, data: CaptionData) -> dict[str, object]:
        return facts(data)

    def baseline_files(self, data: CaptionData) -> dict[str, bytes]:
        return files(data)

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> CaptionPreprocessor:
        return load_preprocessor(folder, dict(config))

    def calibrate(
        self,
        trained: Trained[CaptionSettings, CaptionPreprocessor, Captioner],
        data: CaptionData,
        progress: Progress,
    ) -> list[str] | None:
        return settled(trained, data, progress)

    def validate(
        self,
        trained: Trained[CaptionSettings, CaptionPreprocessor, Captioner],
        data: CaptionData,
        progress: Progress,
    ) -> dict[str, Any]:
        return result(trained, data, progress)

    def evaluate(
        self,
        trained: Trained[CaptionSettings, CaptionPreprocessor, Captioner],
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> dict[str, Any]:
        return evaluate(trained, path, progress, **columns)

    def summarise(self, metrics: dict[str, Any], where: str) -> list[str]:
        return verdict(metrics, where)

    def check(self, path: str, settings: CaptionSettings, log: Log) -> dict[str, object]:
        return check(path, settings, log)

    def predict(
        self,
        trained: Trained[CaptionSettings, CaptionPreprocessor, Captioner],
        inputs: Iterable[object],
    ) -> Iterator[dict[str, Any]]:
        return answers(trained, inputs)

    def read_inputs(
        self, trained: Trained[CaptionSettings, CaptionPreprocessor, Captioner], path: str
    ) -> Iterator[object]:
        return questions(trained, path)

    def format_prediction(self, prediction: dict[str, Any]) -> str:
        return written(prediction)

    def plot(
        self, trained: Trained[CaptionSettings, CaptionPreprocessor, Captioner], path: str
    ) -> str:
        return picture(trained, path)

    def usage(
        self, run: str, trained: Trained[CaptionSettings, CaptionPreprocessor, Captioner]
    ) -> list[str]:
        return use_lines(run, trained)
