"""How well a model predicts tunes: nats per character of ABC, or per word of MIDI.

V is the number of token ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NotRequired, TypedDict

import numpy as np
import torch

from unroll.counting import counted
from unroll.data.bucketed import longest_first
from unroll.data.split import count_shared
from unroll.models.language import LanguageModel
from unroll.models.mixture import NgramReader, gather_evidence
from unroll.models.mixture_gate import Evidence
from unroll.tasks.base import Progress, Trained
from unroll.tasks.comparison import comparison_table
from unroll.tasks.music.baseline import content_hashes, load_tune_baseline
from unroll.tasks.music.batches import add_boundaries, pad_tunes
from unroll.tasks.music.preprocessor import ABC, MIDI, MusicPreprocessor, pieces_of
from unroll.tasks.music.settings import MusicSettings
from unroll.tasks.reporting import skipped_sentence

ROWS = 16  # tunes that are evaluated side by side
UNITS = {ABC: "character", MIDI: "word"}
NETWORK = "network alone"

TrainedMusic = Trained[MusicSettings, MusicPreprocessor, LanguageModel]


class TuneLoss(TypedDict):
    """The loss of one model.

    Attributes:
        loss: nats per unit.
    """

    loss: float


class MusicMetrics(TuneLoss):
    """How well a model predicts tunes, beside n-gram models.

    Attributes:
        unit: what nats are divided by: "character" of ABC, "word" of MIDI.
        tunes: how many tunes were predicted.
        size: how many units they have.
        nats_per_token: nats per token, boundaries included.
        nats_per_tune: nats per tune.
        in_training: how many of the tunes are in the training set.
        baselines: the loss of each n-gram model.
        skipped: how many bad records were skipped, of data that is not the run's own.
    """

    unit: str
    tunes: int
    size: int
    nats_per_token: float
    nats_per_tune: float
    in_training: int
    baselines: dict[str, TuneLoss]
    skipped: NotRequired[int]


def token_nats(
    network: LanguageModel,
    tunes: Sequence[str],
    preprocessor: MusicPreprocessor,
    device: torch.device,
    progress: Progress | None = None,
) -> list[np.ndarray]:
    """The negative log-probability of each token of each tune, and of its end, by the network alone.

    Args:
        network: on the device; it is put in eval mode.
        tunes: each is read from an empty state.
        preprocessor: of the run.
        device: where batches go.
        progress: called with the share that is done. Default: no calls.

    Returns:
        For each tune of N tokens, N + 1 nats.
    """
    found = tune_evidence(network, tunes, replace(preprocessor, floor=None), device, progress)
    return [-evidence.network for evidence in found]


@torch.no_grad()
def tune_evidence(
    network: LanguageModel,
    tunes: Sequence[str],
    preprocessor: MusicPreprocessor,
    device: torch.device,
    progress: Progress | None = None,
) -> list[Evidence]:
    """What network and n-grams say about each token of each tune, and about its end.

    Args:
        network: on the device; it is put in eval mode.
        tunes: each is read from an empty state.
        preprocessor: of the run; without n-grams, those say nothing.
        device: where batches go.
        progress: called with the share that is done. Default: no calls.

    Returns:
        For each tune of N tokens, arrays of N + 1.
    """
    network.eval()
    reader = None if preprocessor.floor is None else NgramReader(preprocessor.floor)
    rows = [add_boundaries(preprocessor.encode(tune)) for tune in tunes]
    found: dict[int, Evidence] = {}
    for places in longest_first([len(row) for row in rows], ROWS):
        batch = pad_tunes([rows[k] for k in places])
        each, _ = gather_evidence(network, reader, batch.to(device))
        for b, k in enumerate(places):
            found[k] = Evidence(*(part[: len(rows[k]) - 1, b] for part in each))
        if progress is not None:
            progress(len(found) / len(rows))
    return [found[k] for k in range(len(rows))]


def mixture_nats(network: LanguageModel, evidence: Sequence[Evidence]) -> list[np.ndarray]:
    """The negative log-probability of each token by network and n-grams, of each tune.

    Args:
        network: whose gate mixes them; without a gate it is alone.
        evidence: of each tune.
    """
    gate = network.gate
    return [-each.network if gate is None else -gate.log_mixture(each) for each in evidence]


def count_units(tunes: Sequence[str], notation: str) -> int:
    """How many characters tunes of ABC have, or words tunes of MIDI."""
    if notation == MIDI:
        return sum(len(pieces_of(tune, notation)) for tune in tunes)
    return sum(map(len, tunes))


def measure(trained: TrainedMusic, texts: Sequence[str], progress: Progress) -> MusicMetrics:
    """The metrics of a model on tunes, beside those of the n-gram models of the run.

    Raises:
        UserError: where the file of the n-gram models is damaged.
    """
    preprocessor = trained.preprocessor
    evidence = tune_evidence(trained.model, texts, preprocessor, trained.device, progress)
    nats = mixture_nats(trained.model, evidence)
    baseline = load_tune_baseline(trained.path, preprocessor)
    size, total = count_units(texts, preprocessor.notation), float(sum(row.sum() for row in nats))
    baselines: dict[str, TuneLoss] = {
        f"{order}-gram": {"loss": baseline.nats(texts, preprocessor, order) / size}
        for order in sorted({1, baseline.ngrams.order})
    }
    if preprocessor.floor is not None:
        of_floor = sum(float(np.log(each.ngram).sum()) for each in evidence)
        of_network = sum(float(each.network.sum()) for each in evidence)
        baselines[f"{preprocessor.floor.order}-gram of tokens"] = {"loss": -of_floor / size}
        baselines[NETWORK] = {"loss": -of_network / size}
    return {
        "loss": total / size,
        "unit": UNITS[preprocessor.notation],
        "tunes": len(texts),
        "size": size,
        "nats_per_token": total / sum(map(len, nats)),
        "nats_per_tune": total / len(texts),
        "in_training": count_shared(baseline.train.tolist(), content_hashes(texts).tolist()),
        "baselines": baselines,
    }


def summarise(metrics: MusicMetrics, where: str) -> list[str]:
    """A table of the losses of model and n-gram models, and sentences. where: what was measured on."""
    unit, baselines = metrics["unit"], metrics["baselines"]
    size = f"{counted(metrics['tunes'], 'tune')}, {counted(metrics['size'], unit)}"
    model: TuneLoss = {"loss": metrics["loss"]}
    lines = [
        f"On {where}, {size}:",
        *comparison_table(model, baselines, lambda row: f"{row['loss']:.4f} nats per {unit}"),
    ]
    simple = {name: row for name, row in baselines.items() if name != NETWORK}
    name, best = min(simple.items(), key=lambda item: item[1]["loss"])
    gain = 1 - metrics["loss"] / best["loss"]
    kind = "characters" if unit == "character" else "tokens"
    lines.append(
        f"The model needs {abs(gain):.1%} {'fewer' if gain >= 0 else 'more'} nats than the {name} "
        f"model{'' if 'of tokens' in name else f' of {kind}'}."
    )
    if shared := metrics["in_training"]:
        lines.append(f"{counted(shared, 'of them is', 'of them are')} in the training set too.")
    return lines + skipped_sentence(metrics.get("skipped", 0))
