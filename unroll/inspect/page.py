"""A page of sections that works offline, in light and dark, with its numbers as JSON."""

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
    """One section of a page.

    Attributes:
        kind: names the template `KIND.html` in the assets and, where there are some, its script
            `KIND.js` and its style `KIND.css`.
        title: the heading.
        parts: HTML by the name of a {{placeholder}} of the template.
        data: what the script reads.
    """

    kind: str
    title: str
    parts: Mapping[str, str]
    data: Mapping[str, Any] = field(default_factory=dict)


def render_page(title: str, sections: Sequence[Section], command: str = "") -> str:
    """A page as HTML.

    Args:
        title: of the page.
        sections: one below the other; two or more get a table of contents.
        command: that made the page, to be shown on it.
    """
    several = len(sections) > 1
    kinds = dict.fromkeys(section.kind for section in sections)
    scripts, styles = (
        [read_asset(f"{kind}.{ending}") for kind in kinds if (ASSETS / f"{kind}.{ending}").exists()]
        for ending in ("js", "css")
    )
    scripts.insert(0, read_asset("common.js"))
    parts = {
        "title": html.escape(title),
        "style": "\n".join([read_asset("page.css") + STYLE, *styles]),
        "contents": table_of_contents(sections) if several else "",
        "sections": "\n".join(
            f'<section class="{section.kind}" id="part-{n}">'
            + (f"<h2>{html.escape(section.title)}</h2>" if several else "")
            + fill_template(read_asset(f"{section.kind}.html"), section.parts)
            + "</section>"
            for n, section in enumerate(sections)
        ),
        "command": f"Made by <code>{html.escape(command)}</code>" if command else "",
        "data": script_json(
            {"sections": [{"kind": section.kind, "data": section.data} for section in sections]},
        ),
        "script": "\n".join([*scripts, "begin();"]),
    }
    return fill_template(read_asset("page.html"), parts)


def table_of_contents(sections: Sequence[Section]) -> str:
    """Links to the sections."""
    rows = "".join(
        f'<li><a href="#part-{n}">{html.escape(section.title)}</a></li>'
        for n, section in enumerate(sections)
    )
    return f"<nav><ol>{rows}</ol></nav>"


def fill_template(template: str, parts: Mapping[str, str]) -> str:
    """A template with its placeholders filled in one pass, so that no value can act as one."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def script_json(value: Any) -> str:
    """JSON that is safe inside a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def read_asset(name: str) -> str:
    """The text of a file in the assets."""
    return (ASSETS / name).read_text(encoding="utf-8")
