"""The simple model of a tagger: a linear-chain CRF on words, their ends, their shapes and neighbours.

N words of all sentences, F features that have weights, K labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch.nn.functional import embedding_bag

from unroll.models.linear_chain import ChainWeights
from unroll.saved_files import STRICT, is_listed, read_record, refuse_unless
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.floor_features import hash_features
from unroll.tasks.tag.kept_vectors import KeptVectors
from unroll.tasks.tag.schemes import allowed_transitions
from unroll.training.checkpoint import check_finite, pack, read_tensors
from unroll.training.files import as_json

WEIGHTS, RECORD = "floor.safetensors", "floor.json"
VECTOR_REACH = 1  # words before and after whose vectors are read
MOST_CHAINED = 64  # labels; of more each word's is chosen alone


@dataclass(frozen=True)
class TagFloorRecord:
    """What is known of a simple model beside its weights.

    Attributes:
        features: the version of `hash_features` whose numbers the weights are for.
        penalty: the weight of the squares of the weights in its fit.
        refitted: whether it has learned from the validation set too.
    """

    __pydantic_config__ = STRICT

    features: Literal[1]
    penalty: float
    refitted: bool


class TagFloor:
    """A linear-chain CRF on sparse features of words, as a run folder keeps it.

        s_t[k] = sum of weights[f, k] over the features f of word t
        p(y | x) = exp(begin[y_1] + sum_t s_t[y_t] + sum_t pairs[y_{t-1}, y_t] + end[y_T]) / Z

    Args:
        keys: the numbers of the features, ascending, uint64 [F].
        weights: float16 [F, K].
        chain: between labels, float32; None where the label of each word is chosen alone.
        record: what else is known of it.
        vectors: pretrained ones of words, which it reads beside the features. None: it does not.
        dense: the weights of the vectors around a word (`KeptVectors.around`), float16 [D, K].

    Source: J. Lafferty, A. McCallum and F. Pereira, Conditional random fields, 2001.
    """

    def __init__(
        self,
        keys: np.ndarray,
        weights: np.ndarray,
        chain: ChainWeights | None,
        record: TagFloorRecord,
        vectors: KeptVectors | None = None,
        dense: np.ndarray | None = None,
    ) -> None:
        self.vectors, self.dense = vectors, dense
        self.keys, self.weights, self.chain, self.record = keys, weights, chain, record
        # a last row of zeros for the features that it does not have
        self._table = torch.zeros(len(keys) + 1, weights.shape[1])
        self._table[:-1] = torch.from_numpy(weights)

    def rows(self, sentences: Sequence[Sentence]) -> np.ndarray:
        """The row of each feature of each word in the weights, int64 [N, features]; F: none."""
        return find_rows(self.keys, hash_features(sentences))

    def scores(self, sentences: Sequence[Sentence]) -> torch.Tensor:
        """The score of each label for each word of the sentences end to end, [N, K]."""
        rows = torch.from_numpy(self.rows(sentences))
        if not len(rows):
            return self._table.new_zeros(0, self._table.shape[1])
        scores = embedding_bag(rows, self._table, mode="sum")
        if self.vectors is not None and self.dense is not None:
            around = torch.from_numpy(self.vectors.around(sentences, VECTOR_REACH))
            scores = scores + around @ torch.from_numpy(self.dense).float()
        return scores

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it, by name."""
        tensors = {
            "keys": torch.from_numpy(self.keys.view(np.int64)),
            "weights": torch.from_numpy(self.weights),
        }
        if self.dense is not None:
            tensors["dense"] = torch.from_numpy(self.dense)
        if self.chain is not None:
            for name, values in vars(self.chain).items():
                finite = np.where(np.isfinite(values), values, 0).astype(np.float32)
                tensors[name] = torch.from_numpy(finite)
        return {WEIGHTS: pack(tensors), RECORD: as_json(asdict(self.record))}

    @classmethod
    def load(
        cls,
        folder: Path,
        labels: Sequence[str],
        scheme: str | None,
        vectors: KeptVectors | None = None,
    ) -> TagFloor | None:
        """That of a run folder; None where it has none.

        Args:
            folder: with a manifest.
            labels: as the preprocessor has them.
            scheme: of the labels.
            vectors: those of the run.

        Raises:
            UserError: where its files are damaged.
        """
        if not is_listed(folder, RECORD):
            return None
        record = read_record(folder, RECORD, TagFloorRecord)
        tensors, path, K = read_tensors(folder, WEIGHTS), folder / WEIGHTS, len(labels)
        names = ["begin", "pairs", "end"] if K <= MOST_CHAINED else []
        shapes = {"begin": [K], "pairs": [K, K], "end": [K]}
        width = None if vectors is None else (2 * VECTOR_REACH + 1) * vectors.size + 1
        own = {"keys", "weights", *names, *(["dense"] if width else [])}
        refuse_unless(set(tensors) == own, path, "a simple model")
        keys, weights = tensors["keys"], tensors["weights"]
        fits = keys.dtype == torch.int64 and weights.dtype == torch.float16 and keys.dim() == 1
        refuse_unless(fits and list(weights.shape) == [len(keys), K], path, f"weights of {K} tags")
        if width:
            found = tensors["dense"]
            fits = found.dtype == torch.float16 and list(found.shape) == [width, K]
            refuse_unless(fits, path, f"weights of vectors for {K} tags")
        for name in names:
            found = tensors[name]
            fits = found.dtype == torch.float32 and list(found.shape) == shapes[name]
            refuse_unless(fits, path, f"{name} of {K} tags")
        for name, tensor in tensors.items():
            check_finite(path, name, tensor)
        numbers = keys.numpy().view(np.uint64)
        refuse_unless(bool((numbers[1:] > numbers[:-1]).all()), path, "features in order")
        chain = None
        if names:
            given = ChainWeights(*(tensors[name].numpy() for name in names))
            chain = forbid(given, allowed_transitions(labels, scheme))
        dense = tensors["dense"].numpy() if width else None
        return cls(numbers, weights.numpy(), chain, record, vectors, dense)


def find_rows(keys: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The place of each feature among the keys, int64 as features; len(keys) where it is not there.

    Args:
        keys: ascending, uint64 [F].
        features: uint64, any shape.
    """
    if not len(keys):
        return np.zeros(features.shape, dtype=np.int64)
    places = np.searchsorted(keys, features)
    places[places == len(keys)] = 0
    return np.where(keys[places] == features, places, len(keys))


def forbid(chain: ChainWeights, allowed: tuple[np.ndarray, np.ndarray, np.ndarray]) -> ChainWeights:
    """Weights between labels, minus infinity where they are not allowed.

    Args:
        chain: finite where allowed.
        allowed: which labels may begin, follow and end, as `allowed_transitions` returns it.
    """
    given = (chain.begin, chain.pairs, chain.end)
    return ChainWeights(
        *(np.where(ok, v, v.dtype.type(-np.inf)) for ok, v in zip(allowed, given, strict=True))
    )
