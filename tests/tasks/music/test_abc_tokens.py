"""The tokens of a run by what they are in the body of a tune."""

from fractions import Fraction

from unroll.tasks.music.abc_tokens import TuneTokens


def test_masks_and_lengths(abc):
    tokens = TuneTokens(abc)

    def texts(name):
        ids = tokens.masks[name].nonzero()[0]
        return {abc.bytes_of(int(id)).decode() for id in ids}

    assert texts("bar") == {"|"} and {"|:", ":|"} <= texts("begin") | texts("end")
    assert '"D7"' in texts("chord") and "(3" in texts("triplet")
    assert texts("field") >= {"K:G\n", "P:B\n"} and "M:6/8\n" not in texts("field")
    assert texts("rest") == {"z"} and "G" in texts("note") and "^c" in texts("note")
    assert tokens.lengths[abc.id_of("3/2")] == Fraction(3, 2)
    assert abc.id_of("//") not in tokens.lengths  # not every reader knows it
