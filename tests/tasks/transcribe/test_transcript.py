"""Transcripts: times of words, and the line that people read."""

from unroll.tasks.transcribe.ctc import Labelling
from unroll.tasks.transcribe.log_mel import LogMel
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor
from unroll.tasks.transcribe.transcript import format_transcript, make_transcript


def test_words_of_a_sound_have_seconds():
    preprocessor = TranscribePreprocessor(
        "audio", "word", ["low", "top"], subsample=2, mel=LogMel(8000)
    )
    found = make_transcript(preprocessor, Labelling([1, 2], [(0, 4), (9, 10)], -0.5, -0.5))
    assert found["text"] == "low top" and found["unit"] == "seconds"
    assert [(word["start"], word["end"]) for word in found["words"]] == [(0, 0.1), (0.18, 0.22)]
    line = format_transcript({"path": "a.wav", **found})
    assert line == "a.wav\tlow top\t(low 0-0.1s top 0.18-0.22s)"


def test_a_skipped_file_is_a_comment():
    line = format_transcript({"path": "a.wav", "error": "a.wav is empty."})
    assert line == "# skipped: a.wav is empty."
