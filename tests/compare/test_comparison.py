import json

import pytest

from unroll.compare.comparison import Comparison, compare
from unroll.compare.copying import Copying
from unroll.compare.learner import Learned
from unroll.errors import UserError


def learned(accuracy, diverged=False):
    by_distance = dict.fromkeys(Copying.tested, accuracy)
    return Learned(by_distance, {1: 2.0, 2: 1.0}, 2, 0.5, 123, "as torch.nn", diverged)


def comparison(**cells):
    return Comparison(
        "Copying", {"units": 4}, Copying(), {c: [learned(a) for a in of] for c, of in cells.items()}
    )


def test_a_comparison_is_numbers_text_and_pictures():
    found = compare(["rnn", "lstm"], "hello", seeds=2, hidden=4, steps=4)
    record = found.as_dict()
    assert json.loads(json.dumps(record))["cells"]["lstm"]["parameters"] == 4 * 4 * 10 + 20
    assert record["cells"]["rnn"]["start"] == "as torch.nn"
    assert found.table()[0][:5] == ["cell", "2", "3", "4", "5"]
    assert found.table()[-1][0] == "chance"
    text = found.text()
    assert "letter of the word" in text and "(chance 50%)" in text
    assert list(found.pictures()) == ["accuracy", "losses", "gradients"]
    assert 'data-label="lstm"' in found.svg() and "lstm,2,5," in found.csv()
    assert "The next letter of hello" in found.html()


def test_cells_are_told_apart_only_beyond_their_seeds():
    clear = comparison(lstm=[0.99, 1.0, 0.98], rnn=[0.2, 0.3, 0.25])
    assert clear.verdicts()[-1] == "lstm is better than rnn by more than its seeds differ."
    close = comparison(lstm=[0.9, 0.5], gru=[0.8, 0.7], rnn=[0.1, 0.1])
    assert close.verdicts()[-1] == (
        "gru and lstm do not differ by more than their seeds do. Behind: rnn."
    )
    assert "One seed cannot tell" in comparison(lstm=[1.0], rnn=[0.1]).verdicts()[-1]
    assert len(comparison(lstm=[1.0]).verdicts()) == 1


def test_a_seed_that_diverged_is_told():
    found = Comparison("Copying", {}, Copying(), {"rnn": [learned(0.1, diverged=True)]})
    assert "the loss of 1 seed was no longer finite" in found.verdicts()[0]


@pytest.mark.parametrize(
    ("cells", "given", "sentence"),
    [
        ([], {}, "No cell was given"),
        (["rnn", "rnn"], {}, "each of them once"),
        (["rnn"], {"task": "helo"}, "--task got 'helo'.*expected hello, agreement"),
        (["rnn"], {"seeds": 0}, "--seeds got 0"),
        (["rnn"], {"hidden": 0}, "--hidden got 0"),
        (["rnn"], {"steps": -1}, "--steps got -1"),
        (["rnn"], {"learning_rate": 0.0}, "--learning-rate got 0.0"),
        (["rnn"], {"init": "best"}, "--init got 'best'"),
        (["lstn"], {}, "got 'lstn': there is no cell"),
    ],
)
def test_what_cannot_be_compared_is_refused(cells, given, sentence):
    with pytest.raises(UserError, match=sentence):
        compare(cells, **{"task": "hello", **given})


def test_a_wrong_name_is_refused_before_anything_is_trained():
    with pytest.raises(UserError, match="'lstn'"):
        compare(["rnn", "lstn"], "hello", progress=lambda name, share: pytest.fail("trained"))
    found = compare(["clockwork"], "hello", seeds=1, steps=1, cell_options={"periods": [1, 2]})
    assert found.learned["clockwork"][0].steps == 1


def test_two_directions_are_refused_where_the_answer_would_be_read():
    with pytest.raises(UserError, match="--directions 2 is not for --task counting"):
        compare(["rnn"], "counting", directions=2, steps=1)
