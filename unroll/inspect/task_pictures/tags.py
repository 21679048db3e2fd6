"""Tags that are confused, spans that are found, and the sentences whose tags differ."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Picture, Row
from unroll.inspect.task_pictures.bar_rows import BarRow, draw_bar_rows
from unroll.inspect.task_pictures.confusion import MATRIX, draw_confused_pairs, draw_confusion
from unroll.inspect.task_pictures.finding import TaskFinding, percent, shown_of
from unroll.tasks.pictures import TaggedSentence, TaggedSentences

SENTENCES = 12  # that are shown
WORDS = 40  # of a sentence that is shown
BARS = 14


@dataclass(frozen=True)
class TagResults(TaskFinding):
    """What a tagger confuses.

    Attributes:
        title: what is shown.
        conditions: under which conditions.
        tagged: sentences with both tags.
    """

    tagged: TaggedSentences

    @cached_property
    def pairs(self) -> Counter[tuple[str, str]]:
        """How often each pair of true and predicted tag occurs."""
        return Counter(
            pair
            for each in self.tagged.sentences
            for pair in zip(each.actual, each.predicted, strict=True)
        )

    def accuracy(self) -> float:
        """The share of the words whose tag is right."""
        right = sum(n for (a, b), n in self.pairs.items() if a == b)
        return right / max(1, self.pairs.total())

    def confusion(self) -> list[tuple[str, str, int]]:
        """The pairs of different tags, (true, predicted, how often), the most frequent first."""
        return [(a, b, n) for (a, b), n in self.pairs.most_common() if a != b]

    def by_tag(self) -> list[tuple[str, int, int, int]]:
        """Each tag, its words, how many of them are right, how often it is predicted; by frequency."""
        words, predicted = Counter[str](), Counter[str]()
        for (actual, own), n in self.pairs.items():
            words[actual] += n
            predicted[own] += n
        tags = [tag for tag, _ in words.most_common()]
        tags += [tag for tag in predicted if tag not in words]
        return [(tag, words[tag], self.pairs[tag, tag], predicted[tag]) for tag in tags]

    def different(self) -> list[TaggedSentence]:
        """The sentences with tags that differ, those with the most such words first."""
        found = [
            each for each in self.tagged.sentences if list(each.actual) != list(each.predicted)
        ]
        return sorted(found, key=lambda each: -sum(map(str.__ne__, each.actual, each.predicted)))

    def sentences(self) -> list[str]:
        """How many tags are right, the confusion that is most frequent, and the type found worst."""
        words, whole = self.pairs.total(), len(self.tagged.sentences) - len(self.different())
        lines = [
            f"{percent(self.accuracy())} of {counted(words, 'tag')} are right, and all tags in {whole:,} "
            f"of {counted(len(self.tagged.sentences), 'sentence')}."
        ]
        if pairs := self.confusion():
            actual, predicted, n = pairs[0]
            lines.append(f"Confused most: {actual} taken for {predicted}, {counted(n, 'time')}.")
        if self.tagged.types:
            name, (_, _, f1, spans) = min(self.tagged.types.items(), key=lambda pair: pair[1][2])
            lines.append(f"Found worst: {name}, F1 {100 * f1:.1f} of {counted(spans, 'span')}.")
        return lines

    def table(self) -> list[list[str]]:
        """One row per type of span, or per tag where tags are no spans."""
        if self.tagged.types:
            rows = [["type", "spans", "precision", "recall", "F1"]]
            for name, (precision, recall, f1, spans) in self.tagged.types.items():
                rows.append(
                    [name, f"{spans:,}", percent(precision), percent(recall), f"{100 * f1:.1f}"]
                )
            return rows
        rows = [["tag", "words", "right", "recall", "precision"]]
        for tag, words, right, predicted in self.by_tag():
            found = percent(right / words) if words else "-"
            true = percent(right / predicted) if predicted else "-"
            rows.append([tag, f"{words:,}", f"{right:,}", found, true])
        return rows

    def examples(self) -> list[list[str]]:
        """Sentences with tags that differ: each word, and both tags of those that differ."""
        rows = [
            [
                " ".join(each.words[:WORDS]),
                ", ".join(f"{word}: {a} as {b}" for word, a, b in differences(each)),
            ]
            for each in self.different()[:SENTENCES]
        ]
        return [["sentence", "tags that differ (actual as predicted)"], *rows] if rows else []

    def examples_html(self) -> str:
        """The sentences, below each word its tag, and where they differ both."""
        if not self.different():
            return ""
        shown = "".join(sentence_html(each) for each in self.different()[:SENTENCES])
        return f"<h3>Sentences whose tags differ</h3>{shown}{LEGEND}"

    def as_dict(self) -> dict[str, Any]:
        """The counts, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "accuracy": self.accuracy(),
            "confused": [{"actual": a, "predicted": b, "words": n} for a, b, n in self.confusion()],
            "tags": [
                {"tag": tag, "words": n, "right": right, "predicted": predicted}
                for tag, n, right, predicted in self.by_tag()
            ],
            "types": {
                name: {"precision": p, "recall": r, "f1": f1, "spans": n}
                for name, (p, r, f1, n) in self.tagged.types.items()
            },
            "sentences": [
                {"words": list(e.words), "actual": list(e.actual), "predicted": list(e.predicted)}
                for e in self.different()[:SENTENCES]
            ],
        }

    def pictures(self) -> dict[str, Picture]:
        """`confusion`, and `types` or `tags`."""
        pairs: list[Row] = [["actual", "predicted", "words"], *self.confusion()]
        few = len(self.by_tag()) <= MATRIX
        pictures = {"confusion": Picture(self._draw_matrix if few else self._draw_pairs, pairs)}
        if self.tagged.types:
            rows: list[Row] = [["type", "precision", "recall", "f1", "spans"]]
            rows += [[name, *scores] for name, scores in self.tagged.types.items()]
            pictures["types"] = Picture(self._draw_types, rows)
            return pictures
        tags: list[Row] = [["tag", "words", "right", "predicted"], *self.by_tag()]
        pictures["tags"] = Picture(self._draw_tags, tags)
        return pictures

    def _draw_matrix(self) -> Drawing:
        tags = [tag for tag, *_ in self.by_tag()]
        counts = np.array([[self.pairs[a, b] for b in tags] for a in tags], dtype=int)
        return draw_confusion(counts, tags)

    def _draw_pairs(self) -> Drawing:
        return draw_confused_pairs(self.confusion())

    def _draw_types(self) -> Drawing:
        ranked = sorted(self.tagged.types.items(), key=lambda pair: pair[1][2])[:BARS]
        rows = [BarRow(name, s[2], f"{100 * s[2]:.1f} of {s[3]:,}") for name, s in ranked]
        rows = rows or [BarRow("no span", 0, "")]
        return draw_bar_rows(rows, "F1 of the spans of each type, the lowest first", 1.0)

    def _draw_tags(self) -> Drawing:
        found = [row for row in self.by_tag() if row[1]]
        found = sorted(found, key=lambda row: (row[2] / row[1], -row[1]))[:BARS]
        rows = [BarRow(tag, right / n, f"{right:,} of {n:,}") for tag, n, right, _ in found]
        rows = rows or [BarRow("no tag", 0, "")]
        return draw_bar_rows(rows, "Share found of each tag, the lowest first", 1.0)


LEGEND = (
    '<p class="small">Below a word its tag; where they differ, red the actual and green the '
    "predicted one. O is left out.</p>"
)


def differences(sentence: TaggedSentence) -> list[tuple[str, str, str]]:
    """The words whose tags differ, with both."""
    rows = zip(sentence.words, sentence.actual, sentence.predicted, strict=True)
    return [(word, a, b) for word, a, b in rows if a != b]


def sentence_html(sentence: TaggedSentence) -> str:
    """A sentence with the tags below its words."""
    words = []
    rows = list(zip(sentence.words, sentence.actual, sentence.predicted, strict=True))
    for word, actual, predicted in rows[:WORDS]:
        below = html.escape(actual) if actual != "O" else ""
        if actual != predicted:
            below = f"<del>{html.escape(actual)}</del> <ins>{html.escape(predicted)}</ins>"
        words.append(f"<span>{html.escape(word)}<small>{below or '&nbsp;'}</small></span>")
    return f'<p class="tagged">{" ".join(words)}{" …" if len(rows) > WORDS else ""}</p>'


def tag_results(tagged: TaggedSentences, title: str, conditions: dict[str, Any]) -> TagResults:
    """The finding on tagged sentences.

    Args:
        tagged: of the validation set.
        title: what is shown.
        conditions: the run and its data.
    """
    own = shown_of(len(tagged.sentences), tagged.of, "sentences")
    return TagResults(title, {**conditions, **own}, tagged)
