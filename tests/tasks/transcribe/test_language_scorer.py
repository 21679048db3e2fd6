"""A language model's word weighs in: its own log-probabilities, and "pair" against "pear"."""

import pytest
import torch

from unroll.data.characters import CharacterVocabulary
from unroll.data.words import WordVocabulary
from unroll.errors import UserError
from unroll.models.language import LanguageModel
from unroll.models.language_decoding import score
from unroll.tasks.transcribe.ctc import beam_search, greedy
from unroll.tasks.transcribe.language_scorer import LanguageScorer

LINES = ["he ate a pear", "a pair of shoes", "she has a pair", "the pear was ripe"]
SYMBOLS = ["", *sorted(set("".join(LINES)))]


def learned(vocabulary, steps=60):
    """A small model of the lines, a line a sequence."""
    torch.manual_seed(1)
    network = LanguageModel(len(vocabulary), 16, 32, cell="gru")
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    lines = [torch.tensor([1, *vocabulary.encode(line).tolist(), 1]) for line in LINES]
    for _ in range(steps):
        loss = sum(network.loss(ids[:-1, None], ids[1:, None])[0] for ids in lines)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


@pytest.fixture(scope="module", params=["char", "word"])
def language(request):
    kind = CharacterVocabulary if request.param == "char" else WordVocabulary
    vocabulary = kind.learn(LINES)
    return learned(vocabulary), vocabulary


def added(scorer, tokens):
    """All that a scorer adds for a text."""
    state, total = scorer.start(), 0.0
    for token in tokens:
        total += float(scorer.scores(state)[token])
        state = scorer.after(state, token)
    return total + scorer.end(state)


@pytest.mark.parametrize("per_line", [True, False])
def test_what_is_added_is_the_models_own_log_probability(language, per_line):
    network, vocabulary = language
    scorer = LanguageScorer(network, vocabulary, SYMBOLS, weight=1.0, per_line=per_line)
    for text in ("a pair of pear", "shoes"):
        expected = score(network, vocabulary, text, per_line=True)["log_probability"]
        assert added(scorer, [SYMBOLS.index(c) for c in text]) == pytest.approx(expected, abs=1e-4)


def test_weight_bonus_and_unknown(language):
    network, vocabulary = language
    tokens = [SYMBOLS.index(c) for c in "a  pair"]  # two spaces are no word
    plain, heavy, paid = (
        added(LanguageScorer(network, vocabulary, SYMBOLS, per_line=True, **options), tokens)
        for options in ({"weight": 1.0}, {"weight": 2.0}, {"weight": 1.0, "bonus": 3.0})
    )
    assert heavy == pytest.approx(2 * plain)
    count = 2 if vocabulary.level == "word" else len(tokens)
    assert paid == pytest.approx(plain + 3.0 * count)
    symbols = [*SYMBOLS, "Q"]
    known, worse = (
        added(
            LanguageScorer(network, vocabulary, symbols, weight=1.0, unknown=u), [len(symbols) - 1]
        )
        for u in (0.0, -7.0)
    )
    assert worse == pytest.approx(known - 7.0)


def log_probabilities_of(text, others):
    """log p of frames that spell a text, each letter apart by a blank, some as likely another."""
    rows = []
    for place, letter in enumerate(text):
        p = torch.full((len(SYMBOLS),), 1e-4)
        p[SYMBOLS.index(letter)] = 1.0
        if place in others:
            p[SYMBOLS.index(others[place])] = 1.1  # a little likelier than the right one
        blank = torch.full((len(SYMBOLS),), 1e-4)
        blank[0] = 1.0
        rows += [p / p.sum(), blank / blank.sum()]
    return torch.stack(rows).log()


@pytest.mark.parametrize("text", ["he ate a pear", "a pair of shoes"])
def test_pair_and_pear(language, text):
    network, vocabulary = language
    at = text.index("p") + 1
    others = dict(zip((at, at + 1), "ea" if "pair" in text else "ai", strict=True))
    log_p = log_probabilities_of(text, others)
    wrong = "".join(SYMBOLS[token] for token in greedy(log_p[:, None])[0].tokens)
    assert wrong == text[:at] + others[at] + others[at + 1] + text[at + 2 :]
    scorer = LanguageScorer(network, vocabulary, SYMBOLS, weight=0.5, per_line=True)
    found = beam_search(log_p, 16, scorer)
    assert "".join(SYMBOLS[token] for token in found[0].tokens) == text
    assert found == sorted(found, key=lambda f: -f.score)


def test_tokens_that_are_words():
    vocabulary = WordVocabulary.learn(LINES)
    network = learned(vocabulary, steps=40)
    symbols = ["", "a", "he", "ate", "pair", "pear", "don't stop"]
    scorer = LanguageScorer(network, vocabulary, symbols, words=True, weight=1.0, unknown=0.0)
    text = [2, 3, 1, 6, 5]
    expected = score(network, vocabulary, " ".join(symbols[k] for k in text), per_line=True)[
        "log_probability"
    ]
    assert added(scorer, text) == pytest.approx(expected, abs=1e-4)
    state = scorer.start()
    for token in (2, 3, 1):
        state = scorer.after(state, token)
    assert scorer.scores(state)[5] > scorer.scores(state)[4]


def test_a_language_model_that_does_not_fit_is_refused():
    vocabulary = CharacterVocabulary.learn(LINES)
    network = LanguageModel(len(vocabulary), 4, 4)
    with pytest.raises(UserError, match="--level word"):
        LanguageScorer(network, vocabulary, ["", "one", "two"], words=True)
    vocabulary.level = "bpe"
    with pytest.raises(UserError, match="characters or words"):
        LanguageScorer(network, vocabulary, ["", "o", "t"])
