"""How good captions are, in words: the figures beside the baselines'."""

from __future__ import annotations

from typing import Any

from unroll.counting import counted
from unroll.tasks.caption.settings import CaptionSettings


def report(result: dict[str, Any], where: str) -> list[str]:
    """What the task found, a line each. where: the data's name."""
    rows = {"this model": result, **result["baselines"]}
    width = max(map(len, rows))
    said = [f"On {where}, {counted(result['images'], 'image')} ({result['search']}):"]
    said += [
        f"  {name:{width}}  CIDEr-D {row['cider_d']:6.3f}   ROUGE-L {row['rouge_l']:.3f}   BLEU "
        f"{row['bleu']:5.2f}"
        for name, row in rows.items()
    ]
    best = max(row["cider_d"] for row in result["baselines"].values())
    if result["cider_d"] <= best:
        said.append("It does not beat the baselines: it has not learned what is in the images.")
    stand = "stands" if result["in_training"] == 1 else "stand"
    said += [
        f"  loss {result['loss']:.3f} nats and {result['token_accuracy']:.2%} of the tokens right, "
        f"each given the true ones before it; {counted(result['different'], 'different caption')}",
        f"  the commonest caption of the training part: {result['commonest']}",
        f"  {result['in_training']:,} of the {counted(result['captions'], 'caption')} {stand} in the "
        "training part too",
        f"  bleu {result['signature']}",
    ]
    if result.get("left_out"):
        left = counted(result["left_out"], "bad record was", "bad records were")
        said.append(f"  {left} left out")
    return said


def searched(settings: CaptionSettings, prior: float) -> str:
    """How captions are looked for. prior: the share that the captions learned from have."""
    if settings.consensus:
        heat = "" if settings.temperature == 1 else f" at temperature {settings.temperature:g}"
        known = f" and, for {prior:.0%}, with those learned from" if prior else ""
        return (
            f"of {counted(settings.consensus, 'drawn caption')}{heat}, seed {settings.seed}, the one "
            f"that agrees most with the others{known}"
        )
    if settings.beam == 1:
        return "greedy"
    return f"beam of {settings.beam}, length penalty {settings.length_penalty:g}"
