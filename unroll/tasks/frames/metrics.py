"""How well clips are told apart, beyond accuracy: smoothed losses, whole clips, confusions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.counting import counted


def smoothed_loss(p: np.ndarray, true: np.ndarray, smoothing: float) -> float:
    """What training makes small, nats a record. With smoothed targets the plain loss of held-out clips
    that are all right is lowest by chance, often early."""
    said = np.log(p.clip(1e-12))
    own = said[np.arange(len(true)), true]
    return float(-((1 - smoothing) * own + smoothing * said.mean(1)).mean())


def whole_clips(each: Sequence[np.ndarray], true: Sequence[np.ndarray]) -> dict[str, float]:
    """Of labels a frame, how clips come out: the commonest label right, and every frame right.

    each: probabilities of the frames of each clip, [T, K]. true: their classes, [T].

    Example:
        >>> import numpy as np
        >>> from unroll.tasks.frames.metrics import whole_clips
        >>> whole_clips([np.eye(2)[[0, 0, 1]]], [np.array([0, 0, 0])])
        {'records': 1, 'accuracy': 1.0, 'every_frame': 0.0}
    """
    commonest = right = 0
    for p, classes in zip(each, true, strict=True):
        said = p.argmax(1)
        right += bool((said == classes).all())
        most = [np.bincount(labels, minlength=p.shape[1]).argmax() for labels in (said, classes)]
        commonest += bool(most[0] == most[1])
    return {
        "records": len(each),
        "accuracy": commonest / len(each),
        "every_frame": right / len(each),
    }


def mistakes(confusion: np.ndarray, names: Sequence[str], most: int = 3) -> str:
    """The commonest confusions in words. confusion: how often each class was taken for each, [K, K].

    Example:
        >>> import numpy as np
        >>> from unroll.tasks.frames.metrics import mistakes
        >>> mistakes(np.array([[5, 1], [2, 7]]), ["walk", "run"])
        'run for walk (2 times), walk for run (1 time)'
    """
    wrong = confusion * (1 - np.eye(len(names), dtype=confusion.dtype))
    worst = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [divmod(int(k), len(names)) for k in worst if wrong.flat[k]]
    return ", ".join(
        f"{names[a]} for {names[b]} ({counted(int(wrong[a, b]), 'time')})" for a, b in pairs
    )
