"""A state as bytes: safetensors with a checksum and the hash of the weights that it belongs to.

A state is of use only to the weights that made it. So its bytes name them, and are refused by others;
nothing in them is executed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from unroll.cells import State, map_state
from unroll.cells.state import fields
from unroll.errors import UserError

FORMAT = "unroll state 1"
ENTRY = "unroll"  # of the metadata of the file
RESERVED = ("format", "weights", "checksum")  # names of facts that every state has


def weights_hash(tensors: Iterable[tuple[str, Tensor]], *files: bytes) -> str:
    """The SHA-256 of weights by name, and of what else a state depends on.

    Args:
        tensors: names and tensors, in any order.
        files: contents of files, in this order.
    """
    found = hashlib.sha256()
    for name, tensor in sorted(tensors, key=lambda pair: pair[0]):
        found.update(described(name, tensor) + number_bytes(tensor))
    for content in files:
        found.update(hashlib.sha256(content).digest())
    return found.hexdigest()


def described(name: str, tensor: Tensor) -> bytes:
    """Name, type and shape of a tensor, for a hash."""
    return json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode()


def number_bytes(tensor: Tensor) -> bytes:
    """The numbers of a tensor as they lie in memory."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def state_to_bytes(state: State, weights: str, facts: Mapping[str, str] | None = None) -> bytes:
    """A state as the content of a .safetensors file.

    Args:
        state: tensors of any shape, in the structure of a cell.
        weights: the hash of the weights that made it.
        facts: further words by name that are kept with it. Default: none.
    """
    tensors = {name: stored(field) for name, field in fields(state)}
    kept = {**(facts or {}), "format": FORMAT, "weights": weights}
    kept["checksum"] = checksum(tensors, kept)
    # one entry: the order of several is that of a hash table, another one each time
    content: bytes = save(tensors, {ENTRY: json.dumps(kept, sort_keys=True)})
    return content


def state_from_bytes(content: bytes, like: State, weights: str) -> tuple[State, dict[str, str]]:
    """The state that bytes hold, and the facts that were kept with it.

    Args:
        content: of `state_to_bytes`.
        like: a state of the structure, types, device and shapes that are expected.
        weights: the hash of the weights that it must have been made by.

    Raises:
        UserError: where the bytes are no state, are damaged, or belong to other weights.
    """
    if not isinstance(content, bytes | bytearray | memoryview):
        raise UserError(f"The state got {content!r:.40}; expected the bytes of to_bytes().")
    content = bytes(content)
    try:
        tensors, facts = load(content), facts_of(content)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"The {len(content):,} bytes are no state, or a damaged one; expected those of to_bytes()."
        ) from error
    if facts.get("format") != FORMAT:
        raise UserError(
            "The bytes are a file of tensors, and no state; expected those of to_bytes()."
        )
    if facts.get("checksum") != checksum(tensors, facts):
        raise UserError(
            "The state is damaged: its checksum differs. Use a copy, or read the text again."
        )
    if facts.get("weights") != weights:
        raise UserError(
            f"The state belongs to other weights ({facts.get('weights', '')[:12]}) than these "
            f"({weights[:12]}); a state is of use only to the run or layer that made it. Read the text again."
        )
    wanted = {name: stored(field) for name, field in fields(like)}
    form = lambda of: {k: (t.dtype, t.shape) for k, t in of.items()}  # noqa: E731
    if form(tensors) != form(wanted):
        raise UserError(
            f"The state has the fields {shown(tensors)}; expected {shown(wanted)}, as the layer has them."
        )
    found = iter(tensors[name] for name, _ in fields(like))
    state = map_state(lambda field: restored(next(found), field), like)
    return state, {name: fact for name, fact in facts.items() if name not in RESERVED}


def checksum(tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> str:
    """The SHA-256 of tensors and facts but the checksum itself."""
    rest = {name: fact for name, fact in facts.items() if name != "checksum"}
    return weights_hash(tensors.items(), json.dumps(rest, sort_keys=True).encode())


def facts_of(content: bytes) -> dict[str, str]:
    """The facts by name in the header of a .safetensors file."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    found = json.loads(header.get("__metadata__", {}).get(ENTRY, "{}"))
    return {str(name): str(fact) for name, fact in found.items()}


def stored(field: Tensor) -> Tensor:
    """A field as it is kept: on the CPU, complex numbers as pairs of real ones."""
    field = field.detach()
    return (torch.view_as_real(field) if field.is_complex() else field).cpu().contiguous()


def restored(field: Tensor, like: Tensor) -> Tensor:
    """A field that was kept, in the type and on the device of `like`."""
    return (torch.view_as_complex(field) if like.is_complex() else field).to(like.device)


def shown(tensors: Mapping[str, Tensor]) -> str:
    """Names and shapes of fields, for people."""
    return (
        ", ".join(f"{name} {list(t.shape)}" for name, t in sorted(tensors.items()))[:90] or "none"
    )
