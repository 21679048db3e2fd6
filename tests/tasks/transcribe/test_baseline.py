"""The baseline in the run folder: the most frequent text and the hashes of the training set."""

import json

import pytest

from unroll.errors import UserError
from unroll.tasks.transcribe.baseline import fit_baseline, load_baseline


def test_it_knows_the_training_set_again(speech_data, tmp_path, monkeypatch):
    data, _ = speech_data()
    ((name, content),) = fit_baseline(data.train).items()
    assert set(json.loads(content)) == {"commonest", "train"}  # the format of the first version
    (tmp_path / name).write_bytes(content)
    (tmp_path / "manifest.json").write_text(json.dumps({name: "0" * 64}))
    with pytest.raises(UserError, match="baseline of the run is damaged"):
        load_baseline(tmp_path)
    read = lambda path, name: (path / name).read_bytes()  # noqa: E731
    monkeypatch.setattr("unroll.training.folder.read_whole", read)
    baseline = load_baseline(tmp_path)
    assert baseline.most_frequent in {record.text for record in data.train.records}
    assert baseline.count_known(data.train.records) == 11
    assert baseline.count_known(data.valid.records) == 0
