"""Settings that several tasks have: type, limits and sentence of each stand here once.

A task gives them their names and defaults: `beam: BeamWidth = 5`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from unroll.settings.recurrent import RecurrentSettings

# the data
SkipBad = Annotated[bool, Field(description="Skip bad records; they are counted and reported.")]
LowerTexts = Annotated[bool, Field(description="Convert the texts to lower case.")]
LowerWords = Annotated[bool, Field(description="Convert words to lower case.")]
WordSplit = Annotated[
    Literal["auto", "spaces", "punctuation"],
    Field(
        description="Where words end: at spaces, or also at punctuation; auto decides from the "
        "text."
    ),
]
MinCount = Annotated[
    int | None,
    Field(ge=1, description="Rarer tokens become <unk>. Default: 2, or 1 for characters."),
]

# the network
CellName = Annotated[str, Field(description=RecurrentSettings.model_fields["cell"].description)]
TieEmbedding = Annotated[
    bool, Field(description="Use the embedding as the weights of the softmax too.")
]
DropoutInput = Annotated[
    float | None,
    Field(
        ge=0,
        lt=1,
        description="Locked dropout on the embeddings. Default: the same as dropout.",
    ),
]
WordDropout = Annotated[
    float | None,
    Field(
        ge=0,
        lt=1,
        description="Share of tokens that training replaces by <unk>. Default: chosen by the task.",
    ),
]

# the training
TokenSmoothing = Annotated[
    float,
    Field(ge=0, lt=1, description="Share of each target that is spread evenly over all tokens."),
]
ClassSmoothing = Annotated[
    float,
    Field(ge=0, lt=1, description="Share of the target that is spread evenly over all classes."),
]
ClassWeights = Annotated[
    Literal["none", "balanced"],
    Field(
        description="Weights of the classes in the loss. balanced: the same total weight for each "
        "class."
    ),
]
Readout = Annotated[
    Literal["gradient", "ridge"],
    Field(
        description="How the last layer is learned. ridge: in closed form, and no other layer is "
        "trained; for reservoirs."
    ),
]

# the search
BeamWidth = Annotated[
    int, Field(ge=1, description="Width of the beam. 1: the most likely token of each step.")
]
LengthPenalty = Annotated[
    float,
    Field(
        ge=0,
        description="Log-probabilities are divided by the length to this power. 0: no division.",
    ),
]
