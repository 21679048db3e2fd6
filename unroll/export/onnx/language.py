"""Runs of language models as models of ONNX: ids and states in, ln p of the next tokens and states out.

T time, B batch, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.data.characters import CharacterVocabulary, ClosedAlphabet
from unroll.data.vocabulary import ids_read
from unroll.data.words import WordVocabulary
from unroll.engine import backend
from unroll.errors import UserError
from unroll.export.onnx.checking import (
    BATCHES,
    CALLS,
    LARGEST_DIFFERENCE,
    SEED,
    STEPS,
    difference,
    initial,
    largest,
    session,
    state_rows,
)
from unroll.export.onnx.graph import OnnxGraph, finished
from unroll.export.onnx.layer import add_layers, port_record, sequences
from unroll.export.onnx.ports import StatePort
from unroll.export.onnx.run_model import RunModel, metadata, packed
from unroll.models.language import LanguageModel
from unroll.models.language_decoding import category_ids, prompt_ids, start_ids
from unroll.models.mixture import MixedLanguageModel
from unroll.run import LanguageRun

GRAMS = "ngrams.npz"
PROBES = (0, 1, 7, 40)  # characters or words after which the answers are compared


def program(run: LanguageRun) -> str:
    """The module that becomes predict.py."""
    return "predict_language.py"


def run_model(run: LanguageRun) -> RunModel:
    """The network of a run, its vocabulary and its n-grams.

    Raises:
        UserError: for vocabularies of byte pairs, and where the model differs from the network.
    """
    words = vocabulary_record(run)
    graph = OnnxGraph()
    nodes, ports = add_network(graph, run.model)
    gate = gate_record(run)
    about: dict[str, Any] = {
        "format": "unroll export 1",
        "task": "language",
        "weights": run.weights_hash,
        **words,
        "start": start_ids(run.vocabulary, run.settings.per_line),
        "end": run.vocabulary.boundary if run.settings.per_line else None,
        "never": never(run),
        "categories": run.categories,
        "gate": gate,
        "states": [port_record(port) for port in ports],
    }
    inputs = [
        graph.description("ids", torch.int64, ["T", "B"]),
        graph.description("lengths", torch.int64, ["B"]),
        *([graph.description("category", torch.int64, ["B"])] if run.categories else []),
        *(graph.description(p.name, p.dtype, p.shape) for p in ports),
    ]
    size = len(run.vocabulary)
    outputs = [
        graph.description("log_probabilities", torch.float32, ["T", "B", size]),
        *(graph.description(p.next_name, p.dtype, p.shape) for p in ports),
    ]
    content = finished(graph, "language", inputs, outputs, metadata(about))
    difference = check_network(content, run.model, ports, len(run.categories))
    files = {}
    if isinstance(run.predictor, MixedLanguageModel):
        files[GRAMS] = packed(run.predictor.ngrams.prepared_arrays())
    return RunModel(content, about, difference, nodes, files)


def vocabulary_record(run: LanguageRun) -> dict[str, Any]:
    """The tokens of a run, and how a text is split into them.

    Raises:
        UserError: for vocabularies of byte pairs.
    """
    vocabulary = run.vocabulary
    names = [vocabulary.name(id) for id in range(ids_read(vocabulary))]
    if isinstance(vocabulary, CharacterVocabulary | ClosedAlphabet):
        # of several tokens with one name the first is that of a text
        no_text = [k for k, name in enumerate(names) if name not in vocabulary.characters]
        no_text += [vocabulary.boundary] if vocabulary.boundary not in no_text else []
        form: dict[str, Any] = {"unknown": vocabulary.unknown_id, "no_text": sorted(no_text)}
        return {"level": "char", "tokens": names, **form}
    if isinstance(vocabulary, WordVocabulary):
        form = {"split": vocabulary.split, "end_of": vocabulary.end, "lower": vocabulary.lower}
        written = ["<unk>", "<eos>", *vocabulary.words]  # with the marks of tokens without a space
        return {"level": "word", "tokens": written, "no_text": [], "unknown": 0, **form}
    raise UserError(
        f"{run.path} has a vocabulary of byte pairs (--level bpe), which is not exported yet; exported are "
        "char and word."
    )


def never(run: LanguageRun) -> list[int]:
    """The ids that are not generated: the unknown token, and the boundary where it is no text."""
    vocabulary = run.vocabulary
    found = [] if vocabulary.unknown_id is None else [vocabulary.unknown_id]
    is_text = run.settings.per_line or vocabulary.level == "word"
    return (
        found
        if is_text or vocabulary.boundary >= len(vocabulary)
        else [*found, vocabulary.boundary]
    )


def gate_record(run: LanguageRun) -> dict[str, Any] | None:
    """The gate between network and n-grams; None where the network is alone."""
    predictor = run.predictor
    if not isinstance(predictor, MixedLanguageModel):
        return None
    gate = predictor.gate
    return {
        "weight": gate.weight.tolist(),
        "bias": float(gate.bias),
        "order": predictor.ngrams.order,
    }


@torch.no_grad()
def add_network(graph: OnnxGraph, model: LanguageModel) -> tuple[tuple[str, ...], list[StatePort]]:
    """Add embedding, recurrent layers and softmax; what the layers became, and their states."""
    places, read = len(model.bias), len(model.embedding.weight)
    table = model.embedding(torch.arange(read, device=model.bias.device))
    index = "ids"
    if model.rare is not None:  # further ids have the last place
        index = graph.add("Min", "ids", graph.constant(torch.tensor(places - 1)))
    x = graph.add("Gather", graph.constant(table, "embedding"), index, axis=0)
    if model.category is not None:
        one = graph.add("Gather", graph.constant(model.category.weight), "category", axis=0)
        x = graph.add("Add", x, graph.add("Unsqueeze", one, graph.whole(0)))
    rows = [row for layer in model.stack for row in layer.parts()]  # type: ignore[operator]
    h, nodes, ports = add_layers(graph, rows, sequences(graph, x, "lengths"))
    weight = model.embedding.weight[:places] if model.weight is None else model.weight
    logits = graph.add("MatMul", h, graph.constant(weight.t(), "softmax"))
    logits = graph.add("Add", logits, graph.constant(model.bias))
    if model.rare is not None:
        sizes = graph.whole(places - 1, 1)
        known, rest = graph.add_many("Split", [logits, sizes], ["known", "rare"], axis=2)
        rest = graph.add("Add", rest, graph.constant(model.rare))
        logits = graph.add("Concat", known, rest, axis=2)
    graph.rename(graph.add("LogSoftmax", logits, axis=2), "log_probabilities")
    return tuple(nodes), ports


def check_network(
    content: bytes, model: LanguageModel, ports: Sequence[StatePort], categories: int
) -> float:
    """Run the model beside the network, as `unroll.export.onnx.checking.check_layer` does with layers.

    Args:
        content: of the model.
        model: the network, in eval mode.
        ports: the fields of its state.
        categories: how many conditions it has.

    Returns:
        The largest difference of an output or a state, relative to the largest number above 1.

    Raises:
        UserError: where it is above 1e-5.
    """
    found = session(content)
    with torch.no_grad(), backend("loop"):
        worst = max(network_differences(found, model, ports, categories))
    if not worst <= LARGEST_DIFFERENCE:
        raise UserError(
            f"The ONNX model differs from the network by {worst:.1e}, more than {LARGEST_DIFFERENCE:.0e}; "
            "nothing was written. Please report the cell."
        )
    return worst


def network_differences(
    found: Any, model: LanguageModel, ports: Sequence[StatePort], categories: int
) -> Iterator[float]:
    """The largest difference of each case: T, B, ragged lengths, and calls that carry the state."""
    random = np.random.default_rng(SEED)
    size = len(model.embedding.weight)
    for T in STEPS:
        for B in BATCHES:
            ids = torch.from_numpy(random.integers(0, size, (T, B)))
            category = torch.arange(B) % categories if categories else None
            cases = [torch.full((B,), T)] + ([torch.tensor([T, T // 2, 0])] if B > 1 else [])
            for lengths in cases:
                expected = network_outputs(model, ids, lengths, category)
                got = run(found, ids, lengths, category, initial(ports, B))
                yield largest([got], [expected])
            if T >= CALLS:
                states, parts = initial(ports, B), []
                for part in ids.chunk(CALLS):
                    lengths = torch.full((B,), len(part))
                    output, *states = run(found, part, lengths, category, states)
                    parts.append(output)
                whole = network_outputs(model, ids, torch.full((B,), T), category)
                yield largest([[torch.cat(parts), *states]], [whole])


def network_outputs(
    model: LanguageModel, ids: Tensor, lengths: Tensor, category: Tensor | None
) -> list[Tensor]:
    """ln p of the next tokens [T, B, V], and the fields of the state after the last step."""
    device = model.bias.device
    given = None if category is None else category.to(device)
    logits, states = model(ids.to(device), lengths=lengths, category=given)
    rows = [row for state in states for row in state_rows(state)]
    return [t.cpu() for t in (logits.log_softmax(-1), *rows)]


def run(
    model: Any, ids: Tensor, lengths: Tensor, category: Tensor | None, states: Sequence[Tensor]
) -> list[Tensor]:
    """The same by the model of ONNX."""
    names = [each.name for each in model.get_inputs()]
    given = [ids.contiguous(), lengths, *([] if category is None else [category]), *states]
    feeds = {name: t.numpy() for name, t in zip(names, given, strict=True)}
    return [torch.from_numpy(a) for a in model.run(None, feeds)]


def compare(run: LanguageRun, program: Any, folder: Path) -> float:
    """The largest difference of a probability of the next token, after texts of the run's own.

    Args:
        run: the run.
        program: its exported program, as a module.
        folder: of the export.
    """
    exported = program.ExportedLanguageModel(folder)
    condition = run.categories[0] if run.categories else None
    text = run.generate("", max(PROBES), seed=SEED, condition=condition)
    between = " " if run.vocabulary.level == "word" else ""
    pieces = text.split(" ") if between else list(text)
    worst = 0.0
    for count in PROBES:
        shown = between.join(pieces[:count])
        ids = prompt_ids(run.vocabulary, shown, run.settings.per_line)
        read = exported.about["start"] + exported.encode(shown)
        if read != ids:
            return float("inf")
        device = run.model.bias.device
        category = category_ids(run.category(condition), 1, device)
        expected = run.predictor.next_probabilities(torch.tensor(ids, device=device), category)
        found, _ = exported.read(read, exported.start(), condition)
        worst = max(worst, difference(torch.from_numpy(found), expected.detach().cpu()))
    return worst
