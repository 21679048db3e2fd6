"""The files of a finding: checked before anything is computed, then written."""

import pytest

from unroll.cli.findings import as_flags, checked_files, file_name
from unroll.errors import UserError


def test_files_are_checked_by_flag(tmp_path):
    page, folder = tmp_path / "page.html", tmp_path / "pictures"
    given = {"--out": str(page), "--svg": str(folder), "--csv": None}
    assert checked_files(given, overwrite=False) == {"--out": page, "--svg": folder}
    folder.mkdir()
    assert checked_files(given, overwrite=False)  # an empty folder is free
    page.write_text("mine")
    with pytest.raises(UserError, match=r"page\.html exists already"):
        checked_files(given, overwrite=False)
    assert checked_files(given, overwrite=True)


def test_files_that_cannot_be_written_are_named_by_their_flag(tmp_path):
    with pytest.raises(UserError, match=r"--svg names .* but there is no folder"):
        checked_files({"--svg": str(tmp_path / "gone" / "a.svg")}, overwrite=False)
    (tmp_path / "a.svg").mkdir()
    with pytest.raises(UserError, match=r"--svg names .* which is a folder"):
        checked_files({"--svg": str(tmp_path / "a.svg")}, overwrite=True)
    same = str(tmp_path / "a.csv")
    with pytest.raises(UserError, match="--out and --csv name the same file"):
        checked_files({"--out": same, "--csv": same}, overwrite=False)


def test_given_settings_are_typed_as_one_would():
    given = {"forget_bias": 1.0, "noise": True, "near": ["a", "b"]}
    assert as_flags(given) == ["--forget-bias", "1.0", "--noise", "--near", "a", "--near", "b"]
    assert file_name("layer 1/c'") == "layer_1_c_"
