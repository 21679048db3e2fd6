"""The one training loop. It knows no task: a task hands it an `Objective`, a run folder keeps its state."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor

from unroll.cells import State, map_state
from unroll.errors import UserError
from unroll.settings import TrainingSettings
from unroll.training.average import Average
from unroll.training.budget import rate_factor
from unroll.training.checkpoint import (
    checkpoint_files,
    checkpoints,
    load_newest,
    pack,
    save_checkpoint,
)
from unroll.training.clock import Clock
from unroll.training.folder import RunFolder
from unroll.training.gradient_monitor import changed_flows, monitor_gradients
from unroll.training.interrupt import Interrupt
from unroll.training.metrics_file import MetricsFile
from unroll.training.objective import Objective, TrainingBatch
from unroll.training.optimizer import clip_gradient, make_optimizer
from unroll.training.pace import Pace
from unroll.training.progress import TIMES, TrainingProgress
from unroll.training.report import ProgressLog, TrainingReport
from unroll.training.seeds import all_networks, kept_network, seed_in_words, seed_of
from unroll.training.snapshots import Snapshots

LOG_EVERY = 10  # steps between lines of metrics.jsonl
SKIPS_IN_ROW = 5  # steps in a row without a finite gradient before going back
ROLLBACKS = 6  # returns to a checkpoint before giving up
SAVE_SECONDS = 300.0  # longest time without a checkpoint, where checkpoint_every is not given
SAMPLE_SECONDS = 4.0  # between samples


class Trainer:
    """One run, from where it is to the end of its budget: `started` or `resume`, then `train`.

    Args:
        objective: the network, its batches with their loss, and its validation metrics.
        settings: budget, optimizer, schedule, clipping, how often to evaluate and save.
        folder: where checkpoints, metrics and the best weights go; locked by the caller.
        report: what a person sees.
        clock: of the run, which a budget of seconds is measured by. Default: it starts now.
        make_objective: the objective of network number k of the run, from 0, with a network drawn from
            its seed; of a run of several seeds.

    Attributes:
        progress: every number that goes from step to step.
        state: the recurrent state that is carried into the next batch.
        optimizer: with its moments.
        average: of the weights, where the settings ask for it.
        has_ended: whether every step was taken before a kill, so that `train` takes none.
        pace: how `train` spends its time; made where it begins.
    """

    def __init__(
        self,
        objective: Objective,
        settings: TrainingSettings,
        folder: RunFolder,
        report: TrainingReport,
        clock: Clock | None = None,
        make_objective: Callable[[int], Objective] | None = None,
    ) -> None:
        self.settings, self.folder, self.report = settings, folder, report
        self.progress = TrainingProgress()
        self.has_ended = False
        self.clock = clock or Clock()
        self.make_objective = make_objective
        self._saved = self._next_sample = 0.0  # times of the clock
        self._use(objective, 0)

    def _use(self, objective: Objective, number: int) -> None:
        """Train the network of this objective, number `number` of the run, from its beginning."""
        self.objective, self._number = objective, number
        if number == 0:  # of a run of several seeds the first network is followed
            self.snapshots = Snapshots(objective, self.folder, self.settings)
        self.optimizer = make_optimizer(objective.model, self.settings, objective.learning_rate)
        average = self.settings.average
        self.average = Average(objective.model, average) if average else None
        self.state: State | None = None
        self._everything: Objective | None = None
        self._evaluated = 0  # the step of the last evaluation
        self._recent: deque[float] = deque(maxlen=100)  # losses
        self._flows: dict[str, str] = {}  # by layer, as the gradient monitor last found it

    @property
    def metrics(self) -> MetricsFile:
        """The file metrics.jsonl of the run folder."""
        return MetricsFile(self.folder.path / "metrics.jsonl")

    @contextmanager
    def started(
        self, files: Mapping[str, bytes], *, overwrite: bool = False, numbered: bool = False
    ) -> Iterator[None]:
        """A block in which the run folder is there, with its first checkpoint, and is held.

        Args:
            files: further files of the folder by name.
            overwrite: whether a run that is there is replaced.
            numbered: whether a taken name gets a number.
        """
        first = self._checkpoint_files() if self._has_finite_weights() else None
        with self.folder.published(files, first, overwrite=overwrite, numbered=numbered):
            yield

    def resume(self) -> None:
        """Continue from the newest whole checkpoint; a run that has none yet starts at step 0.

        Raises:
            UserError: where checkpoints are there, and none is whole.
        """
        newest, path = self._load_newest(), self.folder.path
        if newest is None and checkpoints(path):
            raise UserError(
                f"{path} has no undamaged checkpoint to resume from. Start it again by --overwrite."
            )
        if newest is None:
            self.save()
            self.metrics.truncate(0)
            self.report.log(f"{path} has no checkpoint: the run starts at step 0.")
            return
        name, self.progress = newest
        self.metrics.truncate(self.progress.steps_of_all)
        seed = seed_in_words(self.settings, self._number)
        self.report.log(f"Resuming at step {self.progress.step}{seed} from {name}.")

    def train(self, listening: Interrupt | None = None) -> str:
        """Train to the end of the budget.

        Args:
            listening: an Interrupt that has listened since before the run folder was made, so that
                no Ctrl-C falls between the folder and the first step.

        Returns:
            Why it ended: "done", "early" or the name of a signal.
        """
        refits = self.everything is not None
        self.pace = Pace(self.settings, self.objective, self.progress, self.clock, refits=refits)
        solved = self.objective.closed_form
        try:
            with Interrupt() as interrupt:
                interrupt.signal = interrupt.signal or (listening.signal if listening else None)
                why = self._solve() if solved else self._take_steps(interrupt)
                while why in ("done", "early") and self._begin_next_network():
                    why = self._solve() if solved else self._take_steps(interrupt)
                self.progress.finished = why in ("done", "early")
                self.save()
                if kept_network(all_networks(self.settings, self.progress)).best is None:
                    self._keep_best()
        finally:
            self.report.close()
        return why

    @property
    def everything(self) -> Objective | None:
        """The objective over training set and validation set, for a refit; None: there is none."""
        if self._everything is None and self.settings.refit and not self.objective.closed_form:
            self._everything = self.objective.with_validation_set()
        return self._everything

    def _begin_next_network(self) -> bool:
        """Put the next network of the run in the place of the one that has ended, if there is one."""
        number = self._number + 1
        if number >= self.settings.seeds or self.make_objective is None:
            return False
        begun = self.progress.of_next_network(seed_of(self.settings, self._number))
        vars(self.progress).update(vars(begun))  # the object stays the same: the pace holds it
        self._use(self.make_objective(number), number)
        self.pace.begin_network(self.objective)
        self.save()
        self.report.log(f"The network of seed {seed_of(self.settings, number)} begins.")
        return True

    def _take_steps(self, interrupt: Interrupt) -> str:
        """Step, evaluate and save until there is a reason to end, which is returned."""
        settings, progress, pace = self.settings, self.progress, self.pace
        patience = settings.patience or math.inf
        if self.has_ended:
            return "early" if progress.waited >= patience else "done"
        progress.finished = False
        if progress.step == 0:
            self._take_snapshot()
        self._saved = time.perf_counter()
        self.objective.model.train()
        while (share := pace.share()) < 1:
            begun = pace.now
            self._step(share)
            pace.took_step(begun)
            share = pace.share()
            self.report.step(self._step_metrics(), share, pace.training_left(share))
            if progress.skipped_in_row >= SKIPS_IN_ROW:
                self._roll_back()
                continue

            due = pace.evaluation_is_due(share)
            if due or progress.step == 1:
                self._monitor_gradients()
            if due:
                self._evaluate(share)
            if due and share < 1 and progress.waited >= patience:
                return "early"
            if interrupt.signal is not None:
                return interrupt.signal
            # while steps are skipped, the last checkpoint is the one to go back to
            if share < 1 and not progress.skipped_in_row and self._checkpoint_is_due(due):
                self.save()
                self._saved = time.perf_counter()
            pace.read()
        if pace.steps and self._evaluated != progress.step:  # saving used up what was left
            self._evaluate(1.0)
        return "done"

    def _solve(self) -> str:
        """Find the weights in closed form: one step, however long it takes, and no further one."""
        progress, begun = self.progress, self.pace.now
        self.objective.model.eval()
        with torch.no_grad():
            for message in self.objective.solve(ProgressLog("solving", self.report.log)):
                self.report.log(message)
        progress.step = 1
        self.pace.took_step(begun)
        self._evaluate(1.0)
        return "done"

    # a step

    def _write(self, **numbers: object) -> None:
        """Write numbers of this step to metrics.jsonl, which counts the steps of all networks."""
        self.metrics.write(step=self.progress.steps_of_all, **numbers)

    def _step(self, share: float) -> None:
        """One batch: loss, gradient, clipping, update. A loss or gradient that is not finite is skipped."""
        objective, progress = self.objective, self.progress
        batch = objective.batch(progress.step)
        rate = self._set_learning_rate(share)

        self.optimizer.zero_grad()
        total, state = batch.loss(self._carried(batch))
        loss = total / max(1, batch.tokens)
        value, norm = float(loss.detach()), math.nan
        if math.isfinite(value):
            loss.backward()
            norm = clip_gradient(objective.model, self.settings)
        progress.step += 1
        progress.tokens += batch.tokens
        if not math.isfinite(norm):
            self._skip("loss" if not math.isfinite(value) else "gradient", value)
            return
        self.optimizer.step()
        if self.average is not None:
            self.average.update(progress.step)
        self.state = None if state is None else map_state(Tensor.detach, state)
        progress.fresh = self.state is None
        progress.skipped_in_row = 0
        self._recent.append(value)
        if progress.step % LOG_EVERY == 0 or progress.step == 1:
            self._write(
                loss=value,
                gradient_norm=norm,
                learning_rate=rate,
                tokens=progress.tokens,
                seconds=round(progress.seconds, 3),
            )

    def _set_learning_rate(self, share: float) -> float:
        """The learning rate at this share of the training, which the optimizer gets."""
        settings = self.settings
        factor = rate_factor(settings.schedule, self.pace.schedule_share(share), settings.warm_up)
        rate = self.objective.learning_rate * self.progress.rate_scale * factor
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def _carried(self, batch: TrainingBatch) -> State | None:
        """The state that goes into a batch; None: zeros."""
        return None if batch.fresh or self.progress.fresh else self.state

    def _skip(self, what: str, loss: float) -> None:
        """Count and report a step whose loss or gradient (what) is not finite."""
        progress = self.progress
        progress.skipped += 1
        progress.skipped_in_row += 1
        progress.fresh = True  # the carried state may not be finite either
        self._write(skipped=f"the {what} is not finite", loss=loss)
        self.report.log(
            f"Step {progress.step} is skipped: its {what} is not finite "
            f"({progress.skipped} so far)."
        )

    # between steps

    def _checkpoint_is_due(self, evaluated: bool) -> bool:
        """As the settings say; else after each evaluation, and where the last one is long ago."""
        if self.settings.checkpoint_every is not None:
            return self.progress.step % self.settings.checkpoint_every == 0
        return evaluated or time.perf_counter() - self._saved > SAVE_SECONDS

    def _monitor_gradients(self) -> None:
        """Where the settings ask for it, follow gradients back through the next batch."""
        if self.settings.watch != "gradients":
            return
        batch = self.objective.batch(self.progress.step)  # the next one, which the state is for
        layers = monitor_gradients(self.objective, batch, self._carried(batch))
        messages = changed_flows(layers, self._flows, self.objective.model, self.settings.clip_norm)
        if layers:
            self._write(gradients={x.name: x.record() for x in layers}, messages=messages)
        for message in messages:
            self.report.log(f"Step {self.progress.step}, {message}")

    def _evaluate(self, share: float) -> None:
        """Validation metrics, the best weights, a sample; nothing random of training is touched."""
        with nullcontext() if self.average is None else self.average.in_place():
            self._evaluate_weights(share)
        self._evaluated = self.progress.step
        self.pace.read()

    def _evaluate_weights(self, share: float) -> None:
        """The same with the weights that the network has now."""
        progress, model = self.progress, self.objective.model
        model.eval()
        with torch.no_grad():
            if limited := self.pace.limit_records():
                self.report.log(limited)
            begun = self.pace.now
            metrics = self.objective.evaluate()
            sample = None
            if time.monotonic() >= self._next_sample and share < 1:
                self._next_sample = time.monotonic() + SAMPLE_SECONDS
                sample = self.objective.sample()
            self.pace.took_evaluation(begun)
        model.train()
        self._take_snapshot()
        progress.validation = metrics
        self._write(
            validation=metrics,
            **{name: round(getattr(progress, name), 3) for name in TIMES},
        )
        better = progress.is_better(metrics[self.objective.decides], metrics.get("loss"))
        if better:
            progress.best, progress.best_loss = metrics[self.objective.decides], metrics.get("loss")
            progress.best_step, progress.best_metrics, progress.waited = progress.step, metrics, 0
            if progress.is_best_of_all():
                self._keep_best()
        elif message := progress.wait(self.settings.schedule):
            self.report.log(message)
        self.report.evaluation(progress.step, metrics, better, sample)

    def _take_snapshot(self) -> None:
        """What training has changed so far, of the first network."""
        if self._number == 0:
            self.snapshots.take(self.progress.step)

    # checkpoints

    def _roll_back(self) -> None:
        """Go back to the last good checkpoint with half the learning rate.

        Raises:
            UserError: where that has not helped several times, or there is no checkpoint.
        """
        before = self.progress
        newest = None if before.rollbacks >= ROLLBACKS else self._load_newest()
        if newest is None:
            raise UserError(
                f"The loss stays not finite after {before.rollbacks} returns to a checkpoint with "
                f"half the learning rate each. The last good checkpoint is kept in "
                f"{self.folder.path}; start again with a lower --set learning_rate=..., or look "
                "for bad values in the data."
            )
        name, now = newest
        now.rollbacks, now.skipped = before.rollbacks + 1, before.skipped
        now.skipped_in_row, now.rate_scale = 0, before.rate_scale / 2
        now.evaluation_share = before.evaluation_share
        vars(now).update({name: getattr(before, name) for name in TIMES})
        # the object stays the same: the loop holds it
        vars(self.progress).update(vars(now))
        self.pace.objective = self.objective
        self.metrics.truncate(now.steps_of_all)
        self._write(rollback=name, rate_scale=now.rate_scale)
        self.report.log(
            f"{SKIPS_IN_ROW} steps in a row were not finite: back to {name} with half the "
            f"learning rate ({self.objective.learning_rate * now.rate_scale:.2g})."
        )
        self.save()  # so that the halved rate survives a kill

    def _load_newest(self) -> tuple[str, TrainingProgress] | None:
        """Load the newest whole checkpoint but for its progress; its name and its progress, or None."""
        said: list[str] = []
        model, start = self.objective.model, self.objective.initial_state()
        found = load_newest(self.folder.path, said, model, self.optimizer, start, self.average)
        for warning in said:
            self.report.log(warning)
        if found is None:
            return None
        folder, self.state, progress = found
        number = len(progress.networks)
        if number != self._number and self.make_objective is not None:
            self._use(self.make_objective(number), number)
            return self._load_newest()
        return folder.name, progress

    def _keep_best(self) -> None:
        """Save the weights that `unroll.load` reads."""
        self.folder.save({"model.safetensors": pack(dict(self.objective.model.state_dict()))})

    def _has_finite_weights(self) -> bool:
        """Whether the weights are worth going back to; where they are not, that is reported."""
        if all(bool(p.isfinite().all()) for p in self.objective.model.parameters()):
            return True
        self.report.log(
            f"The weights of step {self.progress.step} are not finite: no checkpoint is made of them."
        )
        return False

    def _checkpoint_files(self) -> tuple[str, dict[str, bytes]]:
        """The name and the files of a checkpoint of this moment."""
        return checkpoint_files(
            self.objective.model, self.optimizer, self.state, self.progress, self.average
        )

    def save(self) -> None:
        """Save a checkpoint, of weights that are worth going back to."""
        if self._has_finite_weights():
            keep = self.settings.keep_checkpoints
            save_checkpoint(self.folder.path, self._checkpoint_files(), keep)

    # for the report

    def _step_metrics(self) -> dict[str, float]:
        """What the report of a step shows; the loss is the mean of the last hundred."""
        return {
            "step": self.progress.step,
            "loss": sum(self._recent) / len(self._recent) if self._recent else math.nan,
            "tokens": self.progress.tokens,
            "seconds": self.progress.seconds,
        }
