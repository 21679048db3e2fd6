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
from unroll.version import __version__

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


def render_page(
    title: str, sections: Sequence[Section], command: str = "", *, cover: str = ""
) -> str:
    """A page as HTML.

    Args:
        title: of the page.
        sections: one below the other; two or more get headings and a table of contents.
        command: that made the page, to be shown at its end.
        cover: one or two sentences below the title that say what the page shows.
    """
    several = len(sections) > 1
    kinds = dict.fromkeys(section.kind for section in sections)
    scripts, styles = (
        [read_asset(f"{kind}.{ending}") for kind in kinds if (ASSETS / f"{kind}.{ending}").exists()]
        for ending in ("js", "css")
    )
    scripts.insert(0, read_asset("common.js"))
    made = f"Made by <code>{html.escape(command)}</code> with " if command else "Made with "
    parts = {
        "title": html.escape(title),
        "cover": f'<p class="cover">{html.escape(cover)}</p>' if cover else "",
        "style": "\n".join([read_asset("page.css") + STYLE, *styles]),
        "contents": table_of_contents(sections) if several else "",
        "kind": "several" if several else "single",
        "sections": "\n".join(
            section_html(section, n, several) for n, section in enumerate(sections)
        ),
        "made": f"{made}unroll {__version__}.",
        "data": script_json(
            {"sections": [{"kind": section.kind, "data": section.data} for section in sections]},
        ),
        "script": "\n".join([*scripts, "begin();"]),
    }
    return fill_template(read_asset("page.html"), parts)


def section_html(section: Section, number: int, several: bool) -> str:
    """A section of a page; the title of a page is also the heading of its only section."""
    body = fill_template(read_asset(f"{section.kind}.html"), section.parts)
    if not several:
        body = re.sub(r"<(/?)h([34])\b", lambda m: f"<{m[1]}h{int(m[2]) - 1}", body)
        return f'<section class="{section.kind}" id="part-{number}">{body}</section>'
    return (
        f'<section class="{section.kind}" id="part-{number}" aria-labelledby="head-{number}">'
        f'<h2 id="head-{number}">{html.escape(section.title)}</h2>{body}</section>'
    )


def table_of_contents(sections: Sequence[Section]) -> str:
    """Links to the sections."""
    rows = "".join(
        f'<li><a href="#part-{n}">{html.escape(section.title)}</a></li>'
        for n, section in enumerate(sections)
    )
    return f'<nav aria-label="Contents"><ol>{rows}</ol></nav>'


def fill_template(template: str, parts: Mapping[str, str]) -> str:
    """A template with its placeholders filled in one pass, so that no value can act as one."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def script_json(value: Any) -> str:
    """JSON that is safe inside a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def read_asset(name: str) -> str:
    """The text of a file in the assets."""
    return (ASSETS / name).read_text(encoding="utf-8")
