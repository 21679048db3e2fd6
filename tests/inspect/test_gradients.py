"""Every form of the result: text, JSON, CSV, SVG, pages, notebooks."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree

import pytest

from unroll.inspect import Flow, Gradients, gradients_of_cells

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def found():
    return gradients_of_cells(["rnn", "lstm"], length=40, hidden=8, batch=2)


def test_facts_are_json_with_every_norm(found):
    facts = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert facts["conditions"]["length"] == 40
    rnn, lstm = facts["flows"]
    assert list(lstm["gradient_norms"]) == ["h", "c"] and len(rnn["gradient_norms"]["h"]) == 40
    assert rnn["halves_every"] < lstm["halves_every"] and rnn["doubles_every"] is None
    assert list(rnn["truncation_error"]) == ["1", "5", "10", "35"]


def test_the_csv_has_a_row_for_every_state(found):
    rows = list(csv.DictReader(io.StringIO(found.csv())))
    assert len(rows) == 40 * 3
    last = rows[-1]
    assert (last["name"], last["field"], last["steps_back"]) == ("lstm", "c", "39")
    assert float(last["gradient_norm"]) == found.flows[1].norms["c"][39]
    assert float(last["largest_singular_value"]) == found.flows[1].singular_values[39]


def test_the_svg_is_a_picture_of_its_own(found):
    picture = ElementTree.fromstring(found.svg())
    drawn = [p for p in picture.iter(f"{SVG}path") if p.get("data-label")]
    assert [p.get("data-label") for p in drawn] == ["rnn h", "lstm h", "lstm c"]
    assert drawn[1].get("stroke-dasharray") != drawn[2].get("stroke-dasharray")
    words = [t.text for t in picture.iter(f"{SVG}text")]
    assert {"rnn h", "lstm c", "steps back from the loss", "0"} <= set(words)
    assert "prefers-color-scheme:dark" in found.svg()


def test_a_notebook_shows_a_picture_and_a_table(found):
    shown = found._repr_html_()
    assert "<svg" in shown and shown.count("<tr>") == 3 and "halves every" in shown


def test_a_name_cannot_break_out_of_the_page():
    name = "</script><b>{{data}}"
    flow = gradients_of_cells(["rnn"], length=4, hidden=3).flows[0]
    flow = Flow(name, name, name, flow.norms, flow.units, {0: 1.0}, 0.0)
    page = Gradients(name, {"it": name}, (flow,)).html(name)
    assert "<b>" not in page and page.count("</script>") == 2
    assert page.count("{{data}}") >= 3  # in words, not filled in


def test_the_page_needs_nothing_but_itself(found):
    page = found.html("unroll inspect gradients")
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert "src=" not in page.replace("-src", "") and "@import" not in page and "{{" not in page
    start = page.index('id="data">') + len('id="data">')
    data = json.loads(page[start : page.index("</script>", start)])["sections"][0]["data"]
    assert data["last"] == 39 and data["curves"][0]["label"] == "rnn h"
    assert data["curves"][0]["norms"] == pytest.approx(found.flows[0].norms["h"], rel=1e-3)
