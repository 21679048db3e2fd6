"""How a run spends its time: how far it is, when it evaluates, when it has to end."""

from __future__ import annotations

import math

from unroll.settings import TrainingSettings
from unroll.training.budget import Budget
from unroll.training.clock import Clock
from unroll.training.objective import Objective
from unroll.training.progress import TrainingProgress
from unroll.training.refit import REFIT_PART, refit_steps
from unroll.training.seeds import all_networks, kept_network

EVALUATIONS_WITH_PATIENCE = 20  # without a given budget: training stops when they are no better
EVALUATIONS = 10  # in a run, where evaluate_every is not given and they cost little
FEWEST_EVALUATIONS = 4  # of an objective that can read fewer records instead
EVALUATION_PART = 0.05  # of a budget of seconds, that evaluations take together
TRIAL_SHARE = 0.1  # of the validation set, in the evaluation that is timed first
UNKNOWN_END = 0.1  # of a budget of seconds, kept for its end before an evaluation was timed
LONGEST_END = 0.25  # of a budget of seconds, kept for its end
SHORTEST_END = 0.02  # of a budget of seconds, that a part of its end may take, however late it is
LONGEST_EXIT = 0.1  # of a budget of seconds, kept for the end of the process
SAVING = 0.01  # of a budget of seconds, kept for loading and saving weights
FEWER_RECORDS = (
    "Evaluations during training read {share:.0%} of the validation set, so that they take little of the "
    "budget (--set evaluate_every=N: all of it, every N steps)."
)
FLOOR_AGAIN = 0.5  # of the time of the simple model's first fit, kept for fitting it again


class Pace:
    """The time of a run, of which a budget of seconds holds everything: reading, training, the end.

    A budget of seconds ends where calibration and final metrics still fit in. How long they take
    follows from the evaluations during training. Networks of several seeds share the remaining seconds equally.

    Args:
        settings: with the budget.
        objective: whose evaluations are timed; it may be asked to read fewer records in them.
        progress: of the run, in which times are written down.
        clock: started before data was read.
        refits: whether the kept weights learn from the validation set too in the end.

    Attributes:
        budget: of steps or of seconds.
        end: when a budget of seconds has to be over, in seconds of the run; infinite for steps.
        evaluations: how many there are in a run.
        steps: taken since the run was started or resumed.
        refit: seconds of the network's steps in a refit, when it has ended.
        floor_again: seconds in which the simple model was fitted again, when it has been.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        objective: Objective,
        progress: TrainingProgress,
        clock: Clock,
        *,
        refits: bool = False,
    ) -> None:
        self.refits = refits
        self.settings, self.objective, self.progress = settings, objective, progress
        self._clock, self._before = clock, progress.seconds
        progress.reading_seconds += clock.read_seconds
        progress.floor_seconds += clock.floor_seconds
        self.refit = self.floor_again = 0.0
        self.budget = Budget.of(settings, objective.batches_per_epoch, progress.seconds)
        self.has_seconds = self.budget.kind == "seconds"
        self.end = self.budget.total if self.has_seconds else math.inf
        self.asked = self.end - progress.seconds
        if self.has_seconds:
            self.end -= min(clock.exit_seconds, LONGEST_EXIT * self.asked)
        given = settings.seconds is not None or not self.has_seconds
        self._most_evaluations = EVALUATIONS if given else EVALUATIONS_WITH_PATIENCE
        self.evaluations, self.steps = self._most_evaluations, 0
        self._step_seconds = 0.0  # of the steps since the start
        self._all_records: float | None = None  # seconds of an evaluation of them
        self._can_read_fewer = False
        if progress.evaluation_share is not None:
            self._can_read_fewer = objective.limit_evaluation(progress.evaluation_share) > 0
        self._read_at = progress.seconds = self.now
        self._evaluated = self._part(self.share())

    def begin_network(self, objective: Objective) -> None:
        """Go on with the next network of a run of several; the progress is that of its beginning."""
        self.objective, self.steps, self._step_seconds, self._evaluated = objective, 0, 0.0, 0
        if self.progress.evaluation_share is not None:
            objective.limit_evaluation(self.progress.evaluation_share)

    @property
    def trained(self) -> float:
        """Seconds of training of this network."""
        return self.progress.training_seconds - self.progress.began

    @property
    def now(self) -> float:
        """Seconds of the run until now."""
        return self._before + self._clock.seconds

    @property
    def left(self) -> float:
        """Seconds until the end; infinite for a budget of steps."""
        return self.end - self.now

    @property
    def floor_seconds(self) -> float:
        """Seconds in which the simple model is fitted again in the end, at most as long as at first."""
        return self._clock.floor_seconds if self.settings.refit else 0.0

    def read(self) -> None:
        """Write down the seconds that the run has taken, in all and for training."""
        now = self.now
        self.progress.training_seconds += now - self._read_at
        self._read_at = self.progress.seconds = now

    def took_step(self, begun: float) -> None:
        """Count a step.

        Args:
            begun: what `now` was before it.
        """
        self.read()
        seconds = self._read_at - begun
        self.steps += 1
        self._step_seconds += seconds
        self.progress.step_seconds += seconds

    def share(self) -> float:
        """How much of the training is done, 0 to 1, without a refit."""
        progress = self.progress
        if not self.has_seconds:
            return self.budget.share(progress.step, progress.seconds)
        left = self._until_refit(self.end - progress.seconds - self.reserved())
        if not self.steps:
            left = max(left, 1e-3)  # one step is taken, whatever reading took
        elif left < self._step_seconds / self.steps / 2:
            return 1.0
        return self.trained / (self.trained + left)

    def _until_refit(self, left: float) -> float:
        """Seconds of training of this network, of those that are left for all that comes before the end.

        That is the training of this network and of those after it, a refit, and the simple model's
        second fit.

        That fit mostly takes half of the first one's time, because it starts from what is known. Where
        it takes all of it, the refit of the network is shorter.
        """
        floor, trained = self.floor_seconds, self.trained
        networks = self.settings.seeds - len(self.progress.networks)
        if not self.refits:
            return (trained + left - floor) / networks - trained
        refit = REFIT_PART / (1 - REFIT_PART)  # of the training of a network
        usual = (trained + left - FLOOR_AGAIN * floor) / (networks + refit)
        return min(usual, (trained + left - floor) / networks) - trained

    def schedule_share(self, share: float) -> float:
        """How much of the schedule of the learning rate is done, which a refit in seconds ends.

        Args:
            share: of the training that is done.
        """
        return share * (1 - REFIT_PART) if self.refits and self.has_seconds else share

    def reserved(self) -> float:
        """Seconds of a budget that are kept for the last evaluation, calibration and final metrics."""
        if self._all_records is None:
            return UNKNOWN_END * self.asked
        last = self._all_records * (self.progress.evaluation_share or 1.0)
        end = last + self.objective.ending_evaluations * self._all_records
        end += 2 * last if self.refits else 0.0  # before and after a refit
        return min(end, LONGEST_END * self.asked) + SAVING * self.asked

    def ending_seconds(self, share: float) -> float | None:
        """Seconds of a part of the end, at this share of the remaining ones; None for a budget of steps."""
        if not self.has_seconds:
            return None
        left, floor = self.left - SAVING * self.asked, self.floor_seconds
        if self.refits:
            refit = self.trained * REFIT_PART / (1 - REFIT_PART)
            floor = max(floor, FLOOR_AGAIN * floor + refit)
        return max(share * (left - floor), SHORTEST_END * self.asked)

    def floor_limit(self) -> float | None:
        """Seconds that fitting the simple model again may take; None for a budget of steps."""
        return max(0.0, self.left - SAVING * self.asked) if self.has_seconds else None

    def refit_limits(self) -> tuple[float, float]:
        """Steps and seconds that a refit of the kept weights takes, whichever ends first.

        In a budget of seconds it takes the remaining ones, times the share of the training after which those
        weights were kept: weights that were best early learn little more.
        """
        kept = kept_network(all_networks(self.settings, self.progress))
        left = self.left - SAVING * self.asked if self.has_seconds else math.inf
        if not self.has_seconds or self.progress.waited >= (self.settings.patience or math.inf):
            return refit_steps(kept.best_step), left
        return math.inf, left * kept.best_step / max(1, kept.steps)

    def training_left(self, share: float) -> float:
        """Seconds to the end of training, as far as one can tell, at this share of it."""
        if self.has_seconds:
            return max(0.0, self._until_refit(self.left - self.reserved()))
        return self.trained * (1 - share) / max(share, 1e-9)

    # evaluations

    def evaluation_is_due(self, share: float) -> bool:
        """As the settings say; else at equal parts of the budget. Always at the end."""
        if self.settings.evaluate_every is not None:
            return self.progress.step % self.settings.evaluate_every == 0 or share >= 1
        before, self._evaluated = self._evaluated, self._part(share)
        due = self._evaluated > before
        if self.has_seconds:  # the share falls where the end turns out to be later
            self._evaluated = max(before, self._evaluated)
        return due

    def limit_records(self) -> str | None:
        """Before the first evaluation: let it read as many records as the budget allows.

        Returns:
            A sentence, where that is not all of them.
        """
        progress = self.progress
        planned = progress.evaluation_share is not None or self._all_records is not None
        if planned or not self.has_seconds or self.settings.evaluate_every is not None:
            return None
        trial = self.objective.limit_evaluation(TRIAL_SHARE)
        if not trial:
            return None
        if self.share() >= 1:  # this evaluation is the only one
            progress.evaluation_share, self._can_read_fewer = min(1.0, trial), True
            return FEWER_RECORDS.format(share=progress.evaluation_share) if trial < 1 else None
        begun = self.now
        self.objective.evaluate()
        most = EVALUATION_PART * self.asked / self.settings.seeds / FEWEST_EVALUATIONS
        share = min(1.0, most * trial / max(self.now - begun, 1e-9))
        progress.evaluation_seconds += self.now - begun
        share = min(1.0, self.objective.limit_evaluation(share))
        progress.evaluation_share, self._can_read_fewer = share, True
        if share == 1:
            return None
        return FEWER_RECORDS.format(share=share)

    def took_evaluation(self, begun: float) -> None:
        """Count an evaluation, and choose how many more fit in.

        Args:
            begun: what `now` was before it.
        """
        self.read()
        seconds = self._read_at - begun
        self.progress.evaluation_seconds += seconds
        is_first = self._all_records is None
        self._all_records = seconds / (self.progress.evaluation_share or 1.0)
        if is_first and self.has_seconds and self.settings.evaluate_every is None:
            fit = int(EVALUATION_PART * self.asked / self.settings.seeds / max(seconds, 1e-9))
            fewest = FEWEST_EVALUATIONS if self._can_read_fewer else 2
            self.evaluations = max(fewest, min(self._most_evaluations, fit))
            # the end is better known now: no part of the budget is evaluated twice
            self._evaluated = max(1, self._part(self.share()))

    def _part(self, share: float) -> int:
        """How many of the run's evaluations are due at this share of its training."""
        return math.floor(self.evaluations * share + 1e-9)

    # what is told

    def record(self) -> dict[str, float]:
        """Where the seconds of a run went that has ended; `rest` is what no other name has.

        `refit` is a part of `steps`, `floor_again` of `floor`. Two shares: of what was not spent on steps
        of the network, and of what was spent on fitting neither it nor the simple model.
        """
        progress, whole = self.progress, max(self.now, 1e-9)
        steps, floor = progress.step_seconds + self.refit, progress.floor_seconds + self.floor_again
        before = progress.seconds - progress.training_seconds  # the first step
        parts = {
            "reading": progress.reading_seconds,
            "floor": floor,
            "building": before - progress.reading_seconds - progress.floor_seconds,
            "steps": steps,
            "evaluations": progress.evaluation_seconds,
            "ending": whole - progress.seconds - self.refit - self.floor_again,
        }
        shares = {
            "share_outside_steps": 1 - steps / whole,
            "share_outside_fitting": 1 - (steps + floor) / whole,
        }
        parts |= {"rest": whole - sum(parts.values()), "whole": whole}
        parts |= {"refit": self.refit, "floor_again": self.floor_again}
        return {
            **{name: round(seconds, 2) for name, seconds in parts.items()},
            **{name: round(share, 4) for name, share in shares.items()},
        }
