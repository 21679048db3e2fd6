"""Every kind of page in a real browser at three widths: nothing is cut off, small, or closed to anybody."""

import importlib.util
import json
from pathlib import Path

import pytest

from unroll.compare.comparison import compare
from unroll.inspect import (
    gradients_of_cells,
    report,
    report_of_run,
    walk_of_cell,
)
from unroll.learn.lesson import lesson_of
from unroll.learn.page import lesson_page

VIEWS = ((390, "light"), (390, "dark"), (820, "dark"), (1400, "light"))
LEAST_LETTER = 11  # pixels as they are shown
MOST_BYTES = 1_500_000
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
# the texts of pictures that can be seen, with the height of their letters on the screen
SMALLEST_LETTER = """() => Math.min(...[...document.querySelectorAll("svg text")]
  .filter(text => text.getClientRects().length && text.textContent.trim())
  .map(text => parseFloat(getComputedStyle(text).fontSize) * text.ownerSVGElement.getScreenCTM().a))"""


@pytest.fixture(scope="module")
def axe():
    found = importlib.util.find_spec("axe_core_python")
    if found is None:
        pytest.skip("axe-core-python is not installed: pip install axe-core-python")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(language, classifier, translator, tagger):
    walk = walk_of_cell("lstm", "hello", hidden=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "TOKENS", 40)  # axe looks at each of them
        return made_pages(language, classifier, translator, tagger, walk)


def made_pages(language, classifier, translator, tagger, walk):
    return {
        "report of a language model": report_of_run(language).html("unroll inspect report RUN"),
        "report of a classifier": report_of_run(classifier).html(),
        "report of a tagger": report_of_run(tagger).html(),
        "report of a translator": report_of_run(translator).html(),
        "gradients": gradients_of_cells(["rnn", "lstm"], length=20, hidden=5, batch=2).html(),
        "cell": walk.html("unroll inspect cell lstm hello"),
        "comparison": compare(["rnn", "lstm"], "hello", seeds=1, steps=3, hidden=4).html(),
        "lesson": lesson_page(lesson_of(1), [walk], "lessons"),
    }


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_every_page_is_legible_and_open_to_everybody(opened, pages, axe, width, scheme):
    faults = []
    for name, html in pages.items():
        page = opened(html, scheme, width)
        page.evaluate("for (const box of document.querySelectorAll('details')) box.open = true")
        page.evaluate(axe)
        found = page.evaluate(
            "rules => axe.run(document, "
            "{resultTypes: ['violations'], runOnly: {type: 'tag', values: rules}})",
            RULES,
        )
        for broken in found["violations"]:
            where = [node["html"][:160] for node in broken["nodes"][:2]]
            faults.append(f"{name}: {broken['id']}, {len(broken['nodes'])} times: {where}")
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            faults.append(f"{name}: {wide} pixels wide")
        if (letter := page.evaluate(SMALLEST_LETTER)) < LEAST_LETTER:
            faults.append(f"{name}: letters of {letter:.1f} pixels")
        page.context.close()
    assert not faults, "\n".join(faults)


def test_pages_are_small_and_their_pictures_have_words(pages):
    for name, html in pages.items():
        assert len(html.encode()) < MOST_BYTES, name
        assert html.count('role="img"') == html.count("<svg class"), name
        assert "http://" not in html.replace("http://www.w3.org/", ""), name


def test_the_first_screen_says_what_the_run_is_and_how_good(opened, classifier):
    found = report_of_run(classifier)
    page = opened(found.html(), width=390)
    cover = page.locator(".cover").inner_text()
    result = classifier.result()
    assert cover == found.cover() and f"accuracy {result['accuracy']:.2%}" in cover
    assert page.locator(".cover").bounding_box()["y"] < 300
    row = page.locator("tr.own").first
    assert row.locator("td").first.inner_text() == f"{result['accuracy']:.2%}"
    facts = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert facts["cover"] == cover


def test_print_shows_everything_and_no_controls(opened, pages):
    page = opened(pages["gradients"])
    page.emulate_media(media="print")
    assert not page.locator(".control, nav, .skip").filter(visible=True).count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.locator(".all tbody tr").first.wait_for()
    assert page.locator("details[open]").count() == page.locator("details").count()


def test_a_page_is_used_by_keyboard(opened, pages):
    page = opened(pages["report of a language model"], width=390)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    slider = page.locator(".back").first
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".where").first.inner_text() == "1"
    scrolled = page.locator(".wide[tabindex='0']")
    assert scrolled.count()  # only boxes that scroll are stops
    assert page.locator(".wide").count() > scrolled.count()
    for control in page.locator("button, select, summary, nav a").filter(visible=True).all():
        assert control.bounding_box()["height"] >= 24


def test_a_comparison_says_what_was_found_below_its_title(opened):
    found = compare(["rnn", "lstm"], "hello", seeds=1, steps=3, hidden=4)
    page = opened(found.html(), width=390)
    assert page.locator(".cover").inner_text() == found.cover()
    assert found.verdicts()[-1] in found.cover()
    assert "Dotted: chance" in page.locator("figcaption").first.inner_text()
