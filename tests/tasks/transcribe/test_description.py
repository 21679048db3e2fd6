"""What a run says of its data."""

from dataclasses import replace

from unroll.data.problems import Problems
from unroll.tasks.transcribe.description import check_report, describe, metadata


def test_every_choice_is_said_with_its_flag(speech_data):
    data, settings = speech_data()
    sentences = " ".join(describe(data, settings))
    assert "Training set: 11 recordings. Validation set: a tenth of the records" in sentences
    assert "path: column path (change by --audio)" in sentences
    assert "one frame every 10 ms" in sentences and "in both directions" in sentences
    assert "Small data set: 40 epochs" in sentences


def test_how_far_training_changes_sounds_is_said(speech_data):
    data, settings = speech_data()
    sentence = next(s for s in describe(data, settings) if s.startswith("Training changes sounds"))
    assert "as unknown speakers in 0.00" in sentence and "speed by 15%" in sentence
    assert "vocal tract by 20% at most, noise in 50%, stripes of 20% masked" in sentence
    data, settings = speech_data(speaker="who", vocal_tract=0.0)
    sentence = next(s for s in describe(data, settings) if s.startswith("Training changes sounds"))
    assert "as 2 speakers in" in sentence and "vocal tract by 0% at most" in sentence


def test_other_rates_and_channels_are_said(speech_data):
    data, settings = speech_data()
    other = replace(data, rates={8000: 11, 16000: 1}, mixed=1)
    sentences = " ".join(describe(other, settings))
    assert "1 sound has 16,000 Hz, resampled to 8,000 Hz" in sentences
    assert "1 sound has several channels, mixed to one." in sentences


def test_metadata_and_report(speech_data):
    data, _ = speech_data()
    found = metadata(data)
    assert found["records"] == 12 and found["hours"] > 0
    report = check_report(data, Problems(skip=True))
    assert report["rows"] == 12 and report["duplicates"] == 0 and report["units"] == "char"
