"""Fit the simple model of closed texts: copies of recordings, cross-validation, ridge regression.

R recordings, N rows (recordings and their copies), K texts, P statistics, L landmarks.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.transcribe.batches import TranscribeDataset
from unroll.tasks.transcribe.floor import (
    ClosedTextModel,
    Parts,
    chosen_statistics,
    gaussian_kernel,
)
from unroll.tasks.transcribe.people import are_known
from unroll.tasks.transcribe.segment_statistics import PLAIN, Variation

# texts are a closed set where there are few, each is frequent, and nearly all records have them
MOST_TEXTS, OFTEN, CLOSED_SHARE = 300, 4, 0.95
COPIES, LANDMARKS, MOST_ROWS, MOST_FRAMES = 4, 1000, 20_000, 1_500_000
SHORT_BUDGET = 20.0  # seconds, below which everything is smaller
PARTS: tuple[Parts, ...] = ("means", "all")
GAMMAS, PENALTIES = (0.3, 1.0), (0.1, 0.3, 1.0)  # gamma times P
FOLDS = 5
CHOOSING = 2000  # recordings, by which gamma and penalty are chosen
STATISTICS_PART = 0.04  # of a budget of seconds, that statistics may take
TIMED = 20  # recordings, whose statistics are timed
SHARPNESSES = np.geomspace(0.5, 30, 40)
SMALLEST = 1e-9  # added to the diagonal of a kernel


@dataclass(frozen=True)
class FloorSize:
    """How much work a fit may be.

    Attributes:
        copies: changed copies of each recording.
        landmarks: L.
        rows: N, at most.
        frames: of all rows, at most.
        chooses: whether gamma and penalty are chosen by cross-validation.
        seconds: that statistics may take; copies that do not fit in are left out.
    """

    copies: int = COPIES
    landmarks: int = LANDMARKS
    rows: int = MOST_ROWS
    frames: int = MOST_FRAMES
    chooses: bool = True
    seconds: float = np.inf

    @classmethod
    def within(cls, seconds: float | None) -> FloorSize:
        """The size that takes an eighth of a budget with the refit, or a few seconds without one."""
        if seconds is None:
            return cls()
        if seconds >= 3 * SHORT_BUDGET:
            return cls(seconds=STATISTICS_PART * seconds)
        share = min(1.0, seconds / SHORT_BUDGET)
        return cls(
            copies=2 if share < 1 else 3,
            landmarks=max(200, int(500 * share)),
            rows=max(500, int(6000 * share)),
            frames=max(20_000, int(300_000 * share)),
            chooses=share == 1,
            seconds=STATISTICS_PART * seconds,
        )


def closed_texts(texts: Sequence[str]) -> tuple[str, ...]:
    """The texts of a closed set, sorted; empty where texts are open.

    Args:
        texts: of the training set.

    Examples:
        >>> from unroll.tasks.transcribe.floor_fitting import closed_texts
        >>> closed_texts(["yes", "no"] * 5), closed_texts(["yes", "no"] * 5 + ["well", "perhaps"])
        (('no', 'yes'), ())
    """
    counts = Counter(texts)
    frequent = {text: count for text, count in counts.items() if count >= OFTEN}
    covered = sum(frequent.values()) >= CLOSED_SHARE * len(texts)
    return tuple(sorted(frequent)) if covered and 2 <= len(frequent) <= MOST_TEXTS else ()


def fit_closed_text_model(
    datasets: Sequence[TranscribeDataset],
    size: FloorSize,
    seed: int,
    progress: Progress | None = None,
    like: ClosedTextModel | None = None,
) -> ClosedTextModel | None:
    """Fit the model on the records of closed texts; None where texts are open.

    Gamma and penalty are chosen by cross-validation on the recordings as they are: over speakers
    where they are known, else over records.

    Args:
        datasets: the training set, and perhaps the validation set.
        size: how much work it may be.
        seed: of copies, landmarks and folds.
        progress: called with the share that is done.
        like: an earlier fit, whose texts, copies, gamma and sharpness are kept. Default: all are fitted.
    """
    table = [(dataset, row) for dataset in datasets for row in range(len(dataset))]
    words = [data.preprocessor.normalise_text(data.records[row].text) for data, row in table]
    texts = like.texts if like is not None else closed_texts(words)
    if not texts:
        return None
    number = {text: k for k, text in enumerate(texts)}
    known = [k for k, word in enumerate(words) if word in number]
    frames = float(np.mean([data.lengths[row] for data, row in table]))
    most = max(2 * len(texts), min(size.rows, int(size.frames / max(1.0, frames))))
    known = [known[k] for k in evenly_spread(len(known), most)]
    y = np.array([number[words[k]] for k in known])
    table = [table[k] for k in known]
    draw = np.random.default_rng((seed, 2))
    folds = make_folds([data.records[row].person for data, row in table], draw)
    copies, seconds = min(size.copies, most // len(table) - 1), size.seconds
    if like is not None:  # what is cached is not computed again
        copies, seconds = min(like.copies, copies), np.inf
    if not table[0][0].preprocessor.varies:
        copies = 0
    x = all_statistics(table, copies, seed, seconds, progress)
    copies = len(x) // len(table) - 1
    rows = FittingRows(x, np.tile(y, 1 + copies), np.tile(folds, 1 + copies), len(texts))
    if like is None:
        kernel = choose_kernel(rows, len(table), size, seed)
    else:
        kernel = KernelChoice(like.gamma, like.penalty, like.sharpness, like.parts)
    return replace(next(fit_ridges(rows, texts, [kernel], size.landmarks, seed)), copies=copies)


def all_statistics(
    table: Sequence[tuple[TranscribeDataset, int]],
    copies: int,
    seed: int,
    seconds: float = np.inf,
    progress: Progress | None = None,
) -> np.ndarray:
    """Statistics [N, P]: of all recordings, then of a changed copy of each, and so on.

    Args:
        table: the recordings, each by its data set and row.
        copies: of each recording, at most.
        seed: of the changes, with the row: a refit finds the same copies.
        seconds: that this may take, as the first recordings tell; fewer copies fit in fewer seconds.
        progress: called with the share that is done.
    """
    found: list[np.ndarray] = []
    begun = time.monotonic()
    for done, (data, row) in enumerate(table):
        if done == TIMED:
            each = (time.monotonic() - begun) / TIMED / (1 + copies)
            copies = max(0, int(min(copies, seconds / len(table) / max(each, 1e-9) - 1)))
        draw = np.random.default_rng((seed, 2, row))
        changed = [Variation.draw(draw) for _ in range(copies)]
        found.append(data.statistics(row, [PLAIN, *changed]))
        if progress is not None:
            progress((done + 1) / len(table))
    return np.stack([each[: 1 + copies] for each in found], 1).reshape(-1, found[0].shape[1])


def make_folds(people: Sequence[str], draw: np.random.Generator) -> np.ndarray:
    """The fold of each record [R]: whole people where they are known.

    Args:
        people: the speaker or writer of each record; empty where unknown.
        draw: assigns people, or records where fewer than two people are known.
    """
    if not are_known(people):
        return draw.permutation(len(people)) % FOLDS
    names = sorted(set(people))
    order = draw.permutation(len(names)) % FOLDS
    fold = {name: int(order[k]) for k, name in enumerate(names)}
    return np.array([fold[name] for name in people])


@dataclass(frozen=True)
class FittingRows:
    """What the model is fitted to.

    Attributes:
        x: statistics [N, P], first those of the recordings, then those of their copies.
        y: number of the text of each row, [N].
        folds: of each row, [N].
        texts: K.
    """

    x: np.ndarray
    y: np.ndarray
    folds: np.ndarray
    texts: int

    def __getitem__(self, which: np.ndarray) -> FittingRows:
        """Some of the rows."""
        return FittingRows(self.x[which], self.y[which], self.folds[which], self.texts)


@dataclass(frozen=True)
class KernelChoice:
    """What is chosen before the model is fitted; the attributes are those of `ClosedTextModel`.

    Attributes:
        gamma: of the kernel.
        penalty: of the regression.
        sharpness: of the probabilities.
        parts: the statistics that it reads.
    """

    gamma: float
    penalty: float
    sharpness: float
    parts: Parts = "all"


def choose_kernel(rows: FittingRows, recordings: int, size: FloorSize, seed: int) -> KernelChoice:
    """The statistics, kernel and penalty of the lowest cross-entropy in cross-validation, each at its
    sharpness.

    Args:
        rows: the first of them are the recordings as they are.
        recordings: how many.
        size: whether there is a choice; else only the sharpness is fitted.
        seed: of the landmarks.
    """
    first = evenly_spread(recordings, CHOOSING)
    copied = len(rows.y) > recordings
    near = rows[np.concatenate([first, recordings + first]) if copied else first]  # with one copy
    plain = np.arange(len(near.y)) < len(first)
    penalties = PENALTIES if size.chooses else PENALTIES[1:2]
    least, best = np.inf, KernelChoice(1.0, penalties[0], 1.0)
    for parts, gamma in kernels_to_try(near, size):
        scores = {penalty: np.zeros((len(first), rows.texts)) for penalty in penalties}
        for fold in sorted(set(near.folds.tolist())):
            out = near.folds == fold
            if len(set(near.y[~out].tolist())) < 2:
                continue
            kernels = [KernelChoice(gamma, penalty, 1.0, parts) for penalty in penalties]
            texts = tuple(map(str, range(rows.texts)))
            for model in fit_ridges(near[~out], texts, kernels, size.landmarks // 2, seed):
                scores[model.penalty][out[: len(first)]] = model.scores(near.x[out & plain])
        for penalty, found in scores.items():
            losses = [cross_entropy(s * found, near.y[: len(first)]) for s in SHARPNESSES]
            k = int(np.argmin(losses))
            if losses[k] < least:
                least = losses[k]
                best = KernelChoice(gamma, penalty, float(SHARPNESSES[k]), parts)
    return best


def kernels_to_try(rows: FittingRows, size: FloorSize) -> Iterator[tuple[Parts, float]]:
    """The statistics and the gammas among which is chosen; one where the size leaves no choice."""
    for parts in PARTS if size.chooses else PARTS[:1]:
        P = chosen_statistics(rows.x[:1], parts).shape[1]
        for gamma in GAMMAS if size.chooses else GAMMAS[-1:]:
            yield parts, gamma / P


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> float:
    """The mean of -log softmax(logits)_y in nats. logits: [R, K]; y: [R]."""
    top = logits.max(1)
    total = top + np.log(np.exp(logits - top[:, None]).sum(1))
    return float((total - logits[np.arange(len(y)), y]).mean())


def fit_ridges(
    rows: FittingRows,
    texts: tuple[str, ...],
    kernels: Sequence[KernelChoice],
    landmarks: int,
    seed: int,
) -> Iterator[ClosedTextModel]:
    """The model of each of these kernels, which have the same gamma and statistics.

    Landmarks L and kernel K: minimise |K_NL c + b - y|^2 + penalty c' K_LL c over c and b.

    Args:
        rows: what it is fitted to.
        texts: K of them.
        kernels: at least one.
        landmarks: L at most.
        seed: of which rows the landmarks are.
    """
    from scipy.linalg import solve

    x, gamma = chosen_statistics(rows.x, kernels[0].parts), kernels[0].gamma
    mean, deviation = x.mean(0), x.std(0)
    deviation = np.where(deviation > 1e-6, deviation, 1.0)
    z = ((x - mean) / deviation).astype(np.float64)
    chosen = np.random.default_rng(seed).permutation(len(z))[:landmarks]
    near = z[chosen].astype(np.float32)
    marks = near.astype(np.float64)
    similar, own = gaussian_kernel(z, marks, gamma), gaussian_kernel(marks, marks, gamma)
    targets = np.where(rows.y[:, None] == np.arange(rows.texts), 1.0, -1.0)
    # centred, so that the intercept is not penalised
    middle, level = similar.mean(0), targets.mean(0)
    gram = (similar - middle).T @ (similar - middle)
    cross = (similar - middle).T @ (targets - level)
    for kernel in kernels:
        system = gram + kernel.penalty * own
        system[np.diag_indices(len(own))] += SMALLEST * len(own)  # landmarks may be the same
        coefficients = solve(system, cross, assume_a="pos")
        yield ClosedTextModel(
            texts,
            mean.astype(np.float64),
            deviation.astype(np.float64),
            near,
            coefficients,
            level - middle @ coefficients,
            kernel.gamma,
            kernel.penalty,
            kernel.sharpness,
            parts=kernel.parts,
        )
