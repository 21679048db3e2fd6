"""A recording as a notebook shows it: a picture of each value, state and gradient, units over steps."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from html import escape

import torch
from torch import Tensor

MOST_STEPS, MOST_UNITS = 240, 96  # of a picture; more are averaged
MOST_WIDTH = 480  # pixels on the screen


def recording_page(groups: Mapping[str, Mapping[str, Tensor]]) -> str:
    """Pictures of tensors [T, B, ...] as HTML, those of the first sequence.

    Args:
        groups: "values", "states", "gradients", each with its tensors by name.
    """
    parts = [
        figure(f"{group}[{name!r}]", tensor)
        for group, tensors in groups.items()
        for name, tensor in tensors.items()
        if tensor.dim() > 1 and tensor.numel() and tensor.shape[1]
    ]
    return "".join(parts) or "<p>An empty recording: nothing has been recorded yet.</p>"


def figure(name: str, tensor: Tensor) -> str:
    """One tensor [T, B, ...]: its name, shape and range, and its first sequence as a picture."""
    shown = tensor[:, 0].detach().reshape(len(tensor), -1).float().cpu()
    known = shown[shown.isfinite()]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    pooled = (min(len(shown), MOST_STEPS), min(shown.shape[1], MOST_UNITS))
    shown = torch.nn.functional.adaptive_avg_pool2d(shown.nan_to_num(0, 0, 0)[None], pooled)[0]
    size = min(8, max(2, MOST_WIDTH // pooled[0]))
    data = base64.b64encode(png(colours(shown.T))).decode()
    caption = f"{name} {list(tensor.shape)}, from {low:.3g} to {high:.3g}"
    return (
        f"<div>{escape(caption)}, of the first sequence: units downwards, steps to the right<br>"
        f'<img alt="{escape(caption)}" src="data:image/png;base64,{data}" '
        f'style="image-rendering:pixelated;width:{pooled[0] * size}px;'
        f'height:{pooled[1] * size}px"></div>'
    )


def colours(values: Tensor) -> Tensor:
    """Numbers [R, C] as colours [R, C, 3] in bytes: blue below zero, red above, white at zero."""
    share = values / values.abs().max().clamp_min(1e-30)
    red, blue = 1 + share.clamp(max=0), 1 - share.clamp(min=0)
    return (torch.stack([red, 1 - share.abs(), blue], -1) * 255).round().to(torch.uint8)


def png(pixels: Tensor) -> bytes:
    """Pixels [R, C, 3] in bytes as a PNG."""
    rows, columns, _ = pixels.shape
    # each row begins with the number of its filter, 0: none
    lines = b"".join(b"\0" + bytes(row.flatten().tolist()) for row in pixels)

    def chunk(kind: bytes, content: bytes) -> bytes:
        """A part of the file: its length, kind, content and checksum."""
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)
