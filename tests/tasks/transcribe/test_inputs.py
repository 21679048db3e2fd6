"""Files to transcribe: alone, in a folder, in a table that may name speakers."""

from pathlib import Path

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.transcribe.inputs import TranscribeInput, parse_input, read_inputs


def test_an_input_is_a_path_or_an_object_with_one():
    assert parse_input("a.wav") == parse_input({"path": "a.wav"}) == TranscribeInput("a.wav")
    for value in (3, {"sound": "a.wav"}, None):
        with pytest.raises(UserError, match="expected the path of a file"):
            parse_input(value)


def test_a_table_is_scaled_by_its_speakers(tmp_path, speech_data):
    data, settings = speech_data(speaker="who")
    found = list(read_inputs(str(tmp_path / "speech.csv"), data.preprocessor, settings))
    assert np.array_equal(found[0].scale[0], found[2].scale[0])
    assert not np.array_equal(found[0].scale[0], found[1].scale[0])
    Path(tmp_path / "nobody.csv").write_text("path\n0_0.wav\n0_1.wav\n")
    unknown = list(read_inputs(str(tmp_path / "nobody.csv"), data.preprocessor, settings))
    assert [file.scale for file in unknown] == [None, None]
    assert unknown[1].where.endswith("nobody.csv, line 3")
    other = settings.model_copy(update={"speaker": "words"})
    found = next(read_inputs(str(tmp_path / "speech.csv"), data.preprocessor, other))
    assert found.scale is not None


def test_a_folder_and_a_file(tmp_path, speech_data):
    data, settings = speech_data()
    assert len(list(read_inputs(str(tmp_path), data.preprocessor, settings))) == 12
    path = str(tmp_path / "0_3.wav")
    assert list(read_inputs(path, data.preprocessor, settings)) == [TranscribeInput(path)]
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UserError, match=r"has no file that ends in \.wav"):
        list(read_inputs(str(tmp_path / "nothing"), data.preprocessor, settings))


def test_a_table_is_read_in_the_columns_of_the_run(tmp_path, speech_data):
    data, settings = speech_data()
    settings = settings.model_copy(update={"audio": "sound", "text": "words"})
    path = tmp_path / "two.csv"
    path.write_text("sound,raw,words,note\n0_0.wav,0_1.wav,a,b\n")
    found = [Path(file.path).name for file in read_inputs(str(path), data.preprocessor, settings)]
    assert found == ["0_0.wav"]
    path.write_text("clean,raw\n0_0.wav,0_1.wav\n")
    with pytest.raises(UserError, match="columns clean, raw; the run reads its audio in column"):
        list(read_inputs(str(path), data.preprocessor, settings))
    path.write_text("0_0.wav,a\n0_1.wav,b\n")
    assert len(list(read_inputs(str(path), data.preprocessor, settings))) == 2
    other = settings.model_copy(update={"image": "clean"})
    with pytest.raises(UserError, match="the run was trained on --audio"):
        list(read_inputs(str(path), data.preprocessor, other))
