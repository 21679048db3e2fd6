"""The report in a real browser: curves drawn, values read back, the gradient followed."""

import pytest

from unroll.inspect import gradients_of_cells
from unroll.inspect.curves import Curve, draw_curves
from unroll.inspect.page import Section, render_page


@pytest.fixture(scope="module")
def found():
    return gradients_of_cells(["rnn", "lstm"], length=40, hidden=9, batch=2, noise=True)


@pytest.fixture(params=["light", "dark"])
def page(request, opened, found):
    return opened(found.html("unroll inspect gradients --noise"), request.param)


def values(page):
    """The rows under the first picture, by name of the state."""
    rows = page.locator(".values tbody tr")
    return {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows.all()
    }


def test_curves_are_drawn_and_values_read_back(page, found):
    drawn = page.locator(".norms .at-wide path[data-label]")
    assert drawn.count() == 3
    for curve in drawn.all():
        assert curve.evaluate("path => path.getTotalLength()") > 200
    expected = {"rnn h": found.flows[0].norms["h"], "lstm c": found.flows[1].norms["c"]}
    page.locator(".back").fill("7")
    shown = values(page)
    for name, norms in expected.items():
        assert float(shown[name][0]) == pytest.approx(norms[7], rel=6e-3)
        assert float(shown[name][1]) == pytest.approx(norms[7] / norms[0], rel=6e-3)
    assert float(shown["rnn h"][2]) == pytest.approx(found.flows[0].singular_values[7], abs=1e-4)

    box = page.locator(".norms .at-wide").bounding_box()  # and where the pointer is
    page.locator(".norms .at-wide").hover(position={"x": box["width"] / 2, "y": box["height"] / 2})
    back = int(page.locator(".where").inner_text())
    assert 15 < back < 30
    assert float(values(page)["rnn h"][0]) == pytest.approx(expected["rnn h"][back], rel=6e-3)


def test_the_gradient_is_followed_back_unit_by_unit(page, found):
    squares = page.locator(".units canvas")
    assert squares.count() == 3 and page.locator(".heat canvas").count() == 3
    ground = 255 if page.scheme == "light" else 20
    strength = (
        "(canvas, ground) => { const d = canvas.getContext('2d').getImageData(0, 0, 3, 3).data;"
        " let s = 0; for (let n = 0; n < 36; n += 4) s += Math.abs(d[n] - ground); return s }"
    )
    at_loss = squares.first.evaluate(strength, ground)
    page.locator(".back").fill("30")
    assert squares.first.evaluate(strength, ground) < at_loss / 20
    page.locator(".back").fill("0")
    page.locator(".play").click()
    page.locator(".where").get_by_text("39", exact=True).wait_for(timeout=60_000)
    page.locator(".play").get_by_text("Play", exact=True).wait_for()


def test_numbers_are_in_tables_and_the_background_follows_the_scheme(page, found):
    page.locator("summary").click()
    rows = page.locator(".all tbody tr")
    rows.nth(39).wait_for(state="attached")  # they are made when it is opened
    assert rows.count() == 40
    assert "halves every" in page.locator(".wide:not(.all) > table:not(.values)").inner_text()
    assert page.locator(".summaries li").count() == 3  # two cells, and one beside the other
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if page.scheme == "light" else "rgb(20, 24, 29)")


def test_headings_are_in_order_and_the_cover_line_and_the_command_are_shown(opened):
    figure = draw_curves([Curve("loss", 0, {0: 2.0, 9: 1.0})], "loss", "step").figure("It falls.")
    sections = [
        Section("lesson", title, {"words": words})
        for title, words in (
            ("What is seen", figure),
            ("A lesson", "<h3>A cell</h3><p>One step</p>"),
        )
    ]
    page = opened(
        render_page("Lesson 1", sections, "unroll learn 1", cover="One cell, <one> step.")
    )
    heads = "hs => hs.map(h => h.tagName + ' ' + h.textContent)"
    assert page.locator("h1, h2, h3, h4").evaluate_all(heads) == [
        "H1 Lesson 1", "H2 What is seen", "H2 A lesson", "H3 A cell",
    ]  # fmt: skip
    assert page.locator(".cover").inner_text() == "One cell, <one> step."
    assert page.locator("figcaption").inner_text() == "It falls."
    assert page.locator("footer code").inner_text() == "unroll learn 1"
    alone = opened(render_page("Lesson 1", sections[1:]))
    assert alone.locator("h1, h2, h3").evaluate_all(heads) == ["H1 Lesson 1", "H2 A cell"]
