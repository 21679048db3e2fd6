"""A backtest in words: the figures beside the naive ways', and whether the model is better."""

from __future__ import annotations

import math
from typing import Any

from unroll.counting import counted

SHOWN = 5  # anomalies
LEEWAY = 0.05  # of the share of values in the band


def report(result: dict[str, Any], where: str) -> list[str]:
    """What `unroll.tasks.forecast.backtest.backtest` found, a line each. where: the data's name."""
    rows = {"this model": result, **result["baselines"]}
    width = max(map(len, rows))
    said = [
        f"{result['target']} on {where}: {counted(result['forecasts'], 'forecast')} of the next "
        f"{'step' if result['horizon'] == 1 else counted(result['horizon'], 'step')}:"
    ]
    for name, row in rows.items():
        said.append(f"  {name:{width}}  " + "   ".join(figures(row)))
    said.append(
        f"  {result['coverage']:.1%} of the values lie in the band, which promises "
        f"{result['expected_coverage']:.1%}; quantile loss {result['quantile_loss']:.4g}."
    )
    said += [*against(result), *kept_promise(result)]
    if result.get("seen"):
        said.append(
            f"{counted(result['seen'], 'forecast is', 'forecasts are')} of steps that the model "
            "learned from or was chosen by; expect larger errors of new ones."
        )
    said += result.get("told", [])
    if new := result.get("new_series"):
        said.append(
            f"{counted(new, 'series was', 'series were')} not learned from; scaled by "
            f"{'its' if new == 1 else 'their'} first steps."
        )
    return said + outside(result)


def figures(row: dict[str, Any]) -> list[str]:
    """The point errors that there are."""
    names = {"mae": "MAE", "rmse": "RMSE", "mase": "MASE", "smape": "sMAPE", "mape": "MAPE"}
    return [
        f"{name} {row[key]:.4g}{' %' if key in ('smape', 'mape') else ''}"
        for key, name in names.items()
        if row[key] is not None
    ]


def against(result: dict[str, Any]) -> list[str]:
    """Whether the model beats persistence, and every other naive way."""
    share, noise = (result["advantage"]["naive"][name] for name in ("share", "noise"))
    if share <= 0:
        said = [
            f"The model does not beat persistence: to say that nothing changes is {-share:.1%} better "
            "(MAE). Do not act on its forecasts as if they knew more."
        ]
    elif noise is None or share < noise:
        chance = "too few windows to tell" if noise is None else f"+- {noise:.1%}"
        said = [
            f"The model does not clearly beat persistence: its MAE is {share:.1%} smaller, which may "
            f"be chance ({chance})."
        ]
    else:
        said = [f"The model beats persistence by {share:.1%} (MAE; +- {noise:.1%})."]
    better = [
        name for name, one in result["advantage"].items() if name != "naive" and one["share"] <= 0
    ]
    if better:
        too = " either" if share <= 0 else ""
        said.append(f"It does not beat {' and '.join(better)}{too}.")
    return said


def kept_promise(result: dict[str, Any]) -> list[str]:
    """What to say of a band that holds far fewer or far more values than it promises."""
    held, promised = result["coverage"], result["expected_coverage"]
    chance = 2 * math.sqrt(promised * (1 - promised) * result["horizon"] / result["values"])
    if abs(held - promised) <= max(LEEWAY, chance):
        return []
    which = "narrow: expect more surprises than it says" if held < promised else "wide"
    return [f"The band is too {which}."]


def outside(result: dict[str, Any]) -> list[str]:
    """The anomalies, the first SHOWN one by one."""
    found = result["anomalies"]
    if not found:
        return []
    expected = (1 - result["expected_coverage"]) * result["forecasts"]
    which = "the farthest:" if len(found) > SHOWN else "the farthest first:"
    return [
        f"{counted(result['anomalies_found'], 'value lies', 'values lie')} outside the band of the "
        f"forecast one step before (about {expected:,.0f} would by chance); {which}",
        *(
            f"  {one.get('series', '')}{' ' if 'series' in one else ''}{one['time']}: "
            f"{one['value']:.5g}, the band was {one['low']:.5g} to {one['high']:.5g}"
            for one in found[:SHOWN]
        ),
    ]
