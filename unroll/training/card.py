"""The model card of a run: a README.md written from what the run recorded."""

from __future__ import annotations

from typing import Any


def model_card(
    config: dict[str, Any],
    result: dict[str, Any] | None,
    verdict: list[str] = (),  # type: ignore[assignment]
) -> str:
    """Markdown. result: the held-out figures, or None while it still trains; verdict: in words."""
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
        lines.append("It has not finished training.")
    else:
        lines += [
            f"Trained {result['steps']:,} steps in {result['seconds']:g} s.",
            "",
            "```text",
            *verdict,
            "```",
        ]
    return "\n".join(lines) + "\n"
