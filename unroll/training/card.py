"""The model card of a run: a README.md written from what the run recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def model_card(
    config: Mapping[str, Any], result: Mapping[str, Any] | None, summary: Sequence[str] = ()
) -> str:
    """The model card, as Markdown.

    Args:
        config: of the run, as config.json holds it.
        result: the validation metrics; None while the run trains.
        summary: the metrics as sentences.
    """
    settings, data = config["settings"], config["data"]
    lines = [
        f"# A recurrent {config['task']} model",
        "",
        f"Made with unroll {config['unroll']} on PyTorch {config['torch']}.",
        "",
        "| what | value |",
        "|---|---|",
        f"| data | SHA-256 `{data['sha256']}` |",
        *(
            f"| {name.replace('_', ' ')} | {value} |"
            for name, value in data.items()
            if name not in ("path", "sha256")
        ),
        *(f"| {name} | {value} |" for name, value in settings.items() if value not in (None, {})),
        "",
    ]
    if result is None:
        lines.append("Training has not ended.")
    else:
        lines += [
            f"Trained {result['steps']:,} steps in {result['seconds']:g} s.",
            "",
            "```text",
            *summary,
            "```",
        ]
    return "\n".join(lines) + "\n"
