"""The one training loop. It knows no task: a task hands it an `Objective`, a run folder keeps its state."""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from unroll.cells import State, map_state
from unroll.errors import UserError
from unroll.settings import TrainingSettings
from unroll.training.average import Average
from unroll.training.budget import Budget, rate_factor
from unroll.training.checkpoint import (
    Progress,
    load_checkpoint,
    pack,
    save_checkpoint,
    sound_checkpoints,
)
from unroll.training.files import sweep
from unroll.training.folder import RunFolder
from unroll.training.interrupt import Interrupt
from unroll.training.metrics import Metrics
from unroll.training.objective import Objective
from unroll.training.optimizer import make_optimizer
from unroll.training.report import ProgressLog, Report
from unroll.training.watch import watched_gradients

LOG_EVERY = 10  # steps between lines of metrics.jsonl
SKIPS_IN_ROW = 5  # steps in a row without a finite gradient before going back
ROLLBACKS = 6  # returns to a checkpoint before giving up
EVALUATIONS = 10  # a run, where evaluate_every is left out
SAVE_SECONDS = 300.0  # longest time without a checkpoint, where checkpoint_every is left out
SAMPLE_SECONDS = 4.0  # between samples
PLATEAU = 2  # evaluations without a better one before the plateau schedule halves the rate


class Trainer:
    """One run from where it stands to the end of its budget."""

    def __init__(
        self, objective: Objective, settings: TrainingSettings, folder: RunFolder, report: Report
    ) -> None:
        self.objective, self.settings = objective, settings
        self.folder, self.report = folder, report
        self.optimizer = make_optimizer(objective.model, settings, objective.learning_rate)
        self.average = Average(objective.model, settings.average) if settings.average else None
        self.metrics = Metrics(folder.path / "metrics.jsonl")
        self.progress = Progress()
        self.state: State | None = None
        self._next_sample = 0.0
        self._tenths = 0  # of the budget, at the last look
        self._recent: deque[float] = deque(maxlen=100)
        self._verdicts: dict[str, str] = {}  # of gradients, by layer, at the last look

    def start(self) -> None:
        """The first checkpoint, before any step: there is always one to go back to."""
        sweep(self.folder.path / "checkpoints")
        self._save()

    def resume(self) -> None:
        """Stand where the newest whole checkpoint stands.

        Raises: UserError where there is none.
        """
        sweep(self.folder.path / "checkpoints")
        said: list[str] = []
        newest = next(sound_checkpoints(self.folder.path, said), None)
        for sentence in said:
            self.report.say(sentence)
        if newest is None:
            raise UserError(
                f"{self.folder.path} has no whole checkpoint to resume from. Start it anew by "
                "--overwrite."
            )
        self.state, self.progress = load_checkpoint(
            newest,
            self.objective.model,
            self.optimizer,
            self.objective.initial_state(),
            self.average,
        )
        self.metrics.cut(self.progress.step)
        self.report.say(f"Resuming at step {self.progress.step} from {newest.name}.")

    def train(self, asked: Interrupt | None = None) -> str:
        """Train to the end of the budget. Returns why it ended: "done", "early" or a signal.

        asked: an Interrupt that has listened since before the run folder was made, so that no
        Ctrl-C falls between the folder and the first step.
        """
        if self.objective.closed_form:
            return self._solve()
        settings, progress = self.settings, self.progress
        budget = Budget.of(settings, self.objective.batches_per_epoch, progress.seconds)
        progress.finished = False
        begun = time.perf_counter() - progress.seconds
        saved = time.perf_counter()
        self._tenths = tenths(budget.share(progress.step, progress.seconds))
        why = "done"
        self.objective.model.train()
        try:
            with Interrupt() as interrupt:
                interrupt.signal = interrupt.signal or (asked.signal if asked else None)
                while (share := budget.share(progress.step, progress.seconds)) < 1:
                    self._step(share)
                    progress.seconds = time.perf_counter() - begun
                    share = budget.share(progress.step, progress.seconds)
                    self.report.step(self._figures(), share, self._left(budget, share))
                    if progress.skipped_in_row >= SKIPS_IN_ROW:
                        self._roll_back()
                        begun = time.perf_counter() - progress.seconds
                        continue

                    due = self._due(share)
                    if due or progress.step == 1:
                        self._watch()
                    if due:
                        self._evaluate(share)
                        progress.seconds = time.perf_counter() - begun
                    if due and share < 1 and progress.waited >= (settings.patience or math.inf):
                        why = "early"
                        break
                    if interrupt.signal is not None:
                        why = interrupt.signal
                        break
                    if settings.checkpoint_every is not None:
                        save = progress.step % settings.checkpoint_every == 0
                    else:
                        save = due or time.perf_counter() - saved > SAVE_SECONDS
                    # while steps are skipped, the last checkpoint is the one to go back to
                    if save and share < 1 and not progress.skipped_in_row:
                        self._save()
                        saved = time.perf_counter()
                progress.finished = why in ("done", "early")
                self._save()
                if progress.best is None:
                    self._keep_best()
        finally:
            self.report.close()
        return why

    def _solve(self) -> str:
        """The weights in closed form: one step, however long it takes, and nothing to go on with."""
        progress, begun = self.progress, time.perf_counter()
        self.objective.model.eval()
        with torch.no_grad():
            for sentence in self.objective.solve(ProgressLog("solving", self.report.say)):
                self.report.say(sentence)
        progress.step, progress.seconds = 1, time.perf_counter() - begun
        self._evaluate(1.0)
        progress.finished = True
        self._save()
        if progress.best is None:
            self._keep_best()
        self.report.close()
        return "done"

    def _due(self, share: float) -> bool:
        """Whether it is time to evaluate: as the settings say, at each tenth, and at the end."""
        if self.settings.evaluate_every is not None:
            return self.progress.step % self.settings.evaluate_every == 0 or share >= 1
        before, self._tenths = self._tenths, tenths(share)
        return self._tenths > before

    def _step(self, share: float) -> None:
        """One batch: loss, gradient, clipping, update. What is not finite is never stepped on."""
        objective, progress, settings = self.objective, self.progress, self.settings
        batch = objective.batch(progress.step)
        carried = None if batch.fresh or progress.fresh else self.state
        rate = objective.learning_rate * progress.rate_scale
        rate *= rate_factor(settings.schedule, share, settings.warm_up)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

        self.optimizer.zero_grad()
        tokens = batch.tokens
        total, state = batch.loss(carried)
        loss = total / max(1, tokens)
        value, norm = float(loss.detach()), math.nan
        if math.isfinite(value):
            loss.backward()
            norm = self._clip()
        progress.step += 1
        progress.tokens += tokens
        if math.isfinite(norm):
            self.optimizer.step()
            if self.average is not None:
                self.average.update(progress.step)
            self.state = None if state is None else map_state(Tensor.detach, state)
            progress.fresh = self.state is None
            progress.skipped_in_row = 0
            self._recent.append(value)
        else:
            what = "loss" if not math.isfinite(value) else "gradient"
            progress.skipped += 1
            progress.skipped_in_row += 1
            progress.fresh = True  # the carried state may be ill too
            self.metrics.write(step=progress.step, skipped=f"the {what} is not finite", loss=value)
            self.report.say(
                f"Step {progress.step} is skipped: its {what} is not finite "
                f"({progress.skipped} so far)."
            )
            return
        if progress.step % LOG_EVERY == 0 or progress.step == 1:
            self.metrics.write(
                step=progress.step,
                loss=value,
                gradient_norm=norm,
                learning_rate=rate,
                tokens=progress.tokens,
                seconds=round(progress.seconds, 3),
            )

    def _clip(self) -> float:
        """Shorten the gradient as asked. Returns its norm before, over all parameters."""
        parameters = [p for p in self.objective.model.parameters() if p.grad is not None]
        longest = self.settings.clip_norm or math.inf
        norm = float(nn.utils.clip_grad_norm_(parameters, longest))
        if self.settings.clip_value is not None:
            nn.utils.clip_grad_value_(parameters, self.settings.clip_value)
        return norm

    def _watch(self) -> None:
        """Where it is asked for, follow gradients back; nothing random of training is touched."""
        if self.settings.watch != "gradients":
            return
        batch = self.objective.batch(self.progress.step)  # the next one, which the state is for
        carried = None if batch.fresh or self.progress.fresh else self.state
        said, start = [], getattr(self.objective.model, "initialised", "")
        found = watched_gradients(self.objective, batch, carried)
        for part in found:
            if self._verdicts.get(part.name) != part.verdict:  # what stays as it is was said
                said.append(part.sentence(start, self.settings.clip_norm))
            self._verdicts[part.name] = part.verdict
        if found:
            facts = {part.name: part.facts() for part in found}
            self.metrics.write(step=self.progress.step, gradients=facts, said=said)
        for sentence in said:
            self.report.say(f"Step {self.progress.step}, {sentence}")

    def _evaluate(self, share: float) -> None:
        """Held-out figures, the best weights, a sample; nothing random of training is touched."""
        with nullcontext() if self.average is None else self.average.in_place():
            self._evaluate_weights(share)

    def _evaluate_weights(self, share: float) -> None:
        progress, model = self.progress, self.objective.model
        model.eval()
        with torch.no_grad():
            figures = self.objective.evaluate()
            sample = None
            if time.monotonic() >= self._next_sample and share < 1:
                self._next_sample = time.monotonic() + SAMPLE_SECONDS
                sample = self.objective.sample()
        model.train()
        progress.validation = figures
        self.metrics.write(
            step=progress.step, validation=figures, seconds=round(progress.seconds, 3)
        )
        loss = figures[self.objective.decides]
        better = math.isfinite(loss) and (progress.best is None or loss < progress.best)
        if better:
            progress.best, progress.best_step, progress.waited = loss, progress.step, 0
            self._keep_best()
        else:
            progress.waited += 1
            if self.settings.schedule == "plateau" and progress.waited % PLATEAU == 0:
                progress.rate_scale /= 2
                self.report.say(
                    f"The held-out loss has not fallen for {progress.waited} evaluations; the "
                    "learning rate is halved."
                )
        self.report.evaluation(progress.step, figures, better, sample)

    def _roll_back(self) -> None:
        """Back to the last good checkpoint with half the learning rate.

        Raises: UserError when that has not helped several times, or nothing is left to go back to.
        """
        before = self.progress
        said: list[str] = []
        folder = next(sound_checkpoints(self.folder.path, said), None)
        for sentence in said:
            self.report.say(sentence)
        if folder is None or before.rollbacks >= ROLLBACKS:
            raise UserError(
                f"The loss stays not finite after {before.rollbacks} returns to a checkpoint with "
                f"half the learning rate each. The last good checkpoint is kept in "
                f"{self.folder.path}; start again with a lower --set learning_rate=..., or look "
                "for bad values in the data."
            )
        self.state, now = load_checkpoint(
            folder,
            self.objective.model,
            self.optimizer,
            self.objective.initial_state(),
            self.average,
        )
        now.rollbacks, now.skipped = before.rollbacks + 1, before.skipped
        now.skipped_in_row = 0
        now.rate_scale, now.seconds = before.rate_scale / 2, before.seconds
        # the object stays the same: `train` holds it
        vars(self.progress).update(vars(now))
        self.metrics.cut(now.step)
        self.metrics.write(step=now.step, rollback=folder.name, rate_scale=now.rate_scale)
        self.report.say(
            f"{SKIPS_IN_ROW} steps in a row were not finite: back to {folder.name} with half the "
            f"learning rate ({self.objective.learning_rate * now.rate_scale:.2g})."
        )
        self._save()  # so that the halved rate survives a kill

    def _keep_best(self) -> None:
        """The weights that `unroll.load` reads."""
        self.folder.save({"model.safetensors": pack(dict(self.objective.model.state_dict()))})

    def _save(self) -> None:
        """A checkpoint, of weights that are worth going back to."""
        if not all(bool(p.isfinite().all()) for p in self.objective.model.parameters()):
            self.report.say(
                f"The weights of step {self.progress.step} are not finite: no checkpoint is made of "
                "them, the last one is kept."
            )
            return
        save_checkpoint(
            self.folder.path,
            self.objective.model,
            self.optimizer,
            self.state,
            self.progress,
            self.settings.keep_checkpoints,
            self.average,
        )

    def _figures(self) -> dict[str, float]:
        recent = self._recent
        return {
            "step": self.progress.step,
            "loss": sum(recent) / len(recent) if recent else math.nan,
            "tokens": self.progress.tokens,
            "seconds": self.progress.seconds,
        }

    def _left(self, budget: Budget, share: float) -> float:
        """Seconds to the end, as far as one can tell."""
        if budget.kind == "seconds":
            return max(0.0, budget.total - self.progress.seconds)
        return self.progress.seconds * (1 - share) / max(share, 1e-9)


def tenths(share: float) -> int:
    """How many of the run's evaluations are due at this share of its budget."""
    return math.floor(EVALUATIONS * share + 1e-9)
