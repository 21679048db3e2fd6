"""Words of a table lead to files as people write them: ids, folders beside, other machines."""

from pathlib import Path

import pytest

from unroll.data.files.media_paths import (
    AUDIO,
    IMAGES,
    column_of_paths,
    find_media_paths,
    has_suffix,
)


def made(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


@pytest.mark.parametrize(
    ("words", "files", "rule"),
    [
        (["a.wav", "b.wav"], ["a.wav", "b.wav"], ("", "", "")),
        (["LJ1", "LJ2"], ["wavs/LJ1.wav", "wavs/LJ2.wav"], ("wavs", "", ".wav")),
        (["LJ1", "LJ2"], ["LJ1.flac", "LJ2.flac"], ("", "", ".flac")),
        (["a.mp3"], ["clips/a.mp3"], ("clips", "", "")),
        (["clips\\a.wav", "clips\\b.wav"], ["clips/a.wav", "clips/b.wav"], ("", "", "")),
        (["C:\\data\\clips\\a.wav"], ["clips/a.wav"], ("", "C:/data/", "")),
        (["/home/ann/set/clips/a.wav"], ["clips/a.wav"], ("", "/home/ann/set/", "")),
        (["data/clips/a.wav"], ["../data/clips/a.wav"], ("..", "", "")),
        (["a.wav"], ["../wavs/a.wav"], ("../wavs", "", "")),
    ],
)
def test_one_rule_for_all_words(tmp_path, words, files, rule):
    folder = tmp_path / "table"
    folder.mkdir()
    made(folder, *files)
    paths = find_media_paths(words, folder, AUDIO)
    assert (paths.below, paths.prefix, paths.suffix) == rule
    found = [paths.find(word).resolve() for word in words]
    assert found == [(folder / file).resolve() for file in files]
    assert bool(paths.messages("--audio")) == any(rule)


def test_most_words_decide(tmp_path):
    made(tmp_path, "images/a.jpg", "images/b.jpg", "c.jpg")
    paths = find_media_paths(["none.jpg", "a.jpg#0", "a.jpg#1", "b.jpg"], tmp_path, IMAGES)
    assert paths.find("a.jpg#4") == tmp_path / "images" / "a.jpg"
    assert paths.find("c.jpg") == tmp_path / "c.jpg"  # as it is, where that exists
    assert paths.find("none.jpg") == tmp_path / "none.jpg"
    assert find_media_paths(["x.jpg", "y.jpg"], tmp_path, IMAGES) is None
    assert find_media_paths([], tmp_path, IMAGES) is None


def test_files_of_one_name_in_several_folders_are_not_mixed_up(tmp_path):
    made(tmp_path, "a.wav", "ann/a.wav")
    paths = find_media_paths(
        ["/set/ann/a.wav", "/set/bob/a.wav", "/set/ann/a.wav"], tmp_path, AUDIO
    )
    assert paths.find("/set/ann/a.wav") == tmp_path / "ann" / "a.wav"
    assert paths.find("/set/bob/a.wav") == Path("/set/bob/a.wav")  # which is told as missing


def test_files_of_another_kind_and_folders_of_other_names_beside_are_not_taken(tmp_path):
    made(tmp_path, "other/a.wav", "table/text.txt", "table/pages/a.png")
    assert find_media_paths(["a.wav"], tmp_path / "table", AUDIO) is None
    assert find_media_paths(["a", "text.txt"], tmp_path / "table", AUDIO) is None


def test_words_that_can_be_no_path(tmp_path):
    made(tmp_path, "wavs/a.wav")
    for word in ("a\0b.wav", "\ud800.wav", "x" * 900, "/" * 999, "../" * 300):
        assert find_media_paths([word], tmp_path, AUDIO) is None


def test_columns_of_paths():
    rows = [["file", "text"], ["A.WAV", "x"], ["b\\c.wav", "y"], ["bad", "z"]]
    assert column_of_paths(rows, None, AUDIO) == 0
    assert column_of_paths(rows[1:], ["file", "text"], IMAGES) is None
    assert has_suffix(" a.JPG#3 ", IMAGES) and not has_suffix("a.jpg#b", IMAGES)
