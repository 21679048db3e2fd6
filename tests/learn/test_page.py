from unroll.inspect import walk_of_cell
from unroll.learn.lesson import lesson_of
from unroll.learn.page import lesson_page


def test_a_page_has_the_words_the_picture_and_the_exercises(opened):
    finding = walk_of_cell("rnn", "hello", hidden=2)
    tab = opened(lesson_page(lesson_of(1), [finding], "unroll-lessons"), width=390)
    headings = [h.inner_text() for h in tab.query_selector_all("h2")]
    assert headings[:2] == ["The idea", "What to see"]
    assert headings[3:] == ["In Python", "Exercises", "Sources"]
    assert tab.query_selector("svg") and "unroll learn check 1" in tab.inner_text("body")
    hint = tab.query_selector("section:nth-of-type(5) details p")
    assert not hint.is_visible()
    tab.click("section:nth-of-type(5) summary")
    assert hint.is_visible()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
