"""The loss of one word of a text, or of one label, with every recurrent layer of the run recorded.

T time, K labels.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from unroll.data.vocabulary import BOUNDARY, UNKNOWN
from unroll.errors import UserError
from unroll.layers.recorded import RecordedCall, recorded
from unroll.models.language_decoding import prompt_ids, start_ids
from unroll.run import LanguageRun, Run
from unroll.tasks.classify.network import Classifier
from unroll.tasks.tag.encoded import EncodedSentences, TagBatch
from unroll.tasks.tag.output import TagOutput
from unroll.tasks.tag.predictions import check_input
from unroll.terminal import shortened

MOST = 1000  # steps of a text
ALMOST_NEVER = 1e6  # taken from the score of a label that is left out


@dataclass(frozen=True)
class ChosenLoss:
    """The loss of one word or label of a text.

    Attributes:
        of: what it is the loss of, in words.
        words: what is read at each step, T.
        at: the step after which the loss is taken, from 0.
        probability: that the network gives to it.
        loss: with its graph.
        calls: of the recurrent layers that read the words, one step each.
        model: the network, in float64.
    """

    of: str
    words: list[str]
    at: int
    probability: float
    loss: Tensor
    calls: list[RecordedCall]
    model: nn.Module


def loss_of_text(
    run: Run, text: str, at: str | None = None, condition: str | None = None
) -> ChosenLoss:
    """Read a text with a run, and take the loss that is asked for.

    Args:
        run: of a language model, a tagger or a classifier of texts; it is not changed.
        text: that is read.
        at: a number: the loss after so many words or characters, which for a language model is that of
            the next one. A word: its last occurrence. A label: of a classifier; of a tagger where the
            last word with that label stands. Default: the last word, or the most likely label.
        condition: the category, for language models that were trained with one.

    Raises:
        UserError: for a text or a choice that the run cannot read, and for other tasks.
    """
    model = copy.deepcopy(run.model).to("cpu", torch.float64).eval()
    if isinstance(run, LanguageRun):
        return loss_of_language(run, model, text, at, condition)
    if run.task_name == "tag":
        return loss_of_tag(run, model, text, at)
    if isinstance(model, Classifier) and run.preprocessor.vocabulary is not None:
        return loss_of_class(run, model, text, at)
    raise UserError(
        f"{run.path} is a run of the task {run.task_name}; the loss of one word can be chosen in runs "
        "of language models, taggers and classifiers of texts."
    )


def loss_of_language(
    run: LanguageRun, model: nn.Module, text: str, at: str | None, condition: str | None
) -> ChosenLoss:
    """The cross-entropy of one token, or of the tokens of one word."""
    vocabulary, per_line = run.vocabulary, run.settings.per_line
    start = len(start_ids(vocabulary, per_line))
    ids = prompt_ids(vocabulary, text, per_line)
    if len(ids) < start + 1 or len(ids) > MOST:
        raise UserError(
            f"The text has {len(ids) - start:,} tokens; expected 1 to {MOST:,} of them."
        )
    if per_line:
        ids.append(BOUNDARY)
    first, last = chosen_tokens(run, ids, start, at)  # the targets
    x, y = torch.tensor(ids[:last]), torch.tensor(ids[first : last + 1])
    number = run.category(condition)
    category = None if number is None else torch.tensor([number])
    with recorded(model) as calls:
        logits, _ = model(x[:, None], category=category)
    loss = cross_entropy(logits[first - 1 :, 0], y, reduction="sum")
    names = [vocabulary.name(k) for k in ids]
    target = "".join(names[first : last + 1])
    target = "the end of the line" if target == vocabulary.name(BOUNDARY) else repr(target)
    of = f"{target} after step {last - start}"
    return ChosenLoss(of, names[:last], last - 1, float((-loss.detach()).exp()), loss, calls, model)


def chosen_tokens(run: LanguageRun, ids: list[int], start: int, at: str | None) -> tuple[int, int]:
    """The places of the first and the last token whose loss is taken.

    Args:
        run: with the vocabulary.
        ids: of the text, after `start` ids before its first token.
        start: how many.
        at: as `loss_of_text` takes it.

    Raises:
        UserError: where no such token stands in the text.
    """
    steps = len(ids) - 1 - start  # after the last of which a token follows
    if at is None:
        last = len(ids) - (2 if run.settings.per_line and steps else 1)
        return last, last
    if at.isdecimal():
        if not 0 <= int(at) <= steps:
            raise UserError(
                f"--at got {at}; expected a word of the text, or a step from 0 to {steps}, after which "
                "another token follows."
            )
        place = start + int(at)
        return place, place
    wanted = run.vocabulary.encode(at).tolist()
    places = [
        k for k in range(start, len(ids) - len(wanted) + 1) if ids[k : k + len(wanted)] == wanted
    ]
    if not wanted or UNKNOWN in wanted or not places:
        raise UserError(
            f"--at got {shortened(repr(at), 60)}, which does not stand in the text as the run reads it; "
            f"expected a word of it, or a step from 0 to {steps}."
        )
    return places[-1], places[-1] + len(wanted) - 1


def loss_of_tag(run: Run, model: nn.Module, text: str, at: str | None) -> ChosenLoss:
    """The negative log-probability of the label that the tagger gives one word."""
    preprocessor = run.preprocessor
    sentence = check_input(text, preprocessor).sentence
    words = list(sentence.words)
    batch = EncodedSentences([sentence], preprocessor, labels=False).batch([0])
    with recorded(model) as calls:
        scores = model(batch)
    p = model.probabilities(scores.detach(), batch)[:, 0]  # type: ignore[operator]
    labels = p.argmax(-1).tolist()
    names = preprocessor.tags(labels)
    if at is None:
        place = len(words) - 1
    elif at.isdecimal() and 1 <= int(at) <= len(words):
        place = int(at) - 1
    else:
        found = [k for k, word in enumerate(words) if at in (word, names[k])]
        if not found:
            raise UserError(
                f"--at got {shortened(repr(at), 60)}; expected a word of the sentence, a label that the "
                f"run gives one of them ({', '.join(dict.fromkeys(names))}), or a step from 1 to "
                f"{len(words)}."
            )
        place = found[-1]
    loss = label_loss(model.choice, scores, batch, place, labels[place])  # type: ignore[arg-type]
    of = f"the label {names[place]} of {words[place]!r}"
    over = [call for call in calls if call.x.shape[:2] == (len(words), 1)]  # not those over letters
    return ChosenLoss(of, words, place, float(p[place, labels[place]]), loss, over, model)


def label_loss(
    choice: TagOutput, scores: Tensor, batch: TagBatch, place: int, label: int
) -> Tensor:
    """The negative log-probability of a label of one word, with a graph.

    With a CRF it is log Z of all sequences of labels, less log Z of those with this label there: the
    log-likelihood of any one of them differs by just that when the scores of the others are taken away.

    Args:
        choice: how the tagger chooses labels.
        scores: of one sentence, [T, 1, K].
        batch: the sentence.
        place: of the word.
        label: its number.
    """
    if choice.crf is None:
        return -scores[place, 0].log_softmax(-1)[label]
    with torch.no_grad():
        others = torch.full_like(scores, 0.0)
        others[place, 0] = -ALMOST_NEVER
        others[place, 0, label] = 0.0
        path = choice.crf.best(scores + others, batch.lengths)
    alike = choice.crf.log_likelihood(scores + others, path, batch.lengths)
    return (alike - choice.crf.log_likelihood(scores, path, batch.lengths)).sum()


def loss_of_class(run: Run, model: Classifier, text: str, at: str | None) -> ChosenLoss:
    """The negative log-probability of one class, by the network alone."""
    preprocessor = run.preprocessor
    ids = preprocessor.encode(preprocessor.check_input(text))[: preprocessor.longest]
    if not 1 <= len(ids) <= MOST:
        raise UserError(f"The text has {len(ids):,} tokens; expected 1 to {MOST:,} of them.")
    with recorded(model) as calls:
        logits = model(torch.as_tensor(ids)[:, None].long(), torch.tensor([len(ids)]))
    p = model.to_probabilities(logits)[0]
    classes = list(preprocessor.classes)
    if at is not None and at not in classes:
        raise UserError(
            f"--at got {shortened(repr(at), 60)}; expected a label of the run: "
            f"{shortened(', '.join(classes), 120)}."
        )
    chosen = int(p.argmax()) if at is None else classes.index(at)
    words = list(preprocessor.tokens(text))[: len(ids)]
    of = f"the label {classes[chosen]}"
    share = float(p[chosen].detach())
    return ChosenLoss(of, words, len(words) - 1, share, -p[chosen].log(), calls, model)
