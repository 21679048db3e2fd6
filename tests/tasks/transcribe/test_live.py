"""Live sound: chunks of any size give what the whole file gives."""

import numpy as np
import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.tasks.transcribe.live import LiveTranscriber

soundfile = pytest.importorskip("soundfile")


@pytest.mark.parametrize("chunk", [1, 100, 1000, 10**6])
def test_chunks_give_what_the_whole_file_gives(untrained, tmp_path, chunk):
    data, _, network = untrained(streaming=True, subsample=2)
    samples = soundfile.read(tmp_path / "0_3.wav", dtype="float32")[0]
    samples = samples[:1500] if chunk == 1 else samples
    live = LiveTranscriber(network.stream(), data.preprocessor)
    with unroll.backend("loop"):  # nothing of this size is worth compiling
        for at in range(0, len(samples), chunk):
            live.read(samples[at : at + chunk])
        partial, found = live.transcript(), live.finish()
    x = data.preprocessor.features(samples)
    with torch.no_grad():
        whole, _ = network(x[:, None], torch.tensor([len(x)]))
    assert torch.allclose(live.log_probabilities, whole[:, 0], atol=1e-5)
    assert found["text"].startswith(partial["text"]) and found["unit"] == "seconds"


def test_silence_and_wrong_chunks(untrained):
    data, _, network = untrained(streaming=True)
    live = LiveTranscriber(network.stream(), data.preprocessor)
    assert live.rate == 8000 and live.finish()["text"] == ""
    assert live(np.zeros(10))["text"] == ""
    with pytest.raises(UserError, match="expected samples"):
        live(np.zeros((2, 2)))


def test_features_that_need_the_whole_sound_are_refused(untrained):
    data, _, _ = untrained(bidirectional=False)
    with pytest.raises(UserError, match="streaming=true"):
        LiveTranscriber(lambda x: x, data.preprocessor)
