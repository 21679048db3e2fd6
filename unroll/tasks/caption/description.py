"""What a captioner's run reports in words: about its images and captions, and about its metrics."""

from __future__ import annotations

import numpy as np

from unroll.counting import counted
from unroll.tasks.caption.metrics import CaptionMetrics, CaptionScores, unknown_rate
from unroll.tasks.caption.network import Captioner
from unroll.tasks.caption.objective import UNITS
from unroll.tasks.caption.reader import CaptionData, read_captions
from unroll.tasks.caption.settings import CaptionSettings
from unroll.tasks.comparison import comparison_table
from unroll.tasks.reporting import skipped_sentence


def describe(data: CaptionData, settings: CaptionSettings, network: Captioner) -> list[str]:
    """Sentences on the images and captions, each choice with the flag that changes it."""
    rows, columns = network.grid
    return [
        *describe_sets(data),
        *describe_records(data, settings),
        f"Convolutions of {settings.channels} channels (--set channels=...) make a grid of {columns} x "
        f"{rows} places; attention: {settings.attention} (--set attention=dot|general|additive). "
        f"Training moves images by up to {counted(settings.shift or 0, 'pixel')} (--set shift=N).",
    ]


def describe_sets(data: CaptionData) -> list[str]:
    """Sentences on the two sets, and on what was guessed and skipped."""
    train, valid = data.train, data.valid
    guesses = f"Guessed: {', '.join(data.table.guesses)}."
    return [
        *([guesses] if data.table.guesses else []),
        f"Training set: {counted(len(train), 'caption')} of {counted(train.image_count, 'image')}.",
        f"Validation set: {data.validation_set}, {counted(len(valid), 'caption')} of "
        f"{counted(valid.image_count, 'image')} (--valid FILE).",
        *data.problems.messages(),
        *data.messages,
    ]


def describe_records(data: CaptionData, settings: CaptionSettings) -> list[str]:
    """Sentences on how images are scaled, and on the vocabulary."""
    preprocessor, train = data.preprocessor, data.train
    colours, height, width = preprocessor.size
    colour = "in grey" if colours == 1 else "in colour"
    kept = "kept in memory" if train.images.cached is not None else "read again each time"
    different = len({text.lower() for text in train.texts})
    case = "in lower case" if settings.lower else "case kept"
    return [
        f"Images are scaled to {width} x {height} pixels, {colour} (--set width=N --set height=N --set "
        f"colours=1|3), and {kept} (--set cache=MIB).",
        f"{counted(different, 'different caption')}; the median has "
        f"{int(np.median(train.lengths)) - 1} {UNITS[settings.level]}, the longest "
        f"{preprocessor.longest} (--level). Vocabulary: {len(preprocessor.vocabulary):,}, {case} (--set "
        f"lower={'false' if settings.lower else 'true'}); unknown tokens in the validation set: "
        f"{unknown_rate(data.valid):.2%}.",
    ]


def summarise(metrics: CaptionMetrics, where: str) -> list[str]:
    """Metrics as sentences, beside those of the baselines. where: what was measured on."""
    lines = [
        f"On {where}, {counted(metrics['images'], 'image')} ({metrics['search']}):",
        *comparison_table(metrics, metrics["baselines"], format_scores),
    ]
    best = max(scores["cider_d"] for scores in metrics["baselines"].values())
    if metrics["cider_d"] <= best:
        lines.append(
            "No better than the baselines: the model has not learned what the images show."
        )
    verb = "is" if metrics["in_training"] == 1 else "are"
    return [
        *lines,
        f"  loss {metrics['loss']:.3f} nats per token; token accuracy "
        f"{metrics['token_accuracy']:.2%} (each token predicted from the true tokens before it); "
        f"{counted(metrics['different'], 'different caption')}",
        f"  most frequent caption of the training set: {metrics['most_frequent']}",
        f"  {metrics['in_training']:,} of {counted(metrics['captions'], 'reference caption')} {verb} in the "
        "training set too",
        f"  bleu {metrics['signature']}",
        *(f"  {sentence}" for sentence in skipped_sentence(metrics.get("skipped", 0))),
    ]


def format_scores(scores: CaptionScores) -> str:
    """The scores of one line of a table."""
    return (
        f"CIDEr-D {scores['cider_d']:6.3f}   ROUGE-L {scores['rouge_l']:.3f}   BLEU "
        f"{scores['bleu']:5.2f}"
    )


def check_report(path: str, settings: CaptionSettings) -> dict[str, object]:
    """Captions, images, lengths and duplicates of a table; bad records are counted.

    Raises:
        UserError: where nothing can be read.
    """
    data = read_captions(path, settings.model_copy(update={"skip_bad": True}), checking=True)
    sets = (data.train, data.valid)
    lengths = np.concatenate([each.lengths for each in sets]) - 1
    texts = [text.lower() for each in sets for text in each.texts]
    return {
        "guessed": list(data.table.guesses),
        "rows": len(texts),
        "images": sum(each.image_count for each in sets),
        "scaled_to": {"width": data.preprocessor.size[2], "height": data.preprocessor.size[1]},
        "validation_set": f"{data.validation_set}, {counted(len(data.valid), 'caption')}",
        "different_captions": len(set(texts)),
        "lengths": {
            "median": float(np.median(lengths)),
            "longest": int(lengths.max()),
            "unit": UNITS[settings.level],
        },
        "vocabulary": len(data.preprocessor.vocabulary),
        "unknown_rate": unknown_rate(data.valid),
        "messages": data.messages,
        "bad": data.problems.count,
        "problems": [sentence.strip() for sentence in data.problems.messages()[1:]],
    }
