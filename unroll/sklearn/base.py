"""What the estimators share: their parameters, the run that `fit` trains, and how it is pickled."""

from __future__ import annotations

import numbers
import shutil
import weakref
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from unroll.errors import UserError
from unroll.run import Run, load, train

PARAMETERS = (
    "cell", "hidden", "layers", "dropout", "learning_rate", "batch_size", "epochs", "steps", "seconds",
)  # fmt: skip


class RunEstimator(BaseEstimator):
    """An estimator whose `fit` trains a run of one task.

    A parameter that is None has the default of the task.

    Args:
        cell: the name of the cell: "lstm", "gru", ...
        hidden: H, units of a layer.
        layers: L, recurrent layers.
        dropout: share of the units that training leaves out.
        learning_rate: of the optimizer.
        batch_size: B, records of a step.
        epochs: how often the training set is read.
        steps: steps of training.
        seconds: of training.
        random_state: the seed, a whole number or a generator of numpy. None: 1.
        settings: further settings of the task by name, as `unroll.train` takes them.
        out: the run folder, which must not exist. None: a temporary one, which ends with the estimator.
        verbose: whether the progress of training is shown.

    Attributes:
        run_: the trained run, with everything that it can do.
    """

    task: ClassVar[str]

    def __init__(
        self,
        *,
        cell: str | None = None,
        hidden: int | None = None,
        layers: int | None = None,
        dropout: float | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        epochs: float | None = None,
        steps: int | None = None,
        seconds: float | None = None,
        random_state: Any = None,
        settings: Mapping[str, Any] | None = None,
        out: str | Path | None = None,
        verbose: bool = False,
    ) -> None:
        self.cell = cell
        self.hidden = hidden
        self.layers = layers
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.steps = steps
        self.seconds = seconds
        self.random_state = random_state
        self.settings = settings
        self.out = out
        self.verbose = verbose

    @property
    def run_(self) -> Run:
        """The trained run.

        Raises:
            AttributeError: before `fit`.
        """
        if "_run" not in self.__dict__:
            raise AttributeError(f"This {type(self).__name__} is not fitted yet; call fit first.")
        run: Run = self._run
        return run

    def __sklearn_is_fitted__(self) -> bool:
        return "_run" in self.__dict__

    def _train(self, data: Any, labels: Any = None, **more: Any) -> Self:
        """Train the run, and keep it.

        Args:
            data: as `unroll.train` takes it.
            labels: one for each record, or None.
            more: settings of the kind of estimator; those in `settings` come first.
        """
        given = {name: getattr(self, name) for name in PARAMETERS}
        # one thread: which number is fastest is measured, and other numbers round differently
        settings = {"threads": 1, **more, **given, "seed": self._seed(), **(self.settings or {})}
        out = self.out if self.out is not None else self._new_folder() / "run"
        self._run = train(
            data, out, labels=labels, task=self.task, quiet=not self.verbose, **settings
        )
        return self

    def _new_folder(self) -> Path:
        """A temporary folder that ends with this estimator, or when it is fitted again."""
        before = self.__dict__.get("_folder")
        if before is not None:
            before()
        path = mkdtemp(prefix="unroll-")
        self._folder = weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)
        return Path(path)

    def _seed(self) -> int:
        """The seed of the run.

        Raises:
            UserError: where `random_state` is neither a whole number nor a generator.
        """
        state = self.random_state
        if state is None:
            return 1
        if isinstance(state, numbers.Integral):
            return int(state)
        draw = getattr(state, "randint", None) or getattr(state, "integers", None)
        if draw is None:
            raise UserError(
                f"random_state got {state!r}; expected a whole number, or a generator of numpy."
            )
        return int(draw(2**31 - 1))

    def _check_is_fitted(self) -> None:
        """Raises NotFittedError of scikit-learn before `fit`."""
        check_is_fitted(self)

    def __getstate__(self) -> dict[str, Any]:
        """The parameters, and the run as the bytes of its files: weights as safetensors."""
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_folder", None)
        run = state.pop("_run", None)
        if run is not None:
            files = [path for path in run.path.iterdir() if path.is_file()]
            state["_files"] = {path.name: path.read_bytes() for path in files}
            state["_device"] = str(run.device)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Write the files of the run into a temporary folder, and load it."""
        state = dict(state)
        files, device = state.pop("_files", None), state.pop("_device", "cpu")
        super().__setstate__(state)
        if files is None:
            return
        folder = self._new_folder()
        for name, content in files.items():
            (folder / Path(name).name).write_bytes(content)
        self._run = load(folder, device)
