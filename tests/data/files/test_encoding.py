"""Text in another encoding is told with the encoding that it most likely has."""

import pytest

from unroll.data.files.encoding import conversion, refuse_other_encoding
from unroll.errors import UserError


@pytest.mark.parametrize(
    "content,encoding",
    [
        (b"It\x92s caf\xe9.", "WINDOWS-1252"),
        (b"caf\xe9 and caf\xe9" + b"x" * (1 << 20) + b"\x80 5", "WINDOWS-1252"),
        ("naïve café".encode("latin1"), "LATIN1"),
        # the bytes of good UTF-8, 0x80 to 0x9F among them, say nothing of the others
        ("“quoted” ".encode() + b"caf\xe9", "LATIN1"),
    ],
)
def test_quotes_and_dashes_tell_windows_from_latin(tmp_path, content, encoding):
    (tmp_path / "a.txt").write_bytes(content)
    assert f"iconv -f {encoding} -t UTF-8" in conversion(tmp_path / "a.txt", "a.txt")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_marks_of_other_encodings_are_refused(encoding):
    with pytest.raises(UserError, match=f"a.txt is {encoding.upper()}, not UTF-8"):
        refuse_other_encoding("x".encode(encoding), "a.txt")
    refuse_other_encoding(b"\xef\xbb\xbfx", "a.txt")


def test_an_encoding_that_gives_no_words_is_not_advised(tmp_path):
    text = "Un café à la crème, très près de l'hôtel où naît la forêt."
    (tmp_path / "a.txt").write_bytes(text.encode("mac_roman"))
    assert conversion(tmp_path / "a.txt", "a.txt").startswith("Its encoding is not known")
    for encoding in ("cp1252", "latin1"):
        (tmp_path / "a.txt").write_bytes(text.encode(encoding))
        assert "iconv -f" in conversion(tmp_path / "a.txt", "a.txt")
