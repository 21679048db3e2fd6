"""Text that is not UTF-8: told with the encoding that it most likely has."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from unroll.data.files.opening import open_bytes
from unroll.errors import UserError

FOREIGN_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
LOOK = 1 << 24  # bytes that are read to name an encoding
BLOCK = 1 << 20
IN_WORD = re.compile("(?<=[a-z])[\udc80-\udcff]|(?<=[A-Z])[\udc80-\udcff](?=[a-z])")  # not UTF-8
ODD = "\ufffd\u02c6\u02dc\u0192\u2020\u2021\u2030\u00a7"  # no text has them there


def refuse_other_encoding(block: bytes, name: str) -> None:
    """Raises UserError where a file begins with the byte order mark of UTF-16 or UTF-32."""
    for mark, encoding in FOREIGN_MARKS.items():
        if block.startswith(mark):
            raise UserError(
                f"{name} is {encoding}, not UTF-8. Convert it first: iconv -f {encoding} -t UTF-8."
            )


def conversion(path: Path, name: str) -> str:
    """How a file that is not UTF-8 can be converted, as a sentence.

    Bytes 0x80 to 0x9F are quotes, dashes and the euro in Windows-1252; in Latin-1 they are control
    characters, which no text has. Where bytes after small letters would be capitals and signs, the text
    is in none of the two, as MacRoman. Only bytes that are not UTF-8 count, in the first 16 MiB.

    Args:
        path: of the file.
        name: what the user called it, for errors.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.data.files.encoding import conversion
        >>> _ = Path("essay.txt").write_bytes(b"It\\x92s caf\\xe9.")
        >>> conversion(Path("essay.txt"), "essay.txt")
        'Convert the file, if it is of western Europe: iconv -f WINDOWS-1252 -t UTF-8.'
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    encoding, count, letters, others = "LATIN1", 0, 0, 0
    with open_bytes(path, name) as file:
        while encoding == "LATIN1" and count < LOOK and (block := file.read(BLOCK)):
            count += len(block)
            text = decoder.decode(block)
            if any("\udc80" <= each <= "\udc9f" for each in set(text)):
                encoding = "WINDOWS-1252"
            for each in IN_WORD.findall(text):
                letter = bytes([ord(each) - 0xDC00]).decode("cp1252", "replace")
                letters += letter.islower()
                others += letter in ODD or letter.isupper()
    if others > letters:
        return "Its encoding is not known: save it as UTF-8 in the program that wrote it."
    return f"Convert the file, if it is of western Europe: iconv -f {encoding} -t UTF-8."
