"""The Markdown of a lesson as text for a terminal and as HTML."""

from __future__ import annotations

import io
import re

WIDTH = 80  # characters of a line in a terminal


def as_terminal_text(markdown: str, width: int = WIDTH) -> str:
    """Markdown as lines for a terminal.

    Args:
        markdown: without headings.
        width: of a line, in characters.

    Examples:
        >>> print(as_terminal_text("A cell has a **state** ([more](https://a.org))."))
        A cell has a state (more: https://a.org).
    """
    from rich.console import Console
    from rich.markdown import Markdown

    text = re.sub(r"\[([^\]]+)\]\((https?:[^)]+)\)", r"\1: \2", markdown)
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, force_terminal=False)
    console.print(Markdown(text, hyperlinks=False))
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").split("\n"))


def as_html(markdown: str) -> str:
    """Markdown as HTML; anything that is HTML already is shown as it stands.

    Args:
        markdown: of a lesson.
    """
    from markdown_it import MarkdownIt

    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return html.replace("<pre>", '<pre tabindex="0">')  # so that a keyboard can scroll it
