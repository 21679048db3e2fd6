"""Settings of a translator, and which files look like pairs."""

import pytest

from unroll.tasks.translate.settings import TranslateSettings

GOOD = "Run!\tCourez !\nStop!\tStop !\nWait!\tAttends !\n"


def test_files_of_pairs_are_recognised(tmp_path):
    def looks(text, name="x.tsv", **given):
        (tmp_path / name).write_text(text)
        return TranslateSettings.guess(tmp_path / name, given)

    assert "a tab between" in looks(GOOD) and looks(GOOD, "x.txt")
    assert looks("one line\nand another\n", "x.txt") is None
    assert looks("".join(f"text {n}\tgood\n" for n in range(50))) is None
    assert "are not read" in looks("".join(f"a {k}\tb {k}\tc\n" for k in range(9)))
    assert looks("a\tb\tc\n") is None and looks("a\tb\tc\n", target="3")
    assert looks("a,b\n", "x.csv") is None
    second = tmp_path / "x.fr"
    second.write_text("a\n")
    assert "line by line" in looks("a\n", "x.en", target=str(second))
    assert (
        TranslateSettings.guess(tmp_path / "nothing.tsv", {}) is None
        and looks(GOOD, per_line=True) is None
    )
    assert looks("", "empty.tsv") is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"best": 7}, "best=7 translations need a beam of at least that width; beam is 5"),
        ({"lower": True}, "lower=true needs level=word"),
        ({"valid_target": "x"}, "valid_target needs valid"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TranslateSettings(**wrong)
