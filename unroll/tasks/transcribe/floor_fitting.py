"""Fit the simple model of closed texts: copies of recordings, cross-validation, ridge regression.

R recordings, N rows (recordings and their copies), K texts, P statistics, L landmarks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.transcribe.batches import TranscribeDataset
from unroll.tasks.transcribe.floor import ClosedTextModel
from unroll.tasks.transcribe.people import are_known
from unroll.tasks.transcribe.segment_statistics import PLAIN, Variation, recording_statistics

# texts are a closed set where there are few, each is frequent, and nearly all records have them
MOST_TEXTS, OFTEN, CLOSED_SHARE = 300, 4, 0.95
COPIES, LANDMARKS, MOST_ROWS, MOST_FRAMES = 4, 1000, 20_000, 1_500_000
SHORT_BUDGET = 20.0  # seconds, below which everything is smaller
GAMMAS, PENALTIES = (0.3, 1.0), (0.1, 0.3, 1.0)  # gamma times P
FOLDS = 5
SHARPNESSES = np.geomspace(0.5, 30, 40)


@dataclass(frozen=True)
class FloorSize:
    """How much work a fit may be.

    Attributes:
        copies: changed copies of each recording.
        landmarks: L.
        rows: N, at most.
        frames: of all rows, at most.
        chooses: whether gamma and penalty are chosen by cross-validation.
    """

    copies: int = COPIES
    landmarks: int = LANDMARKS
    rows: int = MOST_ROWS
    frames: int = MOST_FRAMES
    chooses: bool = True

    @classmethod
    def within(cls, seconds: float | None) -> FloorSize:
        """The size that takes a tenth of a budget, or a few seconds without one."""
        if seconds is None or seconds >= 3 * SHORT_BUDGET:
            return cls()
        share = min(1.0, seconds / SHORT_BUDGET)
        return cls(
            copies=2 if share < 1 else 3,
            landmarks=max(200, int(500 * share)),
            rows=max(500, int(6000 * share)),
            frames=max(20_000, int(300_000 * share)),
            chooses=share == 1,
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
        like: an earlier fit, whose texts, gamma and sharpness are kept. Default: all are fitted.
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
    copies = min(size.copies, most // len(table) - 1) if table[0][0].preprocessor.varies else 0
    x = all_statistics(table, copies, draw, progress)
    rows = FittingRows(x, np.tile(y, 1 + copies), np.tile(folds, 1 + copies), len(texts))
    if like is None:
        kernel = choose_kernel(rows, len(table), size, seed)
    else:
        kernel = KernelChoice(like.gamma, like.penalty, like.sharpness)
    return next(fit_ridges(rows, texts, [kernel], size.landmarks, seed))


def all_statistics(
    table: Sequence[tuple[TranscribeDataset, int]],
    copies: int,
    draw: np.random.Generator,
    progress: Progress | None = None,
) -> np.ndarray:
    """Statistics [N, P]: of all recordings, then of a changed copy of each, and so on."""
    found: list[list[np.ndarray]] = [[] for _ in range(1 + copies)]
    for done, (data, row) in enumerate(table):
        raw = data.raw(row)
        for copy in range(1 + copies):
            variation = Variation.draw(draw) if copy else PLAIN
            found[copy].append(recording_statistics(data.preprocessor, raw, variation))
        if progress is not None:
            progress((done + 1) / len(table))
    return np.stack([each for own in found for each in own])


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
    """

    gamma: float
    penalty: float
    sharpness: float


def choose_kernel(rows: FittingRows, recordings: int, size: FloorSize, seed: int) -> KernelChoice:
    """The kernel and penalty of the lowest cross-entropy in cross-validation, each at its sharpness.

    Args:
        rows: the first of them are the recordings as they are.
        recordings: how many.
        size: whether there is a choice; else only the sharpness is fitted.
        seed: of the landmarks.
    """
    P = rows.x.shape[1]
    near = rows[np.arange(min(2 * recordings, len(rows.y)))]  # with one copy
    plain = np.arange(len(near.y)) < recordings
    gammas = [gamma / P for gamma in (GAMMAS if size.chooses else GAMMAS[-1:])]
    penalties = PENALTIES if size.chooses else PENALTIES[1:2]
    least, best = np.inf, KernelChoice(gammas[0], penalties[0], 1.0)
    for gamma in gammas:
        scores = {penalty: np.zeros((recordings, rows.texts)) for penalty in penalties}
        for fold in sorted(set(near.folds.tolist())):
            out = near.folds == fold
            if len(set(near.y[~out].tolist())) < 2:
                continue
            kernels = [KernelChoice(gamma, penalty, 1.0) for penalty in penalties]
            texts = tuple(map(str, range(rows.texts)))
            for model in fit_ridges(near[~out], texts, kernels, size.landmarks // 2, seed):
                scores[model.penalty][out[:recordings]] = model.scores(near.x[out & plain])
        for penalty, found in scores.items():
            losses = [cross_entropy(s * found, near.y[:recordings]) for s in SHARPNESSES]
            k = int(np.argmin(losses))
            if losses[k] < least:
                least, best = losses[k], KernelChoice(gamma, penalty, float(SHARPNESSES[k]))
    return best


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
    """The model of each of these kernels, which have the same gamma.

    Args:
        rows: what it is fitted to.
        texts: K of them.
        kernels: at least one.
        landmarks: L at most.
        seed: of which rows the landmarks are.
    """
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import Ridge

    mean, deviation = rows.x.mean(0), rows.x.std(0)
    deviation = np.where(deviation > 1e-6, deviation, 1.0)
    z = ((rows.x - mean) / deviation).astype(np.float64)
    nystroem = Nystroem(
        gamma=kernels[0].gamma, n_components=min(landmarks, len(z)), random_state=seed
    ).fit(z)
    near = nystroem.transform(z)
    targets = np.where(rows.y[:, None] == np.arange(rows.texts), 1.0, -1.0)
    for kernel in kernels:
        ridge = Ridge(alpha=kernel.penalty).fit(near, targets)
        yield ClosedTextModel(
            texts,
            mean.astype(np.float64),
            deviation.astype(np.float64),
            nystroem.components_.astype(np.float32),
            nystroem.normalization_.T @ ridge.coef_.T,
            np.asarray(ridge.intercept_, dtype=np.float64),
            kernel.gamma,
            kernel.penalty,
            kernel.sharpness,
        )
