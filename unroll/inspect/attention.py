"""Which parts of its input a prediction depends on, by the method that suits the network.

METHODS has one row per kind of network; a new kind adds its row.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from unroll.engine.backends import backend as use_backend
from unroll.errors import UserError
from unroll.inspect.alignment import alignment_of_run, caption_attention_of_run
from unroll.inspect.finding import Finding
from unroll.inspect.saliency import saliency_of_run
from unroll.run import Run
from unroll.tasks.caption.network import Captioner
from unroll.tasks.classify.network import Classifier
from unroll.tasks.translate.network import TranslateNetwork

METHODS: list[tuple[type[nn.Module], Callable[[Run, str], Finding]]] = [
    (TranslateNetwork, alignment_of_run),
    (Captioner, caption_attention_of_run),
    (Classifier, saliency_of_run),
]


def supports_attention(run: Run) -> bool:
    """Whether `attention_of_run` supports the network of a run."""
    return any(isinstance(run.model, network) for network, _ in METHODS)


def attention_of_run(run: Run, text: str) -> Finding:
    """Which parts of an input a prediction depends on.

    For a translator the alignment of the translation, for a captioner the attention of each word
    over the image, for a classifier the saliency of each step.

    When to use it: to understand a single prediction. The run is not changed.

    Args:
        run: of a translator, a captioner or a classifier.
        text: what `unroll predict --input` takes; for captioners the path of an image.

    Raises:
        UserError: for a run of another task, and an input that it cannot read.
    """
    for network, method in METHODS:
        if isinstance(run.model, network):
            with use_backend("loop"):  # a single input does not repay compilation
                return method(run, text)
    raise UserError(
        f"{run.path} is a run of the task {run.task_name}, which has no attention; expected a "
        "translator, a captioner or a classifier. It supports unroll inspect gates and unroll inspect "
        "gradients."
    )
