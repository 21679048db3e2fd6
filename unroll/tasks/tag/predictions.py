"""What is asked of a trained tagger, and what it predicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from unroll.data.first_rows import has_columns
from unroll.data.problems import Problems
from unroll.data.text import lines
from unroll.errors import UserError
from unroll.tasks.tag.combination import CombinedTagger
from unroll.tasks.tag.conll import (
    TEXT_COLUMNS,
    Sentence,
    TagColumns,
    column_place,
    conll_file,
    find_tag_columns,
)
from unroll.tasks.tag.encoded import EncodedSentences
from unroll.tasks.tag.forms import (
    TagForm,
    find_table,
    inherited_form,
    own_name,
    read_form,
    tagged_lines,
)
from unroll.tasks.tag.metrics import TrainedTagger, score_batches
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.schemes import find_spans
from unroll.tasks.tag.settings import SUFFIXES, in_columns
from unroll.tasks.tag.slashed import find_slash_form
from unroll.tasks.tag.table_form import TableForm
from unroll.tasks.tag.words import split_words

LOOK = 200  # lines of a file of inputs that a guess reads


@dataclass(frozen=True)
class TagInput:
    """A sentence to be tagged.

    Attributes:
        sentence: its words; with its lines where it is from a file in columns.
        columns: how that file holds words and tags.
    """

    sentence: Sentence
    columns: TagForm = TEXT_COLUMNS


class TagPrediction(dict[str, object]):
    """The tags of a sentence, as JSON holds them, and the input, so that a file can be written back.

    Keys: "words"; "tags", one per word, in the scheme of the training file; "probabilities", of each
    tag; and "spans" where tags are spans: for each its "type", its "text", its first word ("start",
    from 0) and the first word after it ("end").

    Args:
        input: the sentence.
        tags: one per word.
        probabilities: of each tag.
        are_spans: whether the tags are spans.

    Attributes:
        input: as given.
        tags: as given.
    """

    def __init__(
        self, input: TagInput, tags: list[str], probabilities: list[float], *, are_spans: bool
    ) -> None:
        words = input.sentence.words
        super().__init__(words=list(words), tags=tags, probabilities=probabilities)
        self.input, self.tags = input, tags
        if are_spans:
            self["spans"] = [
                {
                    "type": span.type,
                    "text": " ".join(words[span.start : span.end]),
                    "start": span.start,
                    "end": span.end,
                }
                for span in find_spans(tags)
            ]

    @classmethod
    def skipped(cls, error: str) -> TagPrediction:
        """What takes the place of the prediction for an input that was skipped: its `error`."""
        prediction = cls(TagInput(Sentence(())), [], [], are_spans=False)
        prediction.clear()
        prediction["error"] = error
        return prediction


def read_input_file(trained: TrainedTagger, path: str) -> Iterator[TagInput]:
    """The sentences of a file: in columns, as the training file has them, or a text, one per line.

    Raises:
        UserError: for a file that cannot be read so, with file and line.
    """
    file, preprocessor, settings = conll_file(path), trained.preprocessor, trained.settings
    # a sentence that is skipped would be missing among the predictions
    problems = Problems(may_skip=False)
    form = find_input_form(file, path, trained)
    if form is None:
        for number, line in enumerate(lines(file, path), 1):
            words = split_words(line, preprocessor.forms)
            if words:
                yield TagInput(Sentence(tuple(words), first=number))
        return
    if isinstance(form, TagColumns):
        if form.universal and preprocessor.universal:
            form = find_tag_columns(file, path, number_of(settings.word), settings.tag)
        elif form.universal == preprocessor.universal:
            # the file may have no tags; if it has, they are not read
            word = column_place(number_of(settings.word) or 1, form.width, "word", path)
            form = replace(form, word=word)
    known = preprocessor.forms
    for sentence in read_form(file, path, form, problems, tags=False, known=known):
        yield TagInput(sentence, form)


def find_input_form(file: Path, path: str, trained: TrainedTagger) -> TagForm | None:
    """How a file of inputs holds its words; None for a text with one sentence per line."""
    if Path(path).name.removesuffix(".gz").endswith(SUFFIXES):
        return find_tag_columns(file, path)
    word, universal = trained.settings.word, trained.preprocessor.universal
    if own_name(word) is not None and has_columns(file):
        found = inherited_form(
            file,
            path,
            word,
            trained.settings.tag,
            universal=universal,
            named=trained.named,
            tagged=False,
        )
        if isinstance(found, TableForm):
            return found
    table = find_table(file, path, None, None, tagged=False)
    if table is not None:
        return table
    head = list(islice(lines(file, path), LOOK))
    slashed = find_slash_form(head)
    if slashed is not None or is_prose(head):
        return slashed
    return find_tag_columns(file, path)


def number_of(word: int | str | None) -> int | None:
    """A column's number from 1; None where it has a name."""
    return word if isinstance(word, int) else None


def is_prose(head: Sequence[str]) -> bool:
    """Whether lines are sentences as people write them, not words in columns."""
    rows = [line for line in head if line.strip()]
    one_word_per_line = all(len(line.split()) == 1 for line in rows)
    return bool(rows) and not one_word_per_line and not in_columns([*head, ""])


def check_input(input: object, preprocessor: TagPreprocessor) -> TagInput:
    """An input as the network reads it: a text is split into words.

    Raises:
        UserError: for a text without words.
    """
    if isinstance(input, TagInput):
        return input
    if isinstance(input, (list, tuple)) and all(isinstance(word, str) for word in input):
        words = list(input)
    elif isinstance(input, str):
        words = split_words(input, preprocessor.forms)
    else:
        raise UserError(
            f"Got {type(input).__name__} to tag ({input!r:.40}); expected a sentence as a text, or a list "
            "of its words."
        )
    if not words or not all(word.strip() for word in words):
        raise UserError(f"--input got {input!r:.60}, which has no word; expected a sentence.")
    return TagInput(Sentence(tuple(words)))


def predict_together(trained: TrainedTagger, inputs: Sequence[TagInput]) -> list[TagPrediction]:
    """The tags of each input, in order; inputs of similar length are read side by side."""
    preprocessor = trained.preprocessor
    tagger = CombinedTagger(trained.model, preprocessor.floor)
    encoded = EncodedSentences([each.sentence for each in inputs], preprocessor, labels=False)
    predictions: dict[int, TagPrediction] = {}
    for rows, batch, scores in score_batches(tagger, encoded, trained.device):
        labels = tagger.output.most_likely_labels(scores, batch)  # [T, B]
        p = tagger.output.probabilities(scores, batch).gather(2, labels.unsqueeze(2)).squeeze(2)
        for row, own, own_p in zip(rows, labels.T.tolist(), p.T.tolist(), strict=True):
            length = len(inputs[row].sentence.words)
            predictions[row] = TagPrediction(
                inputs[row],
                preprocessor.tags(own[:length]),
                [round(each, 6) for each in own_p[:length]],
                are_spans=preprocessor.scheme is not None,
            )
    return [predictions[row] for row in range(len(inputs))]


def format_prediction(prediction: Mapping[str, Any]) -> str:
    """The lines of a sentence with its tags, as a file has them (`tagged_lines`).

    prediction: a `TagPrediction`, or the same that was read from JSON.
    """
    if "error" in prediction:
        return f"# skipped: {prediction['error']}"
    input = TagInput(Sentence(tuple(prediction["words"])))
    if isinstance(prediction, TagPrediction):
        input = prediction.input
    return "\n".join(tagged_lines(input.sentence, prediction["tags"], input.columns))
