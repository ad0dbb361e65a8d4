"""The whole page: one HTML file that loads nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from belamy.runs.report import sections, watch
from belamy.runs.report.facts import ReportFacts

PARTS = (
    sections.pictures,
    watch.findings,
    sections.curves,
    sections.filmstrip,
    sections.recipe,
    sections.networks,
    sections.data,
    sections.environment,
    sections.reproduce,
    sections.journal,
)


def render(facts: ReportFacts) -> str:
    """A run as one self-contained HTML page, for light and dark, wide and narrow, with and without script.

    Example:
        >>> render(ReportFacts("digits", "gan"))[:15]
        '<!doctype html>'
    """
    parts = [part for part in (make(facts) for make in PARTS) if part]
    return document(facts.recipe_name, f"{sections.header(facts)}{sections.progress(facts)}", parts)


def document(title: str, head: str, parts: Sequence[str], style: str = "") -> str:
    """One self-contained page in the house's style.

    Its content security policy lets it load nothing and run no script but its own, whatever is written in it.

    Args:
        title: Of the window.
        head: HTML above the table of contents.
        parts: HTML of the sections, ``<section id="word"><h2>Heading</h2> …``.
        style: More CSS.
    """
    usual, script = (_text(name) for name in ("style.css", "script.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · Belamy</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<style>{usual}{style}</style></head><body><main>{head}{_contents(parts)}"
        f'{"".join(parts)}</main><dialog><img alt=""><p></p></dialog><script>{script}</script></body></html>\n'
    )


def _contents(parts: Sequence[str]) -> str:
    """Links to the sections, read from their own headings."""
    headings = (re.match(r'<section id="(\w+)"><h2>(.*?)</h2>', part) for part in parts)
    links = "".join(f'<a href="#{found[1]}">{found[2]}</a>' for found in headings if found)
    return f'<nav aria-label="Contents">{links}</nav>' if links else ""


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
