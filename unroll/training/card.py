"""The model card of a run: a README.md written from what the run recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unroll.terminal import printable

# what data may hold and Markdown would read as its own
MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "`": "&#96;", "](": "]\\("}


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
            f"| {cell(name.replace('_', ' '))} | {cell(value)} |"
            for name, value in data.items()
            if name not in ("path", "sha256")
        ),
        *(
            f"| {cell(name)} | {cell(value)} |"
            for name, value in settings.items()
            if value not in (None, {})
        ),
        "",
    ]
    if result is None:
        lines.append("Training has not ended.")
    else:
        lines += [
            f"Trained {result['steps']:,} steps in {result['seconds']:g} s.",
            "",
            "```text",
            *(printable(line).replace("```", "'''") for line in summary),
            "```",
        ]
    return "\n".join(lines) + "\n"


def cell(value: object) -> str:
    """A value as a cell of a table in Markdown: one line, without markup of its own.

    Examples:
        >>> cell("<b>|x")
        '&lt;b&gt;\\\\|x'
    """
    text = " ".join(printable(str(value)).split())
    for mark, shown in MARKUP.items():
        text = text.replace(mark, shown)
    return text
