import inspect

import pytest

from unroll.cli.finding_options import Reported, given_flags, given_values, reports_finding
from unroll.errors import UserError
from unroll.inspect import walk_of_cell


def test_only_what_was_given_is_named():
    assert given_values(a=1, b=None, c=0) == {"a": 1, "c": 0}
    assert given_flags(steps=3, near=["a", "b"], device=None) == [
        "--steps", "3", "--near", "a", "--near", "b"
    ]  # fmt: skip


def test_a_command_gets_the_flags_of_files_and_its_files_are_checked_first(tmp_path, capsys):
    called = []

    @reports_finding("cell.html")
    def command(name: str, device: str | None = None) -> Reported:
        """Its help."""
        called.append(name)
        return Reported(
            walk_of_cell(name, "ab", hidden=2), ["unroll", "inspect", "cell", name, "ab"]
        )

    names = list(inspect.signature(command).parameters)
    assert names == ["name", "device", "out", "svg", "csv", "png", "overwrite", "json"]
    assert command.__doc__ == "Its help."
    with pytest.raises(UserError, match="there is no folder"):
        command(name="rnn", out=str(tmp_path / "none" / "page.html"))
    assert called == []
    command(name="rnn", svg=str(tmp_path / "cell.svg"))
    assert (tmp_path / "cell.svg").read_text().startswith("<svg")
    command(name="rnn")
    assert "unroll inspect cell rnn ab --out cell.html" in capsys.readouterr().out
