"""What a run reports about its clips: at the start of training, and in `unroll data check`."""

from __future__ import annotations

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.split import count_shared
from unroll.tasks.frames.dataset import ClipDataset
from unroll.tasks.frames.network import Framewise
from unroll.tasks.frames.preprocessor import FramesPreprocessor
from unroll.tasks.frames.reader import FramesData
from unroll.tasks.frames.settings import FramesSettings
from unroll.tasks.reporting import describe_class_balance, is_imbalanced

LISTED_CLASSES = 100


def describe_data(data: FramesData, settings: FramesSettings, network: Framewise) -> list[str]:
    """Sentences on the clips and the network, each choice with the flag that changes it."""
    sentences = [*data.warnings]
    if data.guesses:
        sentences.append(f"Guessed: {', '.join(data.guesses)}.")
    sentences.append(
        f"Training set: {counted(len(data.train), 'clip')}. Validation set: "
        f"{counted(len(data.valid), 'clip')}, {data.validation_set} (--valid FILE)."
    )
    if data.kept_in_training:
        kept = counted(data.kept_in_training, "clip stays", "clips stay")
        sentences.append(f"{kept} in the training set because no other clip has the label.")
    return [
        *sentences,
        describe_classes(data.train),
        *describe_frames(data, settings),
        describe_network(data.preprocessor, settings, network),
    ]


def describe_classes(dataset: ClipDataset) -> str:
    """How often the classes occur."""
    counts = dataset.class_counts().tolist()
    sentence = describe_class_balance(counts, dataset.preprocessor.classes, sum(counts))
    if is_imbalanced(counts):
        sentence += "; --set class_weights=balanced gives all classes the same weight"
    return f"{sentence}."


def describe_frames(data: FramesData, settings: FramesSettings) -> list[str]:
    """Sentences on the frames that are read, and on repeated clips."""
    preprocessor, train, valid = data.preprocessor, data.train, data.valid
    reader = preprocessor.reading
    flags = "size=... grey=true" if preprocessor.scaler is None else "features=..."
    every = "" if reader.every == 1 else f", one of {reader.every} is read"
    sentences = [
        f"Frames: {preprocessor.frame_description} (--set {flags}){every}; half of the clips have "
        f"{counted(int(np.median(train.lengths)), 'frame')} or fewer, the longest "
        f"{int(train.lengths.max()):,} (--set every=... longest=...)."
    ]
    if train.truncated + valid.truncated:
        long = counted(train.truncated + valid.truncated, "clip is", "clips are")
        sentences.append(
            f"{long} truncated to the first {counted(reader.longest, 'frame')} (--set longest=N)."
        )
    not_cached = sum(clip.values is None for clip in [*train.clips, *valid.clips])
    if not_cached:
        clips = counted(not_cached, "clip does", "clips do")
        sentences.append(
            f"{clips} not fit into the {settings.cache:g} MB that are kept in memory, and will be "
            "read from the file each time (--set cache=MB)."
        )
    repeated = count_shared(train.content_hashes, valid.content_hashes)
    if repeated:
        clips = counted(
            repeated, "clip of the validation set is", "clips of the validation set are"
        )
        sentences.append(f"{clips} in the training set too.")
    return sentences


def describe_network(
    preprocessor: FramesPreprocessor, settings: FramesSettings, network: Framewise
) -> str:
    """Sentences on what the network makes of a clip."""
    direction = "in both directions" if settings.bidirectional else "forwards"
    decision, flags = (
        f"{settings.pooling} pooling",
        "per=clip|frame pooling=last|mean|max|attention",
    )
    if preprocessor.per_frame:
        decision, flags = "one label per frame", "per=clip|frame"
    convolutions = ""
    if network.look is not None and network.feature is not None:
        channels = ",".join(str(each.out_channels) for each in network.look.convolutions)
        blocks = counted(len(network.look.pools), "block")
        convolutions = (
            f"Each frame goes through {blocks} of convolutions with {channels} channels (--set "
            f"widths) to {network.feature.out_features} numbers (--set embedding). "
        )
    return (
        f"{convolutions}Frames are read {direction} (--set bidirectional=...), {decision} (--set "
        f"{flags})."
    )


def metadata(data: FramesData) -> dict[str, object]:
    """Facts about the data for the config of the run and its model card."""
    classes = data.preprocessor.classes
    return {
        "clips": len(data.train) + len(data.valid),
        "classes": classes if len(classes) <= LISTED_CLASSES else len(classes),
        "frames": int(data.train.starts[-1] + data.valid.starts[-1]),
    }


def check_report(data: FramesData, problems: Problems) -> dict[str, object]:
    """What `unroll data check` reports. problems: the bad clips, which were skipped."""
    train, valid, preprocessor = data.train, data.valid, data.preprocessor
    counts = (train.class_counts() + valid.class_counts()).tolist()
    hashes = train.content_hashes + valid.content_hashes
    lengths = np.concatenate([train.lengths, valid.lengths])
    ranked = sorted(zip(counts, preprocessor.classes, strict=True), reverse=True)
    return {
        "guessed": list(data.guesses),
        "rows": len(train) + len(valid) + problems.count,
        "labels": {name: count for count, name in ranked},
        "label_of": "each frame" if preprocessor.per_frame else "each clip",
        "frame": preprocessor.frame_description,
        "lengths": {
            "median": float(np.median(lengths)),
            "shortest": int(lengths.min()),
            "longest": int(lengths.max()),
            "unit": "frames",
        },
        "duplicates": len(hashes) - len(set(hashes)),
        "validation_in_training": count_shared(train.content_hashes, valid.content_hashes),
        "truncated": train.truncated + valid.truncated,
        "bad": problems.count,
        "problems": [sentence.strip() for sentence in problems.messages()[1:]],
    }
