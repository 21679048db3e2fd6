import math

from unroll.inspect import Flow, gradients_of_cells
from unroll.inspect.bars import bar_chart, format_share


def test_bars_are_plain_and_read_without_colour():
    flows = gradients_of_cells(["rnn", "lstm"], length=40, hidden=8, batch=2).flows
    text = bar_chart(flows)
    assert text.isascii() and "\x1b" not in text
    lines = [line for line in text.splitlines() if line.endswith("#")]
    assert max(map(len, lines)) <= 80
    assert "Error of the weights' gradient by truncation window (steps): " in text
    of_rnn = lines[:4]
    assert [int(line.split()[0]) for line in of_rnn] == [0, 1, 2, 5]
    lengths = [line.count("#") for line in of_rnn]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] > lengths[-1]


def test_bars_of_what_is_zero_or_too_large():
    def flow(norms):
        return Flow("it", "Cell", "so", {"h": norms}, {}, {0: 1.0}, 0.0)

    assert "is zero" in bar_chart([flow([0.0, 0.0])])
    lines = bar_chart([flow([1.0, math.inf, 0.0])]).splitlines()
    assert "inf" in lines[-2] and lines[-2].count("#") == 32 and "#" not in lines[-1]


def test_shares_have_as_many_digits_as_people_need():
    shares = [format_share(share) for share in (0, 0.123, 0.0004, 3e-8)]
    assert shares == ["0", "12.3%", "0.04%", "3e-08"]
