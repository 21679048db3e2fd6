import json

from unroll.inspect.task_pictures.predicted_text import predicted_text_results
from unroll.tasks.pictures import PredictedText, TextSample

LOSS = {"this run": [2.0, 1.0, 0.5, 0.5, 0.4], "network alone": [3.0, 2.0, 2.0, 2.0, 2.0]}


def found():
    predicted = PredictedText(
        [TextSample(0.5, "", "a <b>"), TextSample(1.0, "K:G", "c\nd")],
        ["a", "\n", "<"], [0.1, 4.5, 1.0], LOSS, 7, "characters",
    )  # fmt: skip
    return predicted_text_results(predicted, "it", {})


def test_samples_and_surprise_are_shown():
    finding = found()
    assert finding.sentences() == [
        "A token costs 2.00 nats where nothing was read before, and 0.40 after about 4 characters (mean "
        "of 7 texts).",
        "Least expected in the text below: '\\n' (4.5 nats).",
    ]
    page = finding.html()
    assert "a &lt;b&gt;" in page and "after K:G" in page and 'title="4.50 nats"' in page
    assert list(finding.pictures()) == ["loss", "surprise"]
    for name in finding.pictures():
        assert finding.svg(name) and finding.png(name) and finding.csv(name)
    assert finding.csv("loss").splitlines()[1] == "0,2.0,3.0"
    assert json.dumps(finding.as_dict(), allow_nan=False) and "a <b>" in finding.text()


def test_places_are_grouped_wider_and_wider():
    points = found().smoothed([float(n) for n in range(20)])
    assert points[:3] == [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]
    assert points[-1][0] == points[-1][1] and len(points) < 20
