import pytest
import torch
from sklearn.metrics import roc_auc_score

from unroll.inspect.probes import (
    PROBES,
    inside_brackets,
    inside_quotes,
    position_in_line,
    probe_scores,
    ranks,
    start_of_word,
    unit_scores,
)


def marked(found):
    return "".join(str(int(value)) for value in found)


def test_the_number_of_each_probe_at_each_token():
    assert marked(inside_quotes(list('he "is\nhe" so'))) == "0001111110000"
    assert (
        marked(
            inside_quotes(list("\N{LEFT DOUBLE QUOTATION MARK}a\N{RIGHT DOUBLE QUOTATION MARK}b"))
        )
        == "1100"
    )
    assert marked(inside_quotes(list('"a\n\nb'))) == "11100"  # a blank line closes it
    assert (
        marked(inside_quotes(list('and" so "yes'))) == "000000001111"
    )  # the text begins inside a quote
    assert marked(inside_brackets(list("a(b[c]d)e)f"))) == "01111110000"
    assert marked(inside_brackets(["a (", "b", ") c"])) == "110"
    assert marked(position_in_line(list("ab\ncd"))) == "12012"
    assert marked(start_of_word(list("a rose, is"))) == "1010000010"
    assert marked(start_of_word(["the", " rose", "s", ",", " 7"])) == "11001"


def test_ranks_share_the_mean_of_ties():
    found = ranks(torch.tensor([[3.0], [1.0], [3.0], [0.0]]))
    assert found[:, 0].tolist() == [2.5, 1.0, 2.5, 0.0]


def test_the_score_is_two_auc_minus_one():
    values = torch.randn(200, 3, dtype=torch.float64).round(decimals=1)
    inside = (torch.rand(200) < 0.3).double()
    found = unit_scores(ranks(values), inside)
    expected = [2 * roc_auc_score(inside, column) - 1 for column in values.T]
    assert found.tolist() == pytest.approx(expected)


def test_a_perfect_unit_scores_one_and_noise_about_zero():
    text = list('say "what (is) it" or\nnot "so" (at all)\n' * 40)
    T = len(text)
    known = [torch.tensor(probe(text)) for probe in PROBES.values()]
    units = torch.stack([*known, -known[0], torch.randn(T)], 1)
    second = torch.arange(T) >= T // 2
    found = probe_scores(units, [text], second, False)
    assert list(found) == list(PROBES)
    assert "start of a word" not in probe_scores(units, [text], second, True)  # tokens are words
    for k, name in enumerate(PROBES):
        assert float(found[name][k]) == pytest.approx(1.0)
    assert float(found["inside quotes"][4]) == pytest.approx(-1.0)
    assert all(abs(float(score[5])) < 0.2 for score in found.values())


def test_a_unit_that_changes_sign_scores_zero():
    text = list('say "what" now ' * 40)
    unit = torch.tensor(inside_quotes(text))
    unit[len(unit) // 2 :] *= -1
    second = torch.arange(len(unit)) >= len(unit) // 2
    assert float(probe_scores(unit[:, None], [text], second, False)["inside quotes"][0]) == 0


def test_probes_with_too_few_steps_are_skipped():
    text = list("plain words, no marks at all  " * 3)
    found = probe_scores(torch.randn(90, 2), [text], torch.arange(90) >= 45, False)
    assert set(found) == {"position in the line", "start of a word"}
