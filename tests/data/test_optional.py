"""An optional package that is missing is named with its install line."""

import sys

import pytest

from unroll.data.optional import EXTRAS, optional
from unroll.errors import UserError


@pytest.mark.parametrize("package", sorted(EXTRAS))
def test_a_missing_package_is_a_sentence_with_the_install_line(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError) as raised:
        optional(package, "reads files")
    message = str(raised.value)
    assert message.startswith("Reads files: this needs the package")
    assert f"pip install 'unroll-rnn[{EXTRAS[package]}]'" in message


def test_a_package_that_is_there_is_imported():
    assert optional("PIL.Image", "reads images").__name__ == "PIL.Image"
