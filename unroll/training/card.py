"""The model card of a run: a README.md written from what the run recorded."""

from __future__ import annotations

from typing import Any


def model_card(config: dict[str, Any], result: dict[str, Any] | None) -> str:
    """Markdown. result: the held-out figures, or None while it still trains."""
    settings, data = config["settings"], config["data"]
    lines = [
        f"# A recurrent {config['task']} model",
        "",
        f"Made with unroll {config['unroll']} on PyTorch {config['torch']}.",
        "",
        "| what | value |",
        "|---|---|",
        f"| data | {data['characters']:,} characters, SHA-256 `{data['sha256']}` |",
        f"| held out | {data['held_out']} |",
        *(f"| {name} | {value} |" for name, value in settings.items() if value not in (None, {})),
        "",
    ]
    if result is None:
        lines.append("It has not finished training.")
    else:
        lines += [
            f"Trained {result['steps']:,} steps in {result['seconds']:g} s. On the held-out text:",
            "",
            "| model | bits per character | nats per token | perplexity |",
            "|---|---|---|---|",
        ]
        for name, row in {"this model": result, **result["baselines"]}.items():
            lines.append(
                f"| {name} | {row['bits_per_character']:.3f} | {row['nats_per_token']:.4f} | "
                f"{row['perplexity']:,.2f} |"
            )
    return "\n".join(lines) + "\n"
