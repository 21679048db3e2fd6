"""What a model predicts for a clip: its label, or the labels of its frames as segments."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import torch

from unroll.tasks.frames.clips import Clip
from unroll.tasks.frames.floor import clip_columns
from unroll.tasks.frames.probabilities import TrainedFrames, combine_with_floor
from unroll.tasks.frames.segments import Segment, format_segment, split_segments


class SegmentPrediction(TypedDict):
    """A segment, as JSON holds it; the fields are those of `Segment`.

    Attributes:
        label: the most likely class of each frame.
        first: first frame in the file, from 1.
        last: last frame in the file.
        begin: seconds, or null.
        end: seconds, or null.
        probability: of the label, the mean over the frames.
    """

    label: str
    first: int
    last: int
    begin: float | None
    end: float | None
    probability: float


class FramesPrediction(TypedDict, total=False):
    """What a model predicts for a clip, as JSON holds it.

    Attributes:
        clip: its path or name.
        error: what is wrong with a clip that was skipped; then nothing else is predicted.
        frames: of the file.
        frames_read: how many were read, where the clip was truncated.
        label: the most likely class, where a clip has one label.
        probability: of this class.
        probabilities: of every class, the most likely first; where each frame has a label, that of
            the label of each frame.
        segments: where each frame has a label.
        labels: of each frame that was read.
    """

    clip: str
    error: str
    frames: int
    frames_read: int
    label: str
    probability: float
    probabilities: dict[str, float] | list[float]
    segments: list[SegmentPrediction]
    labels: list[str]


@torch.no_grad()
def predict_clip(trained: TrainedFrames, name: str, clip: Clip) -> FramesPrediction:
    """The prediction for a clip. name: its path, or what it is called."""
    preprocessor, network = trained.preprocessor, trained.model.eval()
    values = np.ascontiguousarray(preprocessor.encode(clip))
    x = torch.from_numpy(values).to(trained.device)
    lengths = torch.tensor([len(x)])
    p = network(x, lengths.to(trained.device)).softmax(-1).double().cpu().numpy()
    if preprocessor.floor is not None and network.shares is not None:
        simple = preprocessor.floor.scores(clip_columns(values), lengths.numpy())
        p = combine_with_floor(p, simple, network.shares)
    every, classes = preprocessor.reading.every, preprocessor.classes
    prediction: FramesPrediction = {"clip": name, "frames": clip.total}
    if len(x) * every < clip.total:
        prediction["frames_read"] = len(x)
    if not preprocessor.per_frame:
        ranked = sorted(zip(classes, p[0].tolist(), strict=True), key=lambda pair: -pair[1])
        prediction["label"], prediction["probability"] = ranked[0]
        prediction["probabilities"] = dict(ranked)
        return prediction
    times = clip.times
    if times is None and trained.settings.rate is not None:
        times = np.arange(len(x) + 1) * every / trained.settings.rate
    segments = split_segments(p, classes, every, clip.total, times)
    prediction["segments"] = [
        {
            "label": segment.label,
            "first": segment.first,
            "last": segment.last,
            "begin": segment.begin,
            "end": segment.end,
            "probability": segment.probability,
        }
        for segment in segments
    ]
    prediction["labels"] = [classes[k] for k in p.argmax(1)]
    prediction["probabilities"] = [round(float(q), 6) for q in p.max(1)]
    return prediction


def format_prediction(prediction: FramesPrediction) -> str:
    """A prediction as a line of text: the label and its probability, or the segments; the clip."""
    if "error" in prediction:
        return f"# skipped: {prediction['error']}"
    if "label" in prediction:
        return f"{prediction['label']} {prediction['probability']:.0%}\t{prediction['clip']}"
    segments = [format_segment(Segment(**segment)) for segment in prediction["segments"]]
    return f"{prediction['clip']}\t{', '.join(segments)}"
