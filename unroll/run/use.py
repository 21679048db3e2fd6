"""A trained model with its folder: score, continue, generate, evaluate."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from unroll.data.corpus import read_text
from unroll.data.table import find_columns
from unroll.data.text import text_source
from unroll.data.vocabularies import load_vocabulary
from unroll.data.vocabulary import Vocabulary
from unroll.errors import UserError
from unroll.layers.explain import explain, explanations
from unroll.models.language import LanguageModel
from unroll.models.ngram import NGramModel
from unroll.run.cell import recorded_cell
from unroll.settings import LanguageSettings, settings_from
from unroll.tasks import language
from unroll.training.checkpoint import load_model, sound_checkpoints
from unroll.training.files import Damaged, check_folder
from unroll.training.folder import RunFolder


def load(path: str | Path, device: str = "cpu", trust_code: bool = False) -> Run:
    """Load a run folder, wherever it was moved, with its best weights.

    trust_code: whether a cell of the user's own, which is Python in the run folder, may be run.
    Raises: UserError where it is not a run, nothing in it is whole, or it has code and no trust.
    """
    return Run(RunFolder.open(Path(path)), checked_device(device), trust_code)


class Run:
    """A trained language model with its folder.

    Attributes:
        path: the run folder. settings: what it was trained with. model: the network, on its device.
        vocabulary: text to ids and back. said: sentences about damage that was worked around.
    """

    def __init__(self, folder: RunFolder, device: torch.device, trust_code: bool = False) -> None:
        self.folder, self.device = folder, device
        self.config = folder.config()
        if self.config.get("task") != language.NAME:
            raise UserError(
                f"{folder.path} is a run of the task {self.config.get('task')!r}; this version knows "
                f"{language.NAME}."
            )
        self.settings = settings_from(LanguageSettings, self.config["settings"])
        self.categories: list[str] = self.config["categories"]
        self.said: list[str] = []
        check_needed(folder)
        cell = recorded_cell(folder, self.settings, trust_code)
        self.vocabulary: Vocabulary = load_vocabulary(folder.path)
        self.model: LanguageModel = language.model(
            self.settings, self.vocabulary, self.categories, cell.make
        )
        self._load_weights()
        self.model.to(device).eval()

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    def score(self, text: str, condition: str | None = None) -> dict[str, Any]:
        """The log-probability of a text (nats), per token, its perplexity, and what is unknown in it.

        condition: the category, for runs that were trained with one.
        """
        return language.score(
            self.model,
            self.vocabulary,
            text,
            per_line=self.settings.per_line,
            category=self._category(condition),
        )

    def next(self, text: str, top: int = 10, condition: str | None = None) -> list[dict[str, Any]]:
        """The likeliest next tokens after a text, with their probabilities."""
        return language.next_tokens(
            self.model,
            self.vocabulary,
            text,
            top,
            per_line=self.settings.per_line,
            category=self._category(condition),
        )

    def generate(self, prompt: str = "", length: int = 400, **sampling: Any) -> str:
        """The prompt and what follows it.

        sampling: temperature, top_k, top_p, seed, condition, unknown; see `stream`.
        """
        return prompt + "".join(self.stream(prompt, length, **sampling))

    def stream(
        self,
        prompt: str = "",
        length: int = 400,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        condition: str | None = None,
        unknown: bool = False,
    ) -> Iterator[str]:
        """What follows the prompt, piece by piece, at most `length` tokens.

        temperature: 0 always the likeliest, 1 as learned. top_k: only the k likeliest; 0: all.
        top_p: only the fewest that reach this probability. seed: the same seed, the same text.
        condition: the category. unknown: whether <unk> may come.
        """
        return language.generate(
            self.model,
            self.vocabulary,
            prompt,
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            per_line=self.settings.per_line,
            category=self._category(condition),
            unknown=unknown,
        )

    def evaluate(
        self,
        data: str | Path,
        watch: Callable[[float], None] | None = None,
        text: str | None = None,
    ) -> dict[str, Any]:
        """The figures of a text, beside those of the n-gram baselines: `nats_per_token`,
        `bits_per_character`, `perplexity`, `tokens`, `unknown_rate`, and `baselines`.

        watch: told the share that is done, 0 to 1. text: the column or field, if it is not the run's.
        """
        text = text or self.settings.text
        source, columns = text_source(data, text or "text"), None
        if self.settings.condition is not None:
            columns = find_columns(source, self.settings.condition, text)
        encoded = read_text(
            source,
            self.vocabulary,
            columns=columns,
            per_line=self.settings.per_line,
            categories=self.categories,
        )
        found = language.evaluate(self.model, encoded, self.device, watch=watch)
        return {**found, "baselines": language.baseline_figures(self.baseline(), encoded)}

    def baseline(self) -> NGramModel:
        """The n-gram model of the training text."""
        try:
            check_folder(self.path, only={"baseline.safetensors"})
        except Damaged as damage:
            raise UserError(
                f"The n-gram baseline of the run is damaged: {damage}. Resume the run to make it anew."
            ) from damage
        arrays = {k: t.numpy() for k, t in load_file(self.path / "baseline.safetensors").items()}
        orders = range(len(arrays) // 2)
        return NGramModel(
            len(self.vocabulary),
            tuple(arrays[f"keys.{k}"] for k in orders),
            tuple(arrays[f"counts.{k}"] for k in orders),
        )

    def result(self) -> dict[str, Any]:
        """The held-out figures of the finished run, as `result.json` holds them; empty before."""
        path = self.path / "result.json"
        return json.loads(path.read_bytes()) if path.exists() else {}

    def explain(self) -> str:
        """Which backend runs each part of the model, why, and what the compiler makes of it."""
        return explain(self.model)

    def explanations(self) -> list[dict[str, Any]]:
        """The same as numbers and words: a dictionary for each recurrent part."""
        return [part.facts() for part in explanations(self.model)]

    def _category(self, condition: str | None) -> int | None:
        if not self.categories:
            if condition is not None:
                raise UserError(
                    f"--condition got {condition!r}, but this run was trained without a condition. "
                    "Leave it out."
                )
            return None
        shown = ", ".join(self.categories[:30])
        if condition is None:
            raise UserError(
                f"This run was trained with a condition; say which by --condition: {shown}."
            )
        if condition not in self.categories:
            raise UserError(
                f"--condition got {condition!r}; this run knows {shown}. Choose one of them."
            )
        return self.categories.index(condition)

    def _load_weights(self) -> None:
        """The best weights, or those of the newest whole checkpoint, which is then said."""
        try:
            check_folder(self.path, only={"model.safetensors"})
            load_model(self.path / "model.safetensors", self.model)
            return
        except Damaged as damage:
            trouble = str(damage)
        for folder in sound_checkpoints(self.path, self.said):
            load_model(folder / "model.safetensors", self.model)
            self.said.insert(0, f"{trouble}. The weights of {folder.name} are used instead.")
            return
        raise UserError(f"The run {self.path} has no whole weights: {trouble}. Train it anew.")


def check_needed(folder: RunFolder) -> None:
    """Compare what a run cannot do without with its manifest; weights are looked at when loaded.

    Raises: UserError with the damaged file's name.
    """
    try:
        folder.check(but={"model.safetensors", "baseline.safetensors", "result.json", "README.md"})
    except (Damaged, OSError, ValueError) as error:
        raise UserError(
            f"The run {folder.path} is damaged: {error}. Restore the file from a copy."
        ) from error


def checked_device(name: str) -> torch.device:
    """The device, if it is there.

    Raises: UserError where it is not, with what is.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        there = ["cpu"]
        there += [f"cuda:{k}" for k in range(torch.cuda.device_count())]
        there += ["mps"] if torch.backends.mps.is_available() else []
        raise UserError(
            f"--device got {name!r}, which this machine has not; it has {', '.join(there)}."
        ) from error
    return device
