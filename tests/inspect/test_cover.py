from unroll.inspect.cover import DecidingMetric, beside_baseline, cover_line, deciding_metric

F1 = DecidingMetric("f1", True, "F1", share=True)
NATS = DecidingMetric("nats_per_token", False, " nats per token")


def test_the_line_has_the_metric_of_the_run_and_of_the_best_baseline(classifier, language):
    result = classifier.result()
    line = cover_line(classifier)
    assert line.startswith("A classifier (gru, 1 layer of 8 units): accuracy ")
    known = {n: row["accuracy"] for n, row in result["baselines"].items() if n != "network alone"}
    best = max(known.values())
    assert f"{result['accuracy']:.2%} on {result['validation_set']}" in line
    assert f"{best:.2%}" in line or "which has the same" in line
    assert f"{language.result()['nats_per_token']:.4g} nats per token" in cover_line(language)


def test_a_value_is_better_worse_or_the_same_as_it_is_shown():
    assert beside_baseline(0.9, "linear model", 0.8, F1) == (
        "better than the linear model, the best baseline: F1 80.00%"
    )
    assert beside_baseline(0.80001, "it", 0.8, F1).startswith("no better than the it")
    assert beside_baseline(2.0, "unigram", 1.5, NATS) == (
        "worse than the unigram, the best baseline: 1.5 nats per token"
    )


def test_the_first_metric_of_the_list_decides():
    assert deciding_metric({"loss": 1.0, "accuracy": 0.5}).name == "accuracy"
    assert deciding_metric({"f1": 0.1, "accuracy": 0.5}).name == "f1"
    assert deciding_metric({"steps": 3}) is None
