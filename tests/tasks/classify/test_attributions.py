import numpy as np
import pytest
import torch

import unroll
from unroll.tasks.classify.attributions import attribute_inputs, logit_falls, word_attributions


def test_pieces_of_a_word_add_up():
    pieces = [" lo", "vely", " film"]
    words = word_attributions(pieces, [1.0, 0.5, -0.25], tokens_are_words=False)
    assert words == [("lovely", 1.5), ("film", -0.25)]


@pytest.mark.parametrize("level", ["word", "char"])
def test_attributions_belong_to_the_predicted_class_of_network_and_simple_model(
    tmp_path, monkeypatch, level
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = [f"{('good', 'bad')[n % 2]} film {n % 9},{('pos', 'neg')[n % 2]}" for n in range(80)]
    (tmp_path / "films.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    run = unroll.train(
        "films.csv", "run", hidden=4, steps=3, level=level, threads=1, backend="loop", quiet=True
    )
    own, simple = 0.5, 2.0
    run.model.shares[:] = torch.tensor([own, simple])
    run.adjust(attributions=True)
    text = "a good film"
    (found,) = attribute_inputs(run.trained, [text])
    said = run.predict(text)
    assert run.preprocessor.classes[found.label] == said["label"]
    assert max(found.probabilities) == pytest.approx(said["probability"])
    falls = logit_falls(run.preprocessor.floor, found.steps, found.label)
    np.testing.assert_allclose(found.simple, simple * falls)
    # the network's gradient at the embedding of each step, by autograd, for the predicted class
    items = torch.as_tensor(run.preprocessor.encode(text)).long()[:, None]
    embedded = run.model.embed(items).detach().requires_grad_()
    logit = run.model.classify_embedded(embedded, torch.tensor([len(items)]))[0, found.label]
    (gradient,) = torch.autograd.grad(logit, embedded)
    expected = own * (gradient * embedded.detach()).sum(-1)[:, 0]
    if run.model.trust is None:
        assert found.network == pytest.approx(expected.tolist(), abs=1e-5)
    total = dict(said["words"])
    words = word_attributions(found.tokens, found.network, tokens_are_words=level == "word")
    for (word, by_network), by_floor in zip(words, found.simple, strict=True):
        assert total[word] == pytest.approx(by_network + by_floor, abs=1e-4)
