"""Layers and runs for programs that have neither unroll nor torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unroll.export.onnx.layer import ExportedLayer as ExportedLayer
    from unroll.export.onnx.layer import to_onnx as to_onnx

__all__ = ["ExportedLayer", "to_onnx"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from unroll.export.onnx import layer

        return getattr(layer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
