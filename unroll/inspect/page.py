"""The page: sections of HTML that work offline, in light and dark, with their numbers as JSON."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unroll.inspect.drawing import STYLE

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Section:
    """A part of a page.

    kind: `KIND.html` in the assets is its form, whose {{places}} `parts` fills with HTML, and
    `KIND.js`, where there is one, brings it to life. data: what that script reads.
    """

    kind: str
    title: str
    parts: Mapping[str, str]
    data: Mapping[str, Any] = field(default_factory=dict)


def page(title: str, sections: Sequence[Section], command: str = "") -> str:
    """One page. command: how it was made, in words of a shell."""
    several = len(sections) > 1
    kinds = dict.fromkeys(section.kind for section in sections)
    scripts = [asset("common.js")]
    scripts += [asset(f"{kind}.js") for kind in kinds if (ASSETS / f"{kind}.js").exists()]
    parts = {
        "title": html.escape(title),
        "style": asset("page.css") + STYLE,
        "contents": contents(sections) if several else "",
        "sections": "\n".join(
            f'<section class="{section.kind}" id="part-{n}">'
            + (f"<h2>{html.escape(section.title)}</h2>" if several else "")
            + filled(asset(f"{section.kind}.html"), section.parts)
            + "</section>"
            for n, section in enumerate(sections)
        ),
        "command": f"Made by <code>{html.escape(command)}</code>" if command else "",
        "data": as_json(
            {"sections": [{"kind": one.kind, "data": one.data} for one in sections]},
        ),
        "script": "\n".join([*scripts, "begin();"]),
    }
    return filled(asset("page.html"), parts)


def contents(sections: Sequence[Section]) -> str:
    """Where everything is."""
    rows = "".join(
        f'<li><a href="#part-{n}">{html.escape(section.title)}</a></li>'
        for n, section in enumerate(sections)
    )
    return f"<nav><ol>{rows}</ol></nav>"


def filled(form: str, parts: Mapping[str, str]) -> str:
    """The form with its places filled: in one pass, so that nothing that a text or a name holds is
    taken for a place."""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], form)


def as_json(value: Any) -> str:
    """JSON that may stand in a script element, whatever a name holds."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
