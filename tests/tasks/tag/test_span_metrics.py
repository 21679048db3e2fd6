"""Counts of spans, beside conlleval itself, translated line by line."""

import random

from unroll.tasks.tag.schemes import find_spans
from unroll.tasks.tag.span_metrics import SpanScores

# the example that conlleval's page shows, in small: CoNLL-2000 chunks, gold and guessed
GOLD = "B-NP B-PP B-NP I-NP B-VP I-VP I-VP B-NP O".split()
GUESS = "B-NP B-PP B-NP I-NP B-VP I-VP O B-NP O".split()


def conlleval(sentences):
    """conlleval.pl's loop: (correct, guessed, gold) in all and by type, for (gold, guess) tags."""
    correct, guessed, gold = {}, {}, {}
    in_correct = False
    last_correct, last_correct_type, last_guessed, last_guessed_type = "O", "", "O", ""
    rows = []
    for one, other in sentences:
        rows += [*zip(one, other, strict=True), ("O", "O")]  # a sentence's end
    for correct_tag, guessed_tag in rows:
        c, _, c_type = correct_tag.partition("-")
        g, _, g_type = guessed_tag.partition("-")
        if in_correct:
            over = end_of_chunk(last_correct, c, last_correct_type, c_type)
            guess_over = end_of_chunk(last_guessed, g, last_guessed_type, g_type)
            if over and guess_over and last_guessed_type == last_correct_type:
                in_correct = False
                correct[last_correct_type] = correct.get(last_correct_type, 0) + 1
            elif over != guess_over or g_type != c_type:
                in_correct = False
        begins = start_of_chunk(last_correct, c, last_correct_type, c_type)
        guess_begins = start_of_chunk(last_guessed, g, last_guessed_type, g_type)
        if begins and guess_begins and g_type == c_type:
            in_correct = True
        if begins:
            gold[c_type] = gold.get(c_type, 0) + 1
        if guess_begins:
            guessed[g_type] = guessed.get(g_type, 0) + 1
        last_correct, last_correct_type = c, c_type
        last_guessed, last_guessed_type = g, g_type
    if in_correct:
        correct[last_correct_type] = correct.get(last_correct_type, 0) + 1
    return correct, guessed, gold


def end_of_chunk(before, tag, before_type, kind):
    over = False
    if before == "B" and tag == "B":
        over = True
    if before == "B" and tag == "O":
        over = True
    if before == "I" and tag == "B":
        over = True
    if before == "I" and tag == "O":
        over = True
    if before == "E" and tag == "E":
        over = True
    if before == "E" and tag == "I":
        over = True
    if before == "E" and tag == "O":
        over = True
    if before != "O" and before != "." and before_type != kind:
        over = True
    return over


def start_of_chunk(before, tag, before_type, kind):
    begins = False
    if before == "B" and tag == "B":
        begins = True
    if before == "I" and tag == "B":
        begins = True
    if before == "O" and tag == "B":
        begins = True
    if before == "O" and tag == "I":
        begins = True
    if before == "E" and tag == "E":
        begins = True
    if before == "E" and tag == "I":
        begins = True
    if before == "O" and tag == "E":
        begins = True
    if tag != "O" and tag != "." and before_type != kind:
        begins = True
    return begins


def test_counts_are_conllevals_on_random_tags():
    draw = random.Random(1)
    for tags in (["O", "B-a", "I-a", "B-b", "I-b"], ["O", "O", "O", "I-a", "I-b", "B-a", "I-a"]):
        for _ in range(300):
            sentences = []
            for _ in range(draw.randint(1, 3)):
                gold = draw.choices(tags, k=draw.randint(1, 8))
                guess = [t if draw.random() < 0.7 else draw.choice(tags) for t in gold]
                sentences.append((gold, guess))
            scores = SpanScores()
            for gold, guess in sentences:
                scores.add(find_spans(gold), find_spans(guess))
            correct, guessed, total = conlleval(sentences)
            assert dict(+scores.right) == correct
            assert dict(+scores.predicted) == guessed
            assert dict(+scores.true) == total


def test_a_worked_example():
    scores = SpanScores()
    scores.add(find_spans(GOLD), find_spans(GUESS))
    found = scores.metrics()
    assert (found["spans"], found["predicted"], found["right"]) == (5, 5, 4)
    assert found["precision"] == found["recall"] == found["f1"] == 0.8
    assert scores.per_type()["VP"]["f1"] == 0
    assert scores.per_type()["NP"]["right"] == 3


def test_nothing_is_no_division_by_zero():
    assert SpanScores().metrics()["f1"] == 0
