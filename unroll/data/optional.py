"""Packages that only some tasks need: imported when they are used, with an install line where missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from unroll.errors import UserError

EXTRAS = {
    "soundfile": "audio", "soxr": "audio", "PIL": "image", "av": "video", "mido": "music",
    "pandas": "dataframe", "polars": "dataframe",
    "openpyxl": "tables", "pyarrow": "tables", "onnx": "onnx", "onnxruntime": "onnx",
}  # fmt: skip


def optional(module: str, what: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: the import name of the package or of a module in it: "PIL.Image".
        what: what it is used for, for people: "reads images".

    Raises:
        UserError: where it is not installed, with the line that installs it.

    Examples:
        >>> from unroll.data.optional import optional
        >>> optional("PIL.Image", "reads images").__name__
        'PIL.Image'
    """
    package = module.split(".")[0]
    try:
        return import_module(module)
    except (ImportError, OSError) as error:  # OSError: a library of it, libsndfile, is missing
        raise UserError(
            f"{what[0].upper()}{what[1:]}: this needs the package {package}, which is not installed "
            f"({error}). Install it: pip install 'unroll-rnn[{EXTRAS[package]}]'."
        ) from error
