"""What a language run reports about its text: at the start of training, and in `unroll data check`."""

from __future__ import annotations

from unroll.counting import counted
from unroll.data.words import WordVocabulary
from unroll.models.language import LanguageModel
from unroll.tasks.language.budget_sizes import fits_budget
from unroll.tasks.language.floor import tokens_counted
from unroll.tasks.language.online import describe_online
from unroll.tasks.language.reader import Corpus
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.language.truncation import SENTENCES
from unroll.training.budget import network_seconds

TOKENS = {"char": "characters", "word": "words", "bpe": "pieces of words"}
LISTED_CATEGORIES = 12


def describe(corpus: Corpus, settings: LanguageSettings, network: LanguageModel) -> list[str]:
    """Sentences on the text, its tokens and its batches, each choice with the flag that changes it."""
    lines = [
        *describe_text(corpus, settings),
        *describe_words(settings),
        *describe_input(corpus, settings),
        *describe_batches(settings, network),
    ]
    if fits_budget(settings):
        lines.append(
            f"Units, streams, dropout and learning rate that were not given fit "
            f"{network_seconds(settings):g} seconds of this machine and this text (--hidden, --set "
            "batch_size=N dropout=P learning_rate=R)."
        )
    return lines


def describe_text(corpus: Corpus, settings: LanguageSettings) -> list[str]:
    """Sentences on the text, its vocabulary and its validation set."""
    vocabulary, categories = corpus.vocabulary, corpus.categories
    lines = [
        f"{corpus.source.name}: {corpus.scan.characters:,} characters; tokens are "
        f"{TOKENS[settings.level]} (--level), {len(vocabulary):,} different ones, "
        f"{corpus.train.tokens:,} in the training set.",
        describe_validation_set(corpus),
        describe_unknown(corpus),
    ]
    if corpus.floor is not None:
        counted = min(corpus.train.tokens, tokens_counted(settings))
        lines.append(
            f"N-grams: a {corpus.floor.name} model (modified Kneser-Ney) of {counted:,} tokens is mixed "
            "with the network (--set floor=none: the network alone)."
        )
    if isinstance(vocabulary, WordVocabulary):
        lines.append(
            f"Words are split at {vocabulary.split} (--set split=spaces|punctuation); rare words are "
            "<unk> (--set min_count=N or vocabulary_size=N)."
        )
    if corpus.header:
        lines.append(f"Line 1 is read as the names of the columns: {', '.join(corpus.header)}.")
    if categories:
        more = ", ..." if len(categories) > LISTED_CATEGORIES else ""
        lines.append(
            f"{len(categories)} categories: {', '.join(categories[:LISTED_CATEGORIES])}{more}."
        )
    return lines


def describe_validation_set(corpus: Corpus) -> str:
    """A sentence on the validation set, and what its metrics say."""
    if corpus.held_out:
        return f"Validation set: {corpus.validation_set}, {corpus.valid.tokens:,} tokens (--valid FILE)."
    return (
        "Nothing is held out: the validation set is the training set, so metrics say how well this text is "
        "remembered, not how well another one would be predicted. No n-grams are mixed in and there is no "
        "refit (--set valid_size=N holds out N characters; --valid FILE)."
    )


def describe_unknown(corpus: Corpus) -> str:
    """A sentence on tokens that the vocabulary does not have."""
    vocabulary = corpus.vocabulary
    if vocabulary.unknown_id is None:
        of = "alphabet" if vocabulary.level == "char" else "vocabulary"
        return f"The {of} is closed: there is no <unk> (--set unknown=token|never|skip)."
    return (
        f"Unknown tokens: {corpus.valid.unknown_rate:.2%} in the validation set, "
        f"{corpus.train.unknown_rate:.2%} in the training set (--set unknown=token|never|skip)."
    )


def describe_words(settings: LanguageSettings) -> list[str]:
    """Sentences on what follows from how often the run reads each word."""
    lines = []
    if settings.shortlist is not None:
        lines.append(
            f"The network tells the {settings.shortlist:,} most frequent words apart; the others share "
            "one place of its softmax, and the n-grams know them (--set shortlist=N)."
        )
    if settings.weight_drop:
        lines.append(
            f"{settings.weight_drop:.0%} of the recurrent weights are dropped in each step of training "
            "(--set weight_drop=P)."
        )
    return lines


def describe_input(corpus: Corpus, settings: LanguageSettings) -> list[str]:
    """A sentence on what the network reads of a token, where it is no embedding."""
    if settings.input == "embedding":
        return []
    return [
        f"The network reads one-hot vectors of {len(corpus.vocabulary):,} numbers (--set "
        "input=embedding|onehot)."
    ]


def describe_batches(settings: LanguageSettings, network: LanguageModel) -> list[str]:
    """Sentences on the batches, on truncation, and on learning online."""
    if settings.per_line:
        return [f"Batches: {settings.batch_size} lines per step, each its own sequence."]
    k1, k2 = settings.reach
    size = settings.block if settings.truncation == "window" else k1
    carried = "carried from block to block" if settings.state == "carry" else "reset for each block"
    streams = counted(settings.batch_size or 1, "stream")
    batches = f"Batches: {streams}, blocks of {size} steps, state {carried} (--state carry|reset)."
    if settings.restarts:
        batches += (
            " One stream begins each block with an empty state, in turn (--set restarts=false)."
        )
    if settings.online:
        return [batches, describe_online(network, settings)]
    return [
        batches,
        f"Truncation: {settings.truncation}, {SENTENCES[settings.truncation].format(k1=k1, k2=k2)} "
        "(--set truncation=window|overlapping|randomised).",
    ]


def check_report(corpus: Corpus) -> dict[str, object]:
    """How much text there is, its tokens, and which share of them is unknown."""
    parts = {"training set": corpus.train, "validation set": corpus.valid}
    return {
        "characters": corpus.scan.characters,
        "documents": corpus.scan.documents,
        "vocabulary": len(corpus.vocabulary),
        "categories": corpus.categories,
        "tokens": {name: part.tokens for name, part in parts.items()},
        "unknown_rate": {name: part.unknown_rate for name, part in parts.items()},
        "validation_set": corpus.validation_set,
        "problems": [],
    }
