"""What can be set of the toy task, and which files look like its data."""

from pathlib import Path
from typing import Any

from pydantic import Field

from unroll.settings import RecurrentSettings


class ToySettings(RecurrentSettings):
    """A network that names the last bit of a line of bits."""

    valid: str | None = Field(None, description="A validation set; left out, every tenth line.")

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        return "lines of bits" if path.suffix == ".bits" else None
