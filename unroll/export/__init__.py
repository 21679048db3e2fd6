"""Layers and runs for programs that have neither unroll nor torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unroll.export.onnx.layer import ExportedLayer as ExportedLayer
    from unroll.export.onnx.layer import to_onnx as to_onnx
    from unroll.export.onnx.run import ExportedRun as ExportedRun
    from unroll.export.onnx.run import export_run as export_run

MODULES = {"ExportedLayer": "layer", "to_onnx": "layer", "ExportedRun": "run", "export_run": "run"}
__all__ = ["ExportedLayer", "ExportedRun", "export_run", "to_onnx"]


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return getattr(import_module(f"unroll.export.onnx.{MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
