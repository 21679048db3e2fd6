"""The gradient of the loss of one word, or of one label, at every word: by name, layer and direction.

T time, H hidden.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from unroll.cells.state import fields
from unroll.counting import counted
from unroll.errors import UserError
from unroll.inspect.chosen_loss import loss_of_text
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    Row,
    format_conditions,
    format_number,
    html_table,
    network_alone,
    round_digits,
)
from unroll.inspect.flow import step_norms
from unroll.inspect.page import Section
from unroll.inspect.word_bars import draw_word_bars, shown_word, table_with_bars
from unroll.layers.recorded import RecordedCall
from unroll.run import Run
from unroll.training.gradient_flow import (
    classify_norms,
    lasting_field,
    pieces_in_words,
    reach,
)


@dataclass(frozen=True)
class LayerWords:
    """The gradient at the states of one layer and direction, word by word.

    Attributes:
        name: of the layer and direction.
        norms: |dL/d field| by field of the state, one number a word.
        reversed: whether the layer reads from the end.
    """

    name: str
    norms: dict[str, list[float]]
    reversed: bool

    def back_from(self, at: int) -> dict[str, list[float]]:
        """The norms by steps back from the word of the loss, as the layer read them."""
        if self.reversed:
            return {field: norms[at:] for field, norms in self.norms.items()}
        return {field: norms[at::-1] for field, norms in self.norms.items()}


@dataclass(frozen=True)
class WordGradients(Finding):
    """For one word or label, the gradient to every word. A notebook shows a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        of: whose loss it is, in words.
        words: what is read at each step, T.
        at: the step of the loss, from 0.
        layers: of each layer and direction.
        everywhere: whether the loss reads every step, as a classifier that pools them.
    """

    title: str
    conditions: dict[str, Any]
    of: str
    words: list[str]
    at: int
    layers: list[LayerWords]
    everywhere: bool

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "loss_of": self.of,
            "at": self.at + 1,
            "words": self.words,
            "layers": [
                {
                    "name": layer.name,
                    "gradient_norms": {
                        field: [round_digits(v) for v in norms]
                        for field, norms in layer.norms.items()
                    },
                }
                for layer in self.layers
            ],
            "verdict": self.verdicts(),
        }

    def table(self) -> list[list[str]]:
        """One row a word; the first row holds the names of the columns."""
        heads = [f"{layer.name} dL/d{field}" for layer in self.layers for field in layer.norms]
        rows = [["step", "word", *heads]]
        for t, word in enumerate(self.words):
            norms = [
                format_number(norms[t]) for layer in self.layers for norms in layer.norms.values()
            ]
            rows.append([str(t + 1), shown_word(word), *norms])
        return rows

    def verdicts(self) -> list[str]:
        """Of each layer, how much of the gradient is left at the word that is furthest from the loss."""
        return [f"The loss is that of {self.of}.", *map(self.verdict, self.layers)]

    def verdict(self, layer: LayerWords) -> str:
        """What happens to the gradient in one layer and direction."""
        back = layer.back_from(self.at)
        if self.everywhere:
            field = max(layer.norms, key=lambda name: max(layer.norms[name]))
            norms = layer.norms[field]
            t = norms.index(max(norms))
            return (
                f"{layer.name}: the loss reads every step; the gradient to {field} is largest at "
                f"{shown_word(self.words[t])} (step {t + 1}), {format_number(norms[t])}."
            )
        field = lasting_field(back)
        norms, far = back[field], len(back[field]) - 1
        if far < 1 or not norms[0] > 0:
            return f"{layer.name}: {'no earlier step' if far < 1 else 'no gradient arrives'}."
        ends = len(self.words) - 1 if layer.reversed else 0
        said = [
            f"{values[far] / values[0]:.1e} of that to {name}"
            for name, values in back.items()
            if values[0] > 0
        ]
        sentence = (
            f"{layer.name}: at {shown_word(self.words[ends])}, {counted(far, 'step')} away, "
            f"{' and '.join(said)} is left."
        )
        if len(norms) > 2:
            does = classify_norms(norms)
            sentence += f" To {field} the gradient {pieces_in_words(norms)}: it {does}"
            if does == "vanishes":
                sentence += f", a hundredth of it reaches {counted(reach(norms) or 0, 'step')}"
            sentence += "."
        return sentence

    def text(self) -> str:
        """The words with a bar each, and what it says."""
        lines = [f"{self.title}.", f"({format_conditions(self.conditions)})", ""]
        rows = self.table()
        strongest = [
            max(norms[t] for layer in self.layers for norms in layer.norms.values())
            for t in range(len(self.words))
        ]
        lines += table_with_bars(rows, strongest)
        return "\n".join([*lines, "", *self.verdicts()])

    def pictures(self) -> dict[str, Picture]:
        """`words`: a row for each word; of several layers one picture each."""
        several = len(self.layers) > 1
        return {
            f"words {layer.name}" if several else "words": Picture(
                partial(self._draw, layer), self.rows(layer)
            )
            for layer in self.layers
        }

    def rows(self, layer: LayerWords) -> Sequence[Row]:
        """The numbers of a picture."""
        rows: list[Row] = [["step", "word", *(f"dL/d{field}" for field in layer.norms)]]
        for t, word in enumerate(self.words):
            rows.append([t + 1, word, *(norms[t] for norms in layer.norms.values())])
        return rows

    def _draw(self, layer: LayerWords) -> Drawing:
        title = f"The gradient of the loss of {self.of}, at every word"
        if len(self.layers) > 1:
            title += f": {layer.name}"
        bars = {f"dL/d{field}": norms for field, norms in list(layer.norms.items())[:4]}
        marked = None if self.everywhere else self.at
        return draw_word_bars(title, self.words, bars, marked=marked)

    def section(self) -> Section:
        """The picture of each layer, what it says, and the numbers."""
        pictures = "".join(self.figure(name) for name in self.pictures())
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "pictures": pictures,
            "messages": "".join(f"<li>{html.escape(s)}</li>" for s in self.verdicts()),
            "table": html_table(self.table()),
        }
        return Section("verdicts", self.title, parts)


def gradients_of_word(
    run: Run, text: str, *, at: str | int | None = None, condition: str | None = None
) -> WordGradients:
    """The gradient of the loss of one word or label at the states after every word, in float64.

    When to use it: to see which words the network would learn from when it predicts this one.

    Args:
        run: of a language model, a tagger or a classifier of texts; it is not changed.
        text: that is read.
        at: the word, the step or the label whose loss is taken; see `loss_of_text`. Default: the last
            word, or the most likely label.
        condition: the category, for language models that were trained with one.

    Raises:
        UserError: for a text or a choice that the run cannot read, and for other tasks.
    """
    chosen = loss_of_text(run, text, None if at is None else str(at), condition)
    chosen.loss.backward()
    layers = [layer for call in chosen.calls for layer in call_gradients(call)]
    if not layers:
        raise UserError(f"{run.path} has no recurrent layer over the words of the text.")
    conditions = {
        "run": str(run.path),
        "probability": round_digits(chosen.probability),
        "words": len(chosen.words),
        **network_alone(run),
    }
    title = f"Gradients of {run.path.name}: the loss of {chosen.of}, followed to every word"
    everywhere = run.task_name == "classify"
    return WordGradients(title, conditions, chosen.of, chosen.words, chosen.at, layers, everywhere)


def call_gradients(call: RecordedCall) -> list[LayerWords]:
    """The norms of the gradients at the states of each direction of a layer."""
    found = []
    for n, (name, cell, record) in enumerate(call.parts()):
        names = [field for field, _ in fields(cell.initial_state(1))]
        norms = {
            field: step_norms(record.gradients[field])
            if field in record.gradients
            else [0.0] * len(call.x)
            for field in names
            if record.states[field].is_floating_point()
        }
        found.append(LayerWords(name, norms, call.layer.directions == 2 and n % 2 == 1))
    return found
