"""How long and how a model is trained: the same for every task."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

BUDGETS = ("seconds", "steps", "epochs")  # how long a run trains, one of them


class TrainingSettings(BaseModel):
    """How long and how a model is trained; the same for every task.

    The description of a field is its help on the command line.

    Attributes:
        flags: the fields that have a flag of their own on the command line, each with the word for
            its value in help; "": the word follows from the type. Every field may be given by --set.
            A subclass lists its own fields.
    """

    model_config = ConfigDict(extra="forbid", validate_default=True)
    flags: ClassVar[dict[str, str]] = {
        "seconds": "S",
        "steps": "",
        "epochs": "",
        "seed": "",
        "device": "DEVICE",
        "threads": "",
        "backend": "",
        "watch": "",
    }

    seconds: float | None = Field(None, gt=0, description="Seconds of training to add.")
    steps: int | None = Field(None, ge=1, description="Steps of the whole run.")
    epochs: int | None = Field(None, ge=1, description="Passes over the data of the whole run.")
    seed: int = Field(1, ge=0, lt=2**32, description="Seed of everything random.")
    device: str = Field("cpu", description="Where to train: cpu, cuda, cuda:1, mps.")
    threads: int | None = Field(
        None, ge=1, description="CPU threads; left out, a short timing chooses."
    )
    backend: Literal["auto", "cpu", "loop", "parallel", "torch"] = Field(
        "auto", description="What runs the recurrence; auto takes the fastest that can."
    )
    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="adamw or sgd (with momentum).")
    learning_rate: float | None = Field(
        None, gt=0, description="The highest learning rate; left out, the task's own."
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Momentum of sgd.")
    weight_decay: float = Field(0.01, ge=0, description="Weight decay of matrices.")
    schedule: Literal["cosine", "plateau", "constant"] = Field(
        "cosine",
        description="cosine: down to zero at the end of the budget; plateau: halved when the "
        "validation loss stops falling; constant.",
    )
    warm_up: float = Field(0.02, ge=0, lt=1, description="Share of the budget with a rising rate.")
    clip_norm: float | None = Field(
        0.25, gt=0, description="Longest gradient, by its norm over all parameters; none: no limit."
    )
    clip_value: float | None = Field(
        None, gt=0, description="Largest single number of a gradient; none: no limit."
    )
    average: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Evaluate and keep the moving average of the weights, with this decay: 0.999.",
    )
    evaluate_every: int | None = Field(
        None, ge=1, description="Steps between evaluations; left out, ten a run."
    )
    checkpoint_every: int | None = Field(
        None, ge=1, description="Steps between checkpoints; left out, at each evaluation."
    )
    keep_checkpoints: int = Field(2, ge=2, description="How many checkpoints to keep.")
    watch: Literal["gradients"] | None = Field(
        None,
        description="gradients: at the first step and each evaluation, report whether gradients vanish "
        "or explode on their way back, and write their norms to metrics.jsonl.",
    )
    patience: int | None = Field(
        None, ge=1, description="Stop after this many evaluations without a better one."
    )

    @classmethod
    def all_flags(cls) -> dict[str, str]:
        """The fields with a flag of their own, those of the base classes too."""
        bases = [base for base in reversed(cls.__mro__) if issubclass(base, TrainingSettings)]
        return {name: word for base in bases for name, word in base.flags.items()}

    @model_validator(mode="after")
    def one_budget(self) -> Self:
        amounts = {"seconds": self.seconds, "steps": self.steps, "epochs": self.epochs}
        given = [name for name, amount in amounts.items() if amount is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are all given; expected one of them")
        return self
