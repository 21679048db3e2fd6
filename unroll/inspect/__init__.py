"""Inspection of cells and runs: gradients, states, gates, attention, embeddings, training.

Each name is imported when it is first used, so that the help of the command line does not import
torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

PUBLIC = {
    "Alignment": "unroll.inspect.alignment",
    "CellWalk": "unroll.inspect.cell_walk",
    "Finding": "unroll.inspect.finding",
    "Flow": "unroll.inspect.flow",
    "Gates": "unroll.inspect.gates",
    "Gradients": "unroll.inspect.gradients",
    "History": "unroll.inspect.history",
    "MissingWord": "unroll.inspect.missing_word",
    "NextTokens": "unroll.inspect.next_tokens",
    "Intervention": "unroll.inspect.intervention",
    "OverTraining": "unroll.inspect.over_training",
    "Predictions": "unroll.inspect.predictions",
    "Report": "unroll.inspect.report",
    "Results": "unroll.inspect.task_pictures.results",
    "Saliency": "unroll.inspect.saliency",
    "ScoredTexts": "unroll.inspect.scored_texts",
    "States": "unroll.inspect.states",
    "Summands": "unroll.inspect.summands",
    "Trajectory": "unroll.inspect.trajectory",
    "Vectors": "unroll.inspect.vectors",
    "WordGradients": "unroll.inspect.word_gradients",
    "attention_of_run": "unroll.inspect.attention",
    "gates_of_run": "unroll.inspect.gates",
    "gradients_of_cells": "unroll.inspect.cell_gradients",
    "gradients_of_run": "unroll.inspect.run_gradients",
    "gradients_of_word": "unroll.inspect.word_gradients",
    "halving_distance": "unroll.training.halving",
    "history_of_run": "unroll.inspect.history",
    "intervention_of_run": "unroll.inspect.intervention",
    "jacobians": "unroll.inspect.jacobian",
    "largest_singular_values": "unroll.inspect.jacobian",
    "lyapunov_exponents": "unroll.inspect.lyapunov",
    "missing_word": "unroll.inspect.missing_word",
    "next_of_run": "unroll.inspect.next_tokens",
    "over_training_of_run": "unroll.inspect.over_training",
    "predictions_of_run": "unroll.inspect.predictions",
    "report_of_run": "unroll.inspect.report",
    "results_of_run": "unroll.inspect.task_pictures.results",
    "scores_of_texts": "unroll.inspect.scored_texts",
    "states_of_run": "unroll.inspect.states",
    "step_summands": "unroll.inspect.step_summands",
    "summands_of_cell": "unroll.inspect.summands",
    "summands_of_run": "unroll.inspect.summands",
    "truncation_errors": "unroll.inspect.truncation",
    "vectors_of_run": "unroll.inspect.vectors",
    "walk_of_cell": "unroll.inspect.cell_walk",
}

__all__ = list(PUBLIC)


def __getattr__(name: str) -> Any:
    """Import a public name; raise AttributeError for any other."""
    if name not in PUBLIC:
        raise AttributeError(f"module 'unroll.inspect' has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)


if TYPE_CHECKING:
    from unroll.inspect.alignment import Alignment as Alignment
    from unroll.inspect.attention import attention_of_run as attention_of_run
    from unroll.inspect.cell_gradients import gradients_of_cells as gradients_of_cells
    from unroll.inspect.cell_walk import CellWalk as CellWalk
    from unroll.inspect.cell_walk import walk_of_cell as walk_of_cell
    from unroll.inspect.finding import Finding as Finding
    from unroll.inspect.flow import Flow as Flow
    from unroll.inspect.gates import Gates as Gates
    from unroll.inspect.gates import gates_of_run as gates_of_run
    from unroll.inspect.gradients import Gradients as Gradients
    from unroll.inspect.history import History as History
    from unroll.inspect.history import history_of_run as history_of_run
    from unroll.inspect.intervention import Intervention as Intervention
    from unroll.inspect.intervention import intervention_of_run as intervention_of_run
    from unroll.inspect.jacobian import jacobians as jacobians
    from unroll.inspect.jacobian import largest_singular_values as largest_singular_values
    from unroll.inspect.lyapunov import lyapunov_exponents as lyapunov_exponents
    from unroll.inspect.missing_word import MissingWord as MissingWord
    from unroll.inspect.missing_word import missing_word as missing_word
    from unroll.inspect.next_tokens import NextTokens as NextTokens
    from unroll.inspect.next_tokens import next_of_run as next_of_run
    from unroll.inspect.over_training import OverTraining as OverTraining
    from unroll.inspect.over_training import over_training_of_run as over_training_of_run
    from unroll.inspect.predictions import Predictions as Predictions
    from unroll.inspect.predictions import predictions_of_run as predictions_of_run
    from unroll.inspect.report import Report as Report
    from unroll.inspect.report import report_of_run as report_of_run
    from unroll.inspect.run_gradients import gradients_of_run as gradients_of_run
    from unroll.inspect.saliency import Saliency as Saliency
    from unroll.inspect.scored_texts import ScoredTexts as ScoredTexts
    from unroll.inspect.scored_texts import scores_of_texts as scores_of_texts
    from unroll.inspect.states import States as States
    from unroll.inspect.states import states_of_run as states_of_run
    from unroll.inspect.step_summands import step_summands as step_summands
    from unroll.inspect.summands import Summands as Summands
    from unroll.inspect.summands import summands_of_cell as summands_of_cell
    from unroll.inspect.summands import summands_of_run as summands_of_run
    from unroll.inspect.task_pictures.results import Results as Results
    from unroll.inspect.task_pictures.results import results_of_run as results_of_run
    from unroll.inspect.trajectory import Trajectory as Trajectory
    from unroll.inspect.truncation import truncation_errors as truncation_errors
    from unroll.inspect.vectors import Vectors as Vectors
    from unroll.inspect.vectors import vectors_of_run as vectors_of_run
    from unroll.inspect.word_gradients import WordGradients as WordGradients
    from unroll.inspect.word_gradients import gradients_of_word as gradients_of_word
    from unroll.training.halving import halving_distance as halving_distance
