"""A score is the product of the probabilities of next tokens, and a prompt is checked."""

import math

import pytest
import torch

from unroll.data.characters import CharacterVocabulary
from unroll.errors import UserError
from unroll.models.language import LanguageModel
from unroll.models.language_decoding import generate, next_tokens, score

VOCABULARY = CharacterVocabulary("\nabc")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    return LanguageModel(len(VOCABULARY), 5, 7).eval()


@pytest.mark.parametrize("per_line", [False, True])
def test_a_score_is_the_sum_over_next_tokens(network, per_line):
    total = score(network, VOCABULARY, "abca", per_line=per_line)
    steps = []
    for k, character in enumerate("abca"):
        rows = next_tokens(network, VOCABULARY, "abca"[:k], 99, per_line=per_line)
        steps += [math.log(row["probability"]) for row in rows if row["token"] == character]
    scored = [token["log_probability"] for token in total["tokens"]]
    assert scored[:4] == pytest.approx(steps, abs=1e-5)
    assert len(scored) == 4 + per_line and total["log_probability"] == pytest.approx(sum(scored))
    assert total["perplexity"] == pytest.approx(math.exp(-sum(scored) / len(scored)))


def test_the_most_likely_come_first_and_probabilities_sum_to_one(network):
    rows = next_tokens(network, VOCABULARY, "ab", 99)
    probabilities = [row["probability"] for row in rows]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)


def test_at_temperature_zero_the_most_likely_token_is_generated(network):
    text = "".join(generate(network, VOCABULARY, "a", length=1, temperature=0))
    ranked = [row["token"] for row in next_tokens(network, VOCABULARY, "a", 99)]
    assert text == next(token for token in ranked if not token.startswith("<"))


def test_what_cannot_be_used_is_a_sentence(network):
    with pytest.raises(UserError, match="never seen: 'z'"):
        next_tokens(network, VOCABULARY, "az", 3)
    with pytest.raises(UserError, match="--top got 0"):
        next_tokens(network, VOCABULARY, "a", 0)
    with pytest.raises(UserError, match="is empty"):
        score(network, VOCABULARY, "")
    with pytest.raises(UserError, match="--length got -1"):
        generate(network, VOCABULARY, length=-1)
