"""What a run answers, as conditions of an inspection that looks inside its network."""

from __future__ import annotations

from typing import Any

from unroll.run import Run


def answer_of(run: Run, value: Any) -> dict[str, str]:
    """The prediction for an input and its probability, as `predict` gives them.

    When to use it: before anything is said about the network alone, which may say something else.

    Args:
        run: of a task that predicts.
        value: one input.

    Returns:
        Conditions: `predicted`, and `probability` where there is one.

    Raises:
        UserError: for an input that the run cannot read.
    """
    (prediction,) = run.predict_iterator([value])
    return stated_answer(run, prediction)


def stated_answer(run: Run, prediction: dict[str, Any]) -> dict[str, str]:
    """The conditions of a prediction that is known already; see `answer_of`."""
    row = run.task.prediction_rows(prediction)[0]
    found = row["prediction"]
    between = ", " if "labels" in prediction else " "  # several labels, or the tags of words
    said = between.join(map(str, found)) if isinstance(found, list) else str(found)
    probability = row.get("probability")
    if not isinstance(probability, float):
        return {"predicted": said}
    return {"predicted": said, "probability": f"{probability:.1%}"}
