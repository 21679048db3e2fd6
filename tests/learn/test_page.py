import pytest

from unroll.inspect import walk_of_cell
from unroll.learn.lesson import lesson_of
from unroll.learn.page import lesson_page


def test_a_page_has_the_words_the_picture_and_the_exercises(tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    page = tmp_path / "lesson.html"
    finding = walk_of_cell("rnn", "hello", hidden=2)
    page.write_text(lesson_page(lesson_of(1), [finding], "unroll-lessons"))
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        except sync_api.Error:
            pytest.skip("there is no Chromium")
        tab = browser.new_page(viewport={"width": 390, "height": 800})
        problems = []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.goto(page.as_uri())
        headings = [h.inner_text() for h in tab.query_selector_all("h2")]
        assert headings[:2] == ["The idea", "What to see"]
        assert headings[3:] == ["In Python", "Exercises", "Sources"]
        assert tab.query_selector("svg") and "unroll learn check 1" in tab.inner_text("body")
        hint = tab.query_selector("section:nth-of-type(5) details p")
        assert not hint.is_visible()
        tab.click("section:nth-of-type(5) summary")
        assert hint.is_visible()
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        assert not problems
        browser.close()
