"""Every form in which the figures are read: words, JSON, CSV, SVG, notebooks."""

import csv
import io
import json
import math
import xml.etree.ElementTree as ElementTree

import pytest

from unroll.errors import UserError
from unroll.inspect import Flow, Gradients, gradients_of_cells
from unroll.inspect.bars import bar_picture
from unroll.inspect.curves import Curve, curves

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def found():
    return gradients_of_cells(["rnn", "lstm"], length=40, hidden=8, batch=2)


def test_a_seed_is_the_same_figures_and_another_is_not(found):
    again = gradients_of_cells(["rnn", "lstm"], length=40, hidden=8, batch=2)
    other = gradients_of_cells(["rnn", "lstm"], length=40, hidden=8, batch=2, seed=2)
    assert again.facts() == found.facts() != other.facts()


def test_a_cell_does_not_depend_on_its_neighbours(found):
    alone = gradients_of_cells(["lstm"], length=40, hidden=8, batch=2)
    assert alone.flows[0].norms == found.flows[1].norms


def test_facts_are_json_with_every_norm(found):
    facts = json.loads(json.dumps(found.facts(), allow_nan=False))
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


def test_bars_are_plain_and_read_without_colour(found):
    text = found.text()
    assert text.isascii() and "\x1b" not in text
    lines = [line for line in text.splitlines() if line.endswith("#")]
    assert max(map(len, lines)) <= 80
    assert "What truncation throws away of the weights' gradient (steps): " in text
    of_rnn = lines[:4]
    assert [int(line.split()[0]) for line in of_rnn] == [0, 1, 2, 5]
    lengths = [line.count("#") for line in of_rnn]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] > lengths[-1]


def test_bars_of_what_is_zero_or_too_large():
    def flow(norms):
        return Flow("it", "Cell", "so", {"h": norms}, {}, {0: 1.0}, 0.0)

    assert "is zero" in bar_picture([flow([0.0, 0.0])])
    lines = bar_picture([flow([1.0, math.inf, 0.0])]).splitlines()
    assert "inf" in lines[-2] and lines[-2].count("#") == 32 and "#" not in lines[-1]


def test_the_svg_is_a_picture_of_its_own(found):
    picture = ElementTree.fromstring(found.svg())
    drawn = [p for p in picture.iter(f"{SVG}path") if p.get("data-label")]
    assert [p.get("data-label") for p in drawn] == ["rnn h", "lstm h", "lstm c"]
    assert drawn[1].get("stroke-dasharray") != drawn[2].get("stroke-dasharray")
    words = [t.text for t in picture.iter(f"{SVG}text")]
    assert {"rnn h", "lstm c", "steps back from the loss", "0"} <= set(words)
    assert "prefers-color-scheme:dark" in found.svg()


def test_curves_are_lifted_over_what_cannot_be_drawn():
    line = Curve("a<b", 0, {0: 1.0, 1: 0.0, 2: math.inf, 3: 0.1, 4: 0.1})
    picture = curves([line], "y", "x").svg()
    path = next(
        p for p in ElementTree.fromstring(picture).iter(f"{SVG}path") if p.get("data-label")
    )
    assert path.get("d").count("M") == 2 and path.get("data-label") == "a<b"
    assert "nothing to draw" in curves([Curve("a", 0, {0: 0.0})], "y", "x").svg()


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


def test_large_states_and_long_sequences_are_thinned_in_the_page_and_it_says_so():
    many = gradients_of_cells(["rnn"], length=300, hidden=65, batch=1)
    page = many.html()
    start = page.index('id="data">') + len('id="data">')
    data = json.loads(page[start : page.index("</script>", start)])["sections"][0]["data"]
    assert len(data["unit_steps"]) == 256 and data["unit_steps"][-1] == 299
    assert len(data["units"][0]["values"][0]) == 64 and "64 of 65" in page


def test_forget_bias_gain_and_inputs_do_what_they_say():
    def halving(cell, **options):
        return gradients_of_cells([cell], length=60, hidden=16, batch=2, **options).flows[0].halving

    open_gate = gradients_of_cells(["lstm"], length=60, hidden=16, forget_bias=4.0).flows[0]
    assert open_gate.left(50) > 1e3 * gradients_of_cells(["lstm"], length=60, hidden=16).flows[
        0
    ].left(50)
    # an orthogonal matrix in silence, where tanh is a straight line: gain to the power of the steps
    assert halving("rnn", inputs=0.0, gain=0.5) == pytest.approx(1, rel=1e-5)
    assert halving("rnn", inputs=0.0, gain=2.0) == pytest.approx(-1, rel=1e-5)
    assert halving("rnn", inputs=0.0) == math.inf


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"cells": ["lsmt"]}, "similar names: lstm"),
        ({"cells": []}, "--cells names no cell"),
        ({"cells": ["conv_lstm"]}, "needs height, width"),
        ({"cells": ["rnn"], "forget_bias": 1.0}, "--forget-bias is for LSTM cells"),
        ({"cells": ["gru", "sru"], "gain": 2.0}, "weight_hh, which sru does not have"),
        ({"cells": ["rnn"], "init": "magic"}, "expected one of auto, torch, orthogonal"),
        (
            {"cells": ["rnn_relu"], "gain": 30.0, "length": 400, "hidden": 8},
            "The state of rnn_relu overflows at step .* of 400",
        ),
        ({"length": 1}, "--length got 1"),
        ({"hidden": 0}, "--hidden got 0"),
        ({"batch": 0}, "--batch got 0"),
        ({"gain": 0.0}, "--gain got 0"),
        ({"inputs": -1.0}, "--inputs got -1"),
        ({"clip": 0.0}, "--clip got 0"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(options, expected):
    with pytest.raises(UserError, match=expected.replace("(", r"\(")):
        gradients_of_cells(**options)
