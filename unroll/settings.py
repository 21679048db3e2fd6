"""What a person can set: one field a setting, its sentence is also the help of `--set`.

No torch here: `unroll train --help` and wrong values answer at once.
"""

from __future__ import annotations

import json
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from unroll.cells.names import CELLS, near
from unroll.cells.own import own_cell
from unroll.errors import UserError


class TrainingSettings(BaseModel):
    """How long and how a model is trained; the same for every task."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

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
        "held-out loss stops falling; constant.",
    )
    warm_up: float = Field(0.02, ge=0, lt=1, description="Share of the budget with a rising rate.")
    clip_norm: float | None = Field(
        0.25, gt=0, description="Longest gradient, by its norm over all parameters; none: no limit."
    )
    clip_value: float | None = Field(
        None, gt=0, description="Largest single number of a gradient; none: no limit."
    )
    evaluate_every: int | None = Field(
        None, ge=1, description="Steps between evaluations; left out, ten a run."
    )
    checkpoint_every: int | None = Field(
        None, ge=1, description="Steps between checkpoints; left out, at each evaluation."
    )
    keep_checkpoints: int = Field(2, ge=2, description="How many checkpoints to keep.")
    patience: int | None = Field(
        None, ge=1, description="Stop after this many evaluations without a better one."
    )

    @model_validator(mode="after")
    def one_budget(self) -> Self:
        given = [n for n in ("seconds", "steps", "epochs") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are all given; expected one of them")
        return self


class LanguageSettings(TrainingSettings):
    """A recurrent language model and the text it learns."""

    # the text
    level: Literal["char", "word", "bpe"] = Field("char", description="What a token is.")
    per_line: bool = Field(False, description="Each line its own sequence.")
    condition: str | None = Field(
        None, description="Column of the category, by number from 1 or by name; with per_line."
    )
    text: str | None = Field(
        None, description="Column of the text, or the field of a .jsonl (there: text)."
    )
    valid: str | None = Field(None, description="A held-out text; left out, the last tenth.")
    lower: bool = Field(False, description="Drop case (words).")
    split: Literal["auto", "spaces", "punctuation"] = Field(
        "auto",
        description="Where words end: at spaces, or also at punctuation; auto looks at the text.",
    )
    end: Literal["line", "sentence"] = Field("line", description="Where <eos> stands (words).")
    min_count: int | None = Field(
        None,
        ge=1,
        description="Rarer tokens become <unk>; left out, 1, or 2 for words of a text without <unk>.",
    )
    vocabulary_size: int | None = Field(
        None, ge=2, description="Keep this many of the commonest tokens (bpe: 4096)."
    )
    # the batches
    state: Literal["carry", "reset"] = Field(
        "carry", description="Whether the state goes on from block to block."
    )
    block: int = Field(64, ge=1, description="Steps of backpropagation through time.")
    batch_size: int | None = Field(
        None, ge=1, description="Sequences side by side; left out, the task's own."
    )
    # the model
    cell: str = Field(
        "lstm",
        description="A name that `unroll cells` lists, or FILE.py:CLASS for one of your own.",
    )
    cell_options: dict[str, Any] = Field(
        default_factory=dict,
        description='Further arguments of the cell\'s constructor, as JSON: {"heads": 4}.',
    )
    layers: int = Field(1, ge=1, description="Recurrent layers.")
    hidden: int | None = Field(
        None, ge=1, description="Units of each layer; left out, 512 for characters, 256 for words."
    )
    embedding: int | None = Field(
        None,
        ge=1,
        description="Numbers a token; left out, 128, or `hidden` where weights are tied.",
    )
    tie: bool | None = Field(
        None, description="Use the embedding as the softmax's weights; left out, for words and bpe."
    )
    dropout: float | None = Field(
        None, ge=0, lt=1, description="Locked dropout between layers and on the outputs."
    )
    dropout_input: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Locked dropout on the embeddings; left out, as dropout for words.",
    )
    initialisation: Literal["auto", "torch", "orthogonal", "xavier", "he", "identity"] = Field(
        "auto",
        description="auto: orthogonal recurrent weights, Xavier inputs, forget bias 1; identity "
        "for rnn_relu.",
    )

    @field_validator("cell")
    @classmethod
    def known_cell(cls, cell: str) -> str:
        if own_cell(cell) is None and cell not in CELLS:
            raise ValueError(f"there is no cell of this name{near(cell)}")
        return cell

    @field_validator("cell_options", mode="before")
    @classmethod
    def parsed(cls, options: Any) -> Any:
        if not isinstance(options, str):
            return options
        try:
            return json.loads(options)
        except ValueError as error:
            raise ValueError(f"it is no JSON ({error})") from error

    @model_validator(mode="after")
    def condition_needs_lines(self) -> Self:
        if self.condition is not None and not self.per_line:
            raise ValueError("condition is given without per_line; add --per-line")
        return self


def settings_from(kind: type[LanguageSettings], values: dict[str, Any]) -> LanguageSettings:
    """Checked settings.

    Raises: UserError with the flag, the value and what was expected.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        problem = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            names = ", ".join(sorted(kind.model_fields))
            raise UserError(f"There is no setting {key!r}; the settings are {names}.") from error
        if not key:
            raise UserError(f"The settings do not fit together: {problem}.") from error
        meaning = kind.model_fields[key].description
        raise UserError(
            f"--{key.replace('_', '-')} (or --set {key}=...) got {first['input']!r}: {problem}. "
            f"{meaning}"
        ) from error


def parse_assignments(pairs: list[str]) -> dict[str, Any]:
    """`key=value` words as a dict; "none" is None.

    Raises: UserError for a word without `=`.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(
                f"--set got {pair!r}; expected key=value, as in --set checkpoint_every=100."
            )
        values[key.strip().replace("-", "_")] = None if value.lower() == "none" else value
    return values
