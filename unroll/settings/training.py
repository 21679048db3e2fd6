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
        "seeds": "N",
        "device": "DEVICE",
        "threads": "",
        "backend": "",
        "watch": "",
        "refit": "yes|no",
    }

    seconds: float | None = Field(
        None,
        gt=0,
        description="Train for so many seconds, with everything in them; with --resume, for so many "
        "more.",
    )
    steps: int | None = Field(
        None,
        ge=1,
        description="Train until the run has so many steps in all.",
    )
    epochs: int | None = Field(
        None,
        ge=1,
        description="Train until the run has read the data so many times in all.",
    )
    seed: int = Field(1, ge=0, lt=2**32, description="Seed of all random numbers.")
    seeds: int = Field(
        1,
        ge=1,
        le=100,
        description="Train so many networks one after another, of the seeds --seed, --seed + 1, ..., and "
        "keep the best by the validation metric. Each has its part of --seconds, or all of --steps or "
        "--epochs.",
    )
    device: str = Field("cpu", description="Where to train: cpu, cuda, cuda:1, mps.")
    threads: int | None = Field(
        None, ge=1, le=4096, description="Number of CPU threads. Default: chosen by a short timing."
    )
    backend: Literal["auto", "cpu", "loop", "parallel", "torch"] = Field(
        "auto",
        description="What computes the recurrent layers. auto: the fastest backend that "
        "supports the cell.",
    )
    optimizer: Literal["adamw", "sgd"] = Field(
        "adamw",
        description="The optimizer; sgd uses momentum.",
    )
    learning_rate: float | None = Field(
        None, gt=0, description="The highest learning rate. Default: chosen by the task."
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Momentum of the optimizer sgd.")
    weight_decay: float = Field(
        0.01,
        ge=0,
        description="Weight decay; applied to matrices, not to biases.",
    )
    schedule: Literal["cosine", "plateau", "constant"] = Field(
        "cosine",
        description="How the learning rate changes. cosine: falls to zero at the end of "
        "training; plateau: is halved when the validation loss stops falling; constant: stays "
        "the same.",
    )
    warm_up: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="Share of training in which the learning rate rises from zero.",
    )
    clip_norm: float | None = Field(
        0.25,
        gt=0,
        description="Largest norm of the gradient over all parameters; larger ones are scaled "
        "down. none: no limit.",
    )
    clip_value: float | None = Field(
        None,
        gt=0,
        description="Largest absolute value in a gradient; larger ones are clipped. none: no "
        "limit.",
    )
    average: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Evaluate and keep a moving average of the weights with this decay, such "
        "as 0.999.",
    )
    evaluate_every: int | None = Field(
        None,
        ge=1,
        description="Steps between evaluations. Default: ten evaluations in a run, or fewer where "
        "they would take more than a twentieth of --seconds.",
    )
    checkpoint_every: int | None = Field(
        None,
        ge=1,
        description="Steps between checkpoints. Default: a checkpoint at each evaluation.",
    )
    keep_checkpoints: int = Field(2, ge=2, description="How many checkpoints to keep.")
    watch: Literal["gradients"] | None = Field(
        None,
        description="gradients: report at the first step and at each evaluation whether "
        "gradients vanish or explode, and write their norms to metrics.jsonl.",
    )
    snapshots: bool = Field(
        True,
        description="Write norms of weights, gates and embeddings at evaluations to snapshots.jsonl, for "
        "unroll inspect report.",
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after this many evaluations without a better one. Default: never where a "
        "budget is given, else 4 of 10 or 6 of 20.",
    )

    refit: bool = Field(
        True,
        description="When every choice has been made, learn from the validation set too: the simple "
        "model, and the network in the last fifth of the training (of --steps, in a quarter more).",
    )

    @classmethod
    def all_flags(cls) -> dict[str, str]:
        """The fields with a flag of their own, those of the base classes too."""
        bases = [base for base in reversed(cls.__mro__) if issubclass(base, TrainingSettings)]
        return {name: word for base in bases for name, word in base.flags.items()}

    @model_validator(mode="after")
    def check_one_budget(self) -> Self:
        """Training ends in one way.

        Raises:
            ValueError: where more than one of seconds, steps and epochs is given.
        """
        amounts = {"seconds": self.seconds, "steps": self.steps, "epochs": self.epochs}
        given = [name for name, amount in amounts.items() if amount is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given; expected one of them")
        return self
