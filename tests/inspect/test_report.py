"""The report of a run: every part of it, and in a real browser."""

import json
from datetime import date, timedelta

import pytest

import unroll
from unroll.inspect import report_of_run


@pytest.fixture(scope="module")
def found(language):
    return report_of_run(language)


@pytest.fixture(params=["light", "dark"])
def page(request, opened, found):
    return opened(found.html("unroll inspect report RUN"), request.param)


def test_every_part_is_there(found):
    names = [name for name, _ in found.parts]
    assert names == [
        "text", "training", "over training", "predictions", "states", "gates", "gradients",
        "vectors", "Elman beside LSTM",
    ]  # fmt: skip
    assert found.missing == () and found.metrics["task"] == "language"
    facts = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert list(facts["parts"]) == names
    assert {"training losses", "gates saturation", "states traces"} <= set(found.pictures())


def test_a_notebook_shows_every_part(found):
    shown = found._repr_html_()
    assert shown.count("<details>") == len(found.parts) and "<svg" in shown
    assert len(repr(found)) < 400


def test_a_report_of_other_tasks_lists_what_is_missing(translator, runs, monkeypatch):
    found = report_of_run(translator)
    names = [name for name, _ in found.parts]
    assert [name for name in names if name.startswith("attention")] == [
        "attention 1", "attention 2", "attention 3",
    ]  # fmt: skip
    assert found.missing == () and {"states", "gates"} <= set(names)
    gone = unroll.load(runs["translate"])
    monkeypatch.setitem(gone.config["data"], "path", "gone.tsv")
    found = report_of_run(gone)
    assert found.missing == (
        "Everything that needs data: gone.tsv does not exist any more; give DATA.",
    )
    assert [name for name, _ in found.parts] == [
        "training", "over training", "vectors", "Elman beside LSTM",
    ]  # fmt: skip


def test_the_parts_are_sections_of_one_page(page, found):
    assert page.locator("section").count() == 2 + len(found.parts)
    assert page.locator("nav a").count() == 2 + len(found.parts)
    assert page.locator("section.history path[data-label]").count() == 2 * (2 + 1 + 1 + 2)
    assert page.locator("section.gradients .back").count() == 2
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if page.scheme == "light" else "rgb(20, 24, 29)")


def test_a_unit_is_selected_and_its_activation_shown(page, found):
    states = dict(found.parts)["states"]
    part = page.locator("section.states")
    groups = part.locator("optgroup")
    assert groups.first.get_attribute("label") == states.leading_units()[0][0]
    assert groups.last.locator("option").count() == len(states.labels)
    tokens = part.locator(".text span")
    assert tokens.count() == len(states.tokens)
    colours = "spans => spans.map(s => s.style.background)"
    before = tokens.evaluate_all(colours)
    shape = part.locator(".trace .curve").get_attribute("d")
    part.locator(".unit").select_option(label="layer 2 c[3]")
    assert tokens.evaluate_all(colours) != before
    assert part.locator(".trace .curve").get_attribute("d") != shape
    tokens.nth(7).hover()
    value = part.locator(".value").inner_text().split()[-1]
    unit = states.labels.index("layer 2 c[3]")
    scale = float(states.values[:, unit].abs().max())
    assert float(value) == pytest.approx(float(states.values[7, unit]), abs=scale / 200 + 1e-3)
    assert "Surprise: " in part.locator(".prediction").inner_text()
    columns = part.locator(".guesses > span")
    assert columns.count() == len(states.tokens) and columns.nth(7).locator("i").count() == 5
    assert float(
        columns.nth(7).locator("i").first.get_attribute("title").split()[-1]
    ) == pytest.approx(states.recorded.guesses[7][0][1], rel=1e-2)
    assert part.locator(".maps .map").first.locator("circle").count() == len(states.tokens)


def test_a_page_of_states_alone_draws_its_trace_as_a_line(opened, found):
    page = opened(dict(found.parts)["states"].html())
    curve = page.locator(".trace .curve")
    assert curve.evaluate("path => getComputedStyle(path).fill") == "none"
    assert curve.evaluate("path => path.getTotalLength()") > 700


def test_a_point_of_the_gates_shows_its_numbers(page, found):
    gates = dict(found.parts)["gates"]
    part = page.locator("section.gates")
    part.locator(".planes circle").first.dispatch_event("pointerenter")
    shown = part.locator(".chosen-unit").inner_text()
    first = gates.gates[0]
    assert shown.startswith(f"{first.label}[0]: closed {100 * float(first.closed[0]):.1f} %")


def test_an_alignment_is_drawn_and_read_back(opened, translator):
    found = unroll.inspect.attention_of_run(translator, "a1 b2 c")
    page = opened(found.html())
    canvas = page.locator(".matrix canvas")
    assert canvas.evaluate("c => [c.width, c.height]") == [len(found.source), len(found.target)]
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] - 2, "y": 2})
    expected = f"attends to {found.source[-1]}: {100 * found.weights[0, -1]:.1f} %"
    assert expected in page.locator(".pointed").inner_text()


def test_words_take_the_colour_of_their_attribution(opened, classifier):
    found = unroll.inspect.attention_of_run(classifier, "a good film")
    page = opened(found.html(), "dark")
    words = page.locator(".words span")
    assert words.all_inner_texts() == found.steps
    by_gradient = words.evaluate_all("spans => spans.map(s => s.style.background)")
    page.locator(".by").select_option("pooled")
    assert words.evaluate_all("spans => spans.map(s => s.style.background)") != by_gradient
    words.nth(1).hover()
    assert float(page.locator(".value").inner_text().split()[-1]) == pytest.approx(
        found.pooled[1], rel=1e-2
    )


def test_each_kind_of_run_has_the_parts_that_it_supports(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    names = "".join(f"{'ab'[n % 2]}\tname {n}\n" for n in range(60))
    (tmp_path / "names.tsv").write_text(names)
    (tmp_path / "tags.conll").write_text("the\tDET\ncat\tNOUN\nruns\tVERB\n\n" * 60)
    days = (date(2020, 1, 1) + timedelta(n) for n in range(200))
    (tmp_path / "days.csv").write_text(
        "day,y\n" + "".join(f"{day},{n % 7}\n" for n, day in enumerate(days))
    )
    small = {"steps": 2, "hidden": 6, "threads": 1, "backend": "loop", "quiet": True}
    lines = {"task": "language", "per_line": True, "condition": "1", "cell": "gru"}
    of_text = {"text", "predictions", "states", "gates", "gradients", "vectors"}
    alone = {name: value for name, value in lines.items() if name != "condition"}
    for data, settings, parts, missing in (
        ("names.tsv", lines, of_text, 0),
        ("names.tsv", alone, of_text, 0),
        ("tags.conll", {"task": "tag"}, {"tags", "states", "gates", "gradients", "vectors"}, 0),
        (
            "days.csv",
            {"target": "y", "horizon": 3, "history": 14},
            {"forecasts", "gates", "gradients"},
            2,
        ),
    ):
        found = report_of_run(unroll.train(data, **small, **settings))
        always = {"training", "over training", "Elman beside LSTM"}
        assert {name for name, _ in found.parts} == parts | always
        assert len(found.missing) == missing
        assert json.dumps(found.as_dict(), allow_nan=False) and "<section" in found.html()
