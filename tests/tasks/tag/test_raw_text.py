"""Character networks give each word features that know its sentence, and are kept in the run folder."""

import hashlib

import pytest
import torch

import unroll
from unroll.data.characters import CharacterVocabulary
from unroll.errors import UserError
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.raw_text import RECORD, RawText, new_networks
from unroll.training.files import as_json

ALPHABET = CharacterVocabulary("\n aehrsuy")


def fresh(seed=3):
    return RawText(new_networks(len(ALPHABET), 4, seed), ALPHABET, 4)


def test_features_are_states_behind_the_last_and_the_first_character():
    raw, sentence = fresh(), Sentence(("she", "hears", "us"))
    found = raw.features([sentence, Sentence(("she",))])
    assert found.shape == (4, 8) and found.dtype == torch.float16 and raw.size == 8
    ids = torch.from_numpy(ALPHABET.encode("\nshe hears us\n"))[:, None]
    with torch.no_grad():
        forwards, _ = raw.networks.forwards.stack[0](raw.networks.forwards.embedding(ids))
        backwards, _ = raw.networks.backwards.stack[0](
            raw.networks.backwards.embedding(ids.flip(0))
        )
    for word, (first, last) in enumerate(((1, 3), (5, 9), (11, 12))):
        expected = torch.cat([forwards[last, 0], backwards[len(ids) - 1 - first, 0]])
        torch.testing.assert_close(found[word].float(), expected, atol=1e-3, rtol=0)
    assert not torch.equal(found[0], found[3])  # the same word in another sentence


def test_features_of_sentences_that_are_read_before_stay_to_the_bit():
    raw = fresh()
    sentences = [Sentence(("she",) * k) for k in range(1, 6)]
    before = raw.features(sentences)
    assert torch.equal(raw.features(sentences[::-1])[:5], before[-5:])
    assert raw.features([]).shape == (0, 8)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "big.txt"
    path.write_text("She left Oslo. He saw San Marino.\nHe likes Rome.\n" * 40)
    return str(path)


@pytest.mark.parametrize("output", ["crf", "softmax"])
def test_a_run_with_raw_text_resumes_exactly_and_needs_the_text_no_more(
    tmp_path, file, small, text, output
):
    settings = small | {
        "raw": text, "raw_size": 6, "raw_steps": 3, "output": output, "schedule": "constant",
        "warm_up": 0, "evaluate_every": 4,
    }  # fmt: skip
    whole = unroll.train(file, tmp_path / "whole", steps=8, **settings)
    unroll.train(file, tmp_path / "half", steps=4, **settings)
    (tmp_path / "big.txt").unlink()
    half = unroll.train(file, tmp_path / "half", resume=True, steps=8, quiet=True)
    for name, weight in half.model.state_dict().items():
        assert torch.equal(weight, whole.model.state_dict()[name]), name
    loaded = unroll.load(tmp_path / "half")
    assert loaded.predict("She left Oslo.") == half.predict("She left Oslo.")
    assert loaded.evaluate(file)["loss"] == pytest.approx(half.evaluate(file)["loss"])
    weights = tmp_path / "half" / "raw.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(UserError, match=r"raw\.safetensors"):
        unroll.load(tmp_path / "half")


def test_weights_of_another_size_are_refused(tmp_path):
    files = fresh().files()
    files[RECORD] = files[RECORD].replace(b'"size": 4', b'"size": 5')
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (tmp_path / "manifest.json").write_bytes(as_json(hashes))
    with pytest.raises(UserError, match="character networks of 5 units"):
        RawText.load(tmp_path)
