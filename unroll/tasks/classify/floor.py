"""The simple model of a classifier: a linear model of n-grams, or random convolutions and ridge.

R records, S scores, K classes, N steps of all records, F columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unroll.data.split import evenly_spread
from unroll.models.classification_metrics import classification_metrics
from unroll.models.log_linear import combine_scores, fit_log_linear, scores_to_probabilities
from unroll.models.random_convolutions import MOST_SEQUENCES, ConvolutionClassifier
from unroll.saved_files import Damaged
from unroll.tasks.classify.linear_text import SMOOTHINGS, LinearTextModel, affordable
from unroll.training.checkpoint import pack_arrays, read_arrays

FILE = "floor.safetensors"
TEXT_SHARES, NUMBER_SHARES = (0.7, 0.7, 0.5, 0.0), (5.0,)  # expected before any record is seen
SPREADS = {True: 3.0, False: 10.0}  # how far the shares may be from it: of texts, of numbers
LEAST_SHARE = 0.01  # of what is expected, where records say that nothing can be told
FEW = 300  # validation records below which the training set is cross-validated too
FOLDS, FOLD_RECORDS = 5, 1000
MOST_CALIBRATION = 2000  # validation records that fit the shares
# of fitting to the training set: seconds at most, and the part of a budget; of a short one more
MOST_SECONDS, SHARE_OF_BUDGET = 30.0, 0.125
LEAST_SECONDS, MOST_OF_BUDGET = 1.2, 0.25
FEWER_CONVOLUTIONS, FEW_SECONDS = 1000, 2.5  # where there are no more seconds

SimpleModel = LinearTextModel | ConvolutionClassifier


@dataclass(frozen=True)
class FloorInputs:
    """Records as the simple model reads them.

    Attributes:
        texts: of each record, [R]; empty where the records are numbers.
        items: steps of all records, end to end; scaled numbers float32 [N, F], where they are numbers.
        lengths: steps of each record, [R].
        targets: classes [R], or bool [R, K] where a record may have several.
    """

    texts: Sequence[str]
    items: np.ndarray
    lengths: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: np.ndarray) -> FloorInputs:
        """Only these records."""
        starts = np.cumsum([0, *self.lengths])
        items = self.items[:0]
        if self.items.ndim == 2:
            items = np.concatenate(
                [items, *(self.items[starts[row] : starts[row + 1]] for row in rows)]
            )
        texts = [self.texts[row] for row in rows] if self.texts else ()
        return FloorInputs(texts, items, self.lengths[rows], self.targets[rows])


@dataclass(frozen=True)
class FloorOptions:
    """How the simple model is fitted.

    Attributes:
        classes: K.
        lower: whether texts are lowercased.
        balanced: whether all classes have the same weight together.
        seed: of whatever is drawn.
        seconds: the budget of the run; None: there is none.
        characters: how many characters n-grams have, where they were chosen before.
    """

    classes: int
    lower: bool = True
    balanced: bool = False
    seed: int = 1
    seconds: float | None = None
    characters: tuple[int, ...] | None = None


@dataclass(frozen=True)
class ClassifyFloor:
    """The simple model, and how much each of its scores counts.

    Attributes:
        model: scores of the classes.
        shares: [S].
        records: how many records it was fitted on.
        smoothing: what is added to the counts of naive Bayes.
        multi_label: whether a record may have several classes.
    """

    model: SimpleModel
    shares: np.ndarray
    records: int
    smoothing: float
    multi_label: bool

    @property
    def title(self) -> str:
        """What it is, for people."""
        return "linear model" if isinstance(self.model, LinearTextModel) else "random convolutions"

    def logits(self, inputs: FloorInputs) -> np.ndarray:
        """Logits, float64 [R, K], whose softmax or sigmoid are its probabilities."""
        return combine_scores(raw_scores(self.model, inputs), self.shares)

    def probabilities(self, inputs: FloorInputs) -> np.ndarray:
        """The probability of each class, [R, K]."""
        return scores_to_probabilities(self.logits(inputs), self.multi_label)

    def to_bytes(self) -> bytes:
        """The model as a safetensors file."""
        facts = np.array([self.records, self.smoothing], dtype=np.float64)
        return pack_arrays({**self.model.arrays(), "shares": self.shares, "facts": facts})

    @classmethod
    def load(
        cls, folder: Path, classes: int, columns: int | None, multi_label: bool
    ) -> ClassifyFloor:
        """The model that a run folder holds, as `to_bytes` wrote it.

        Args:
            folder: the run folder.
            classes: K, which it has to have.
            columns: F, where the records are numbers.
            multi_label: whether a record may have several classes.

        Raises:
            UserError: where the file is missing or holds anything else.
        """
        arrays = read_arrays(folder, FILE)
        try:
            shares, facts = arrays["shares"], arrays["facts"]
            model: SimpleModel
            if columns is None:
                model = LinearTextModel.from_arrays(arrays, classes)
            else:
                model = ConvolutionClassifier.from_arrays(arrays, columns, classes)
            expected = TEXT_SHARES if columns is None else NUMBER_SHARES
            if shares.shape != (len(expected),) or facts.shape != (2,):
                raise ValueError("expected the share of each score")
            finite = np.isfinite(shares).all() and np.isfinite(facts).all()
            if not (finite and (shares >= 0).all() and (facts > 0).all()):
                raise ValueError("expected shares of at least 0, and facts above 0")
        except (KeyError, ValueError) as error:
            raise Damaged(f"{folder / FILE} is damaged: {str(error)[:100]}") from error
        return cls(model, shares, int(facts[0]), float(facts[1]), multi_label)


def raw_scores(model: SimpleModel, inputs: FloorInputs) -> np.ndarray:
    """The scores of a simple model for records, [R, S, K]."""
    if isinstance(model, LinearTextModel):
        return model.scores(inputs.texts)
    return model.scores(inputs.items, inputs.lengths)[:, None]


def fit_classify_floor(
    train: FloorInputs, valid: FloorInputs, options: FloorOptions
) -> ClassifyFloor:
    """Fit the simple model to a training set, and the shares of its scores to other records.

    These are the validation set; where it is small, records of the training set too, scored by models
    that were fitted without them.

    Args:
        train: the training set.
        valid: the validation set.
        options: how it is fitted.
    """
    models, records = fit_models(train, options, SMOOTHINGS)
    multi_label = train.targets.ndim == 2
    is_text = isinstance(models[0], LinearTextModel)
    sample = valid.take(evenly_spread(len(valid), MOST_CALIBRATION))
    scored = [(scores_of_models(models, sample), sample.targets)]
    if len(valid) < FEW:
        scored += cross_validated(train, options)
    targets = np.concatenate([y for _, y in scored])
    expected = TEXT_SHARES if is_text else NUMBER_SHARES
    found: list[tuple[float, ClassifyFloor]] = []
    for k, model in enumerate(models):
        scores = np.concatenate([each[k] for each, _ in scored])
        shares = fit_log_linear(scores, targets, expected, SPREADS[is_text])
        if not shares.any():  # no class would be more likely than another
            shares = LEAST_SHARE * np.array(expected)
        p = scores_to_probabilities(combine_scores(scores, shares), multi_label)
        floor = ClassifyFloor(model, shares, records, SMOOTHINGS[k], multi_label)
        found.append((classification_metrics(p, targets)["loss"], floor))
    return min(found, key=lambda pair: pair[0])[1]


def refit_classify_floor(
    floor: ClassifyFloor, everything: FloorInputs, options: FloorOptions
) -> ClassifyFloor:
    """The same model fitted again, to all records, with the shares and the smoothing that were chosen.

    Args:
        floor: fitted to the training set.
        everything: training set and validation set.
        options: how it is fitted.
    """
    if isinstance(floor.model, LinearTextModel):  # the shares are for these n-grams
        options = replace(options, characters=floor.model.features.characters)
    models, records = fit_models(everything, options, (floor.smoothing,))
    return ClassifyFloor(models[0], floor.shares, records, floor.smoothing, floor.multi_label)


def fit_models(
    train: FloorInputs, options: FloorOptions, smoothings: Sequence[float]
) -> tuple[list[SimpleModel], int]:
    """A model for each smoothing, and how many records they were fitted on; of numbers one model."""
    K, most = options.classes, MOST_SECONDS
    if options.seconds is not None:
        short = min(LEAST_SECONDS, MOST_OF_BUDGET * options.seconds)
        most = min(most, max(short, SHARE_OF_BUDGET * options.seconds))
    if not train.texts:
        fewer = FEWER_CONVOLUTIONS if most < FEW_SECONDS else None
        convolutions = ConvolutionClassifier.fit(
            train.items, train.lengths, train.targets, K, options.seed, fewer
        )
        return [convolutions], min(len(train), MOST_SEQUENCES)
    length, several = sum(map(len, train.texts)), train.targets.ndim == 2
    characters, share = affordable(length, K, most, several=several)
    if options.characters not in (None, characters):  # more than so many texts afford, just about
        characters, share = options.characters, 1.0
    wanted = max(2, round(share * len(train)))
    if wanted < len(train):
        train = train.take(evenly_spread(len(train), wanted))
    found = LinearTextModel.fit(
        train.texts,
        train.targets,
        K,
        lower=options.lower,
        characters=characters,
        balanced=options.balanced,
        smoothings=smoothings,
        seed=options.seed,
    )
    return list(found), len(train)


def scores_of_models(models: Sequence[SimpleModel], inputs: FloorInputs) -> list[np.ndarray]:
    """The scores [R, S, K] of each model; those of texts differ in naive Bayes alone."""
    return [raw_scores(model, inputs) for model in models]


def cross_validated(
    train: FloorInputs, options: FloorOptions
) -> list[tuple[list[np.ndarray], np.ndarray]]:
    """Scores of records of the training set by models that were fitted without them, and the targets.

    Args:
        train: the training set; of a large one an even sample.
        options: how models are fitted; all of them take as long as one, where they are of texts.
    """
    if options.seconds is not None and train.texts:
        options = replace(options, seconds=options.seconds / FOLDS)
    some = train.take(evenly_spread(len(train), FOLD_RECORDS))
    fold = np.random.default_rng(options.seed).permutation(len(some)) % FOLDS
    found = []
    for k in range(min(FOLDS, len(some))):
        rest = some.take(np.flatnonzero(fold != k))
        left_out = some.take(np.flatnonzero(fold == k))
        if len(np.unique(rest.targets, axis=0)) < 2:
            continue
        models, _ = fit_models(rest, options, SMOOTHINGS)
        found.append((scores_of_models(models, left_out), left_out.targets))
    return found
