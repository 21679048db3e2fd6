"""Runs of classifiers of texts and of numbers as models of ONNX: a whole sequence in, logits out.

T time, B batch, F columns, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.data.characters import CharacterVocabulary
from unroll.data.words import WordVocabulary
from unroll.engine import backend
from unroll.errors import UserError
from unroll.export.onnx.checking import (
    BATCHES,
    LARGEST_DIFFERENCE,
    SEED,
    STEPS,
    difference,
    session,
)
from unroll.export.onnx.graph import OnnxGraph, finished
from unroll.export.onnx.layer import add_layers, sequences
from unroll.export.onnx.pooling import add_pooling
from unroll.export.onnx.ports import add_initial_states
from unroll.export.onnx.run_model import RunModel, metadata, packed
from unroll.run import Run
from unroll.tasks.classify.linear_text import LinearTextModel
from unroll.tasks.classify.network import Classifier
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor

SIMPLE = "simple.npz"
WORDS = 6  # of the texts that the answers are compared on
TEXTS = 12


def program(run: Run) -> str:
    """The module that becomes predict.py."""
    is_text = run.preprocessor.scaler is None
    return "predict_classify_text.py" if is_text else "predict_classify_numbers.py"


def run_model(run: Run) -> RunModel:
    """The network of a run, what it reads and its simple model.

    Raises:
        UserError: for vocabularies of byte pairs, scores by counting, and where the model differs from
            the network.
    """
    preprocessor, network = run.preprocessor, run.model
    if preprocessor.counts is not None:
        raise UserError(
            f"{run.path} adds scores by counting (counts=true), which are not exported yet; exported are "
            "runs with a simple model or the network alone (--set counts=false)."
        )
    reads = what_it_reads(run)
    graph = OnnxGraph()
    nodes = add_classifier(graph, network)
    floor = preprocessor.floor
    about: dict[str, Any] = {
        "format": "unroll export 1",
        "task": "classify",
        **reads,
        "classes": preprocessor.classes,
        "several": preprocessor.multi_label,
        "longest": preprocessor.longest,
        "temperature": float(network.temperature),
        "shares": None if floor is None or network.shares is None else network.shares.tolist(),
    }
    is_text = network.embedding is not None
    first = (
        graph.description("ids", torch.int64, ["T", "B"])
        if is_text
        else graph.description("input", torch.float32, ["T", "B", preprocessor.inputs])
    )
    inputs = [first, graph.description("lengths", torch.int64, ["B"])]
    outputs = [graph.description("logits", torch.float32, ["B", len(preprocessor.classes)])]
    content = finished(graph, "classify", inputs, outputs, metadata(about))
    worst = check_network(content, network, preprocessor.inputs)
    files = {} if about["shares"] is None else {SIMPLE: packed(simple_arrays(floor))}
    return RunModel(content, about, worst, nodes, files)


def what_it_reads(run: Run) -> dict[str, Any]:
    """The vocabulary of texts, or the scales of numbers.

    Raises:
        UserError: for vocabularies of byte pairs.
    """
    preprocessor: ClassifyPreprocessor = run.preprocessor
    scaler, vocabulary = preprocessor.scaler, preprocessor.vocabulary
    if scaler is not None:
        return {"columns": scaler.names, "mean": scaler.mean, "deviation": scaler.deviation}
    form = {"split": preprocessor.split, "lower": preprocessor.lower}
    if isinstance(vocabulary, CharacterVocabulary):
        return {"level": "char", "tokens": ["<unk>", "<s>", *vocabulary.characters], **form}
    if isinstance(vocabulary, WordVocabulary):
        return {"level": "word", "tokens": ["<unk>", "<eos>", *vocabulary.words], **form}
    raise UserError(
        f"{run.path} has a vocabulary of byte pairs (--level bpe), which is not exported yet; exported are "
        "char and word."
    )


def simple_arrays(floor: Any) -> dict[str, np.ndarray]:
    """The simple model as arrays by name, with the shares of its scores."""
    found = {**floor.model.arrays(), "shares": floor.shares}
    if isinstance(floor.model, LinearTextModel):
        found["words_from"] = np.array(floor.model.features.words_from)
    return found


@torch.no_grad()
def add_classifier(graph: OnnxGraph, network: Classifier) -> tuple[str, ...]:
    """Add embedding, recurrent layers, pooling and the read-out; what the layers became."""
    x = "input"
    if network.embedding is not None:
        x = graph.add("Gather", graph.constant(network.embedding.weight), "ids", axis=0)
    over = sequences(graph, x, "lengths")
    rows = [row for layer in network.stack for row in layer.parts()]  # type: ignore[operator]
    h, nodes, ports = add_layers(graph, rows, over)
    add_initial_states(graph, ports, "lengths")
    pooled = add_pooling(graph, network.pooling, h, over)
    weight, bias = network.decide.weight.t(), network.decide.bias
    logits = graph.add("MatMul", pooled, graph.constant(weight, "read_out"))
    graph.rename(graph.add("Add", logits, graph.constant(bias)), "logits")
    return tuple(nodes)


def check_network(content: bytes, network: Classifier, inputs: int) -> float:
    """Run the model beside the network: several T and B, and ragged lengths.

    Args:
        content: of the model.
        network: in eval mode.
        inputs: tokens of the vocabulary, or columns.

    Returns:
        The largest difference of a logit, relative to the largest one above 1.

    Raises:
        UserError: where it is above 1e-5.
    """
    model = session(content)
    first = next(each.name for each in model.get_inputs())
    worst = 0.0
    with torch.no_grad(), backend("loop"):
        for x, lengths in cases(network, inputs):
            device = network.decide.weight.device
            expected = network(x.to(device), lengths.to(device)).cpu()
            (found,) = model.run(None, {first: x.numpy(), "lengths": lengths.numpy()})
            worst = max(worst, difference(torch.from_numpy(found), expected))
    if not worst <= LARGEST_DIFFERENCE:
        raise UserError(
            f"The ONNX model differs from the network by {worst:.1e}, more than {LARGEST_DIFFERENCE:.0e}; "
            "nothing was written. Please report the cell."
        )
    return worst


def cases(network: Classifier, inputs: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs, ids [T, B] or numbers [T, B, F], and lengths [B]."""
    random = np.random.default_rng(SEED)
    for T in STEPS:
        for B in BATCHES:
            if network.embedding is not None:
                x = torch.from_numpy(random.integers(0, inputs, (T, B)))
            else:
                x = torch.from_numpy(random.standard_normal((T, B, inputs))).float()
            yield x, torch.full((B,), T)
            if B > 1:
                yield x, torch.tensor([T, T // 2, 0])


def compare(run: Run, program: Any, folder: Path) -> float:
    """The largest difference of a probability, for texts of words of the run, or drawn numbers.

    Args:
        run: the run.
        program: its exported program, as a module.
        folder: of the export.
    """
    is_text = run.preprocessor.scaler is None
    kind = program.ExportedTextClassifier if is_text else program.ExportedNumberClassifier
    exported = kind(folder)
    inputs = list(drawn_texts(run.preprocessor) if is_text else drawn_numbers(run.preprocessor))
    expected = [run.predict(each)["probabilities"] for each in inputs]
    found = [exported.predict(each)["probabilities"] for each in inputs]
    return max(distance(a, b) for a, b in zip(found, expected, strict=True))


def distance(found: dict[str, float], expected: dict[str, float]) -> float:
    """The largest difference of a probability."""
    if found.keys() != expected.keys():
        return float("inf")
    return max(abs(p - expected[name]) for name, p in found.items())


def drawn_texts(preprocessor: ClassifyPreprocessor) -> Iterator[str]:
    """Texts of known and unknown words."""
    random = np.random.default_rng(SEED)
    vocabulary = preprocessor.vocabulary
    if vocabulary is None:
        return
    names = [vocabulary.name(k) for k in range(2, len(vocabulary))] or ["a"]
    space = "" if vocabulary.level == "char" else " "
    for k in range(1, TEXTS + 1):
        words: Sequence[str] = random.choice(names, k * WORDS // 3 + 1).tolist()
        text = space.join(words)
        yield f"{text} Unseen's {k}!" if k % 2 or not text.strip() else text


def drawn_numbers(preprocessor: ClassifyPreprocessor) -> Iterator[np.ndarray]:
    """Sequences of numbers as the columns have them, of several lengths."""
    random, scaler = np.random.default_rng(SEED), preprocessor.scaler
    if scaler is None:
        return
    for T in (1, 2, 7, 40, 150):
        walk = random.standard_normal((T, len(scaler.names))).cumsum(0) / 3
        yield walk * np.array(scaler.deviation) + np.array(scaler.mean)
