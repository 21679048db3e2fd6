from unroll.inspect.answers import answer_of, stated_answer


def test_the_answer_is_that_of_predict(classifier, tagger, translator):
    said = classifier.predict("a good film")
    expected = {"predicted": said["label"], "probability": f"{said['probability']:.1%}"}
    assert answer_of(classifier, "a good film") == expected == stated_answer(classifier, said)
    tags = tagger.predict("Ann sees Bob .")["tags"]
    assert answer_of(tagger, "Ann sees Bob .") == {"predicted": " ".join(tags)}
    text = translator.predict("a1 b2 c")["translation"]
    assert answer_of(translator, "a1 b2 c") == {"predicted": text}


def test_several_labels_have_commas(classifier):
    both = {"labels": ["a b", "c"], "probabilities": {"a b": 0.9, "c": 0.6}}
    assert stated_answer(classifier, both) == {"predicted": "a b, c"}
