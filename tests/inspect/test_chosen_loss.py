import pytest
import torch

from unroll.errors import UserError
from unroll.inspect.chosen_loss import label_loss, loss_of_text


def test_a_language_model_gives_the_loss_of_a_word_as_score_does(language):
    chosen = loss_of_text(language, 'a rose grew by "it".', "rose")
    scored = language.score('a rose grew by "it".')["tokens"]
    expected = -sum(token["log_probability"] for token in scored[2:6])
    assert float(chosen.loss.detach()) == pytest.approx(expected, rel=1e-3)
    assert chosen.of == "'rose' after step 5" and len(chosen.words) == 6
    assert chosen.probability == pytest.approx(2.718281828**-expected, rel=1e-2)


def test_a_step_is_the_token_after_it_and_the_default_is_the_last(language):
    by_step, last = loss_of_text(language, "a rose", "5"), loss_of_text(language, "a rose")
    assert by_step.of == last.of == "'e' after step 5"
    assert by_step.loss.item() == last.loss.item()
    assert by_step.loss.dtype == torch.float64 and language.model.bias.dtype == torch.float32


def test_a_word_is_its_last_occurrence(language):
    assert loss_of_text(language, "red and red or", "red").of == "'red' after step 10"


def test_a_tagger_gives_the_loss_of_a_word_and_of_its_label(tagger):
    sentence = "Ann sees Bob ."
    word = loss_of_text(tagger, sentence, "sees")
    assert word.at == 1 and word.words == sentence.split()
    label = word.of.split()[2]
    assert word.of == f"the label {label} of 'sees'"
    assert word.loss.item() == pytest.approx(-torch.tensor(word.probability).log().item(), rel=1e-4)
    assert f"the label {label} of " in loss_of_text(tagger, sentence, label).of
    assert loss_of_text(tagger, sentence, "2").of == word.of


def test_a_classifier_gives_the_loss_of_a_label(classifier):
    pos, neg = (loss_of_text(classifier, "good film number 3", at) for at in ("pos", "neg"))
    assert pos.probability + neg.probability == pytest.approx(1)
    likely = max((pos, neg), key=lambda chosen: chosen.probability)
    assert loss_of_text(classifier, "good film number 3").of == likely.of


def test_what_cannot_be_chosen_is_refused(language, tagger, classifier, translator):
    for run, at, expected in (
        (language, "tree", "does not stand in the text"),
        (language, "99", "a step from 0 to 5"),
        (tagger, "tree", "a label that the run gives"),
        (classifier, "tree", "expected a label of the run: neg, pos"),
        (translator, None, "task translate"),
    ):
        with pytest.raises(UserError, match=expected) as refused:
            loss_of_text(run, "a rose", at)
        assert len(str(refused.value)) < 300
    with pytest.raises(UserError, match="expected 1 to 1,000"):
        loss_of_text(language, "a" * 1001)


@pytest.mark.parametrize("crf", [True, False])
def test_the_loss_of_a_label_is_that_of_its_probability(crf):
    from types import SimpleNamespace

    from unroll.layers.crf import CRF
    from unroll.tasks.tag.output import TagOutput

    torch.manual_seed(1)
    layer = CRF(3).double() if crf else None
    choice = TagOutput(layer)
    for parameter in layer.parameters() if layer else ():
        torch.nn.init.normal_(parameter)
    scores = torch.randn(4, 1, 3, dtype=torch.float64, requires_grad=True)
    batch = SimpleNamespace(lengths=torch.tensor([4]))
    p = choice.probabilities(scores.detach(), batch)
    for label in range(3):
        loss = label_loss(choice, scores, batch, 2, label)
        assert float(loss.detach()) == pytest.approx(-float(p[2, 0, label].log()), rel=1e-6)
        assert float(torch.autograd.grad(loss, scores)[0].abs().max()) > 0
