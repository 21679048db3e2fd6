from pathlib import Path

import torch
from safetensors.torch import load_file

import unroll
from unroll.inspect.probing.label_files import LabelledText
from unroll.inspect.probing.read_texts import (
    SampledTexts,
    own_data,
    padded_batches,
    read_with,
    sample_of_file,
    sample_of_labelled,
    untrained_network,
    words_are_tokens,
)
from unroll.inspect.recorded_text import record_text
from unroll.training.report import QuietReport


def test_texts_side_by_side_are_read_as_alone(language):
    texts = ["A rose.", "All leaves went on.", "gold"]
    labelled = [LabelledText(list(text), [0.0] * len(text), [""] * len(text)) for text in texts]
    found = read_with(language, sample_of_labelled(language, labelled, "texts"))
    assert ["".join(tokens) for tokens in found.tokens] == texts and not found.spaced
    assert found.parts == {f"layer {k} {f}": 8 for k in (1, 2) for f in "hc"}
    for n, text in enumerate(texts):
        alone = torch.cat([s[:, 0] for s in record_text(language, text).states.values()], 1)
        own = found.activations[found.blocks == n]
        torch.testing.assert_close(own, alone, atol=1e-6, rtol=1e-5)


def test_a_sample_of_the_runs_own_file(language, tagger, classifier):
    path = own_data(language)
    found = read_with(language, sample_of_file(language, path, 1600))
    assert len(found.tokens) == 16 and len(found.activations) == 1600
    assert int(found.second_half.sum()) == 800
    for run in (tagger, classifier):
        assert words_are_tokens(run)
        read = read_with(run, sample_of_file(run, own_data(run)))
        assert len(read.activations) == sum(map(len, read.tokens)) > 100
        assert read.activations.shape[1] == sum(read.parts.values()) == len(read.labels())


def test_padding_keeps_order_and_lengths():
    ids = [torch.arange(n).numpy() for n in (3, 9, 5)]
    (batch,) = padded_batches(ids, 1)
    assert batch.blocks == [0, 2, 1] and batch.lengths == [2, 4, 8] and batch.ids.shape == (9, 3)


def test_the_untrained_network_is_what_the_run_began_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("A rose is a rose. " * 60)
    run = unroll.train(
        "text.txt", hidden=8, steps=1, seed=3, block=16, floor="none", threads=1, backend="loop",
        report=QuietReport(),
    )  # fmt: skip
    begun = load_file(run.path / "checkpoints" / "step-000000000" / "model.safetensors")
    before = torch.get_rng_state()
    fresh = untrained_network(run).state_dict()
    assert fresh.keys() == begun.keys()
    for name, tensor in begun.items():
        assert torch.equal(fresh[name], tensor), name
    assert torch.equal(before, torch.get_rng_state())


def test_a_word_of_one_letter_alone(tagger):
    read = read_with(tagger, SampledTexts("it", inputs=[["?"], ["Ann", "sees"]]))
    assert read.tokens == [["?"], ["Ann", "sees"]] and all("letters" not in n for n in read.parts)
    assert read.activations.shape == (3, sum(read.parts.values()))
