"""What a run says about its text, each choice with the flag that changes it."""

from unroll.models.language import LanguageModel
from unroll.tasks.language.description import check_report, describe


def described(corpus, settings):
    return "\n".join(describe(corpus, settings, LanguageModel(len(corpus.vocabulary), 8, 8)))


def test_a_stream_of_characters(prepared):
    corpus, settings = prepared()
    text = described(corpus, settings)
    assert "text.txt: 1,480 characters; tokens are characters (--level)" in text
    assert "Validation set: the last tenth, 148 tokens (--valid FILE)." in text
    assert "state carried from block to block (--state carry|reset)" in text
    assert "Truncation: window, no gradient crosses the border of a block of 8 steps" in text


def test_words_and_lines(prepared):
    text = described(*prepared(level="word", per_line=True))
    assert "Words are split at punctuation" in text or "Words are split at spaces" in text
    assert text.endswith("lines per step, each its own sequence.")


def test_shortlist_and_weight_drop_are_told_with_their_settings(prepared):
    text = described(*prepared(level="word", per_line=True, shortlist=3, weight_drop=0.3))
    assert "tells the 3 most frequent words apart" in text and "(--set shortlist=N)" in text
    assert "30% of the recurrent weights are dropped" in text and "(--set weight_drop=P)" in text


def test_streams_that_begin_anew_are_told(prepared):
    assert "(--set restarts=false)" in described(*prepared(level="word"))
    assert "restarts" not in described(*prepared())


def test_the_report_of_data_check(prepared):
    report = check_report(prepared()[0])
    assert report["characters"] == 1480 and report["problems"] == []
    assert report["tokens"] == {"training set": 1332, "validation set": 148}
