"""What a network looks at, for whatever it has to look with.

A way to look is a row of WAYS: what a network must have, and the function that looks. A new kind of
network adds its row.
"""

from __future__ import annotations

from collections.abc import Callable

from unroll.engine.backends import backend as use_backend
from unroll.errors import UserError
from unroll.inspect.alignment import alignment_of_run, glimpses_of_run
from unroll.inspect.finding import Finding
from unroll.inspect.saliency import saliency_of_run
from unroll.run import Run
from unroll.tasks.classify.network import Classifier

WAYS: list[tuple[Callable[[Run], bool], Callable[[Run, str], Finding]]] = [
    (
        lambda run: hasattr(run.model, "attention") and hasattr(run.preprocessor, "target"),
        alignment_of_run,
    ),
    (lambda run: hasattr(run.model, "attention") and hasattr(run.model, "grid"), glimpses_of_run),
    (lambda run: isinstance(run.model, Classifier), saliency_of_run),
]


def looks(run: Run) -> bool:
    """Whether the network has anything to look with."""
    return any(has(run) for has, _ in WAYS)


def attention_of_run(run: Run, text: str) -> Finding:
    """What the network looks at in a text: the alignment of a translation, the words that a
    classification rests on; of an image, where each word of its caption looked.

    When to use it: to see why an answer came out as it did. The run is not changed.

    text: what `unroll predict --input` takes: for captions the path of an image.
    Raises: UserError for a network with nothing to look with, and texts that it cannot read.
    """
    for has, look in WAYS:
        if has(run):
            with use_backend("loop"):  # one text is read: not worth a compiler
                return look(run, text)
    raise UserError(
        f"{run.path} is a run of the task {run.task_name}, which has no attention to look at; "
        "translators, captioners and classifiers have. It has: unroll inspect gates, unroll inspect "
        "gradients."
    )
