"""The one place that writes HTML and charts: plain facts go in, one self-contained page comes out.

A page loads nothing from anywhere, runs no script but the house's own, follows light and dark, and reads well on a
telephone, by keyboard, and without script. Everything that is put into a template is escaped: no text of a user is
ever markup. A room that makes a page has a template here and gives it numbers, words, pictures and charts.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from belamy.pages.pictures import played_once, source
from belamy.pages.words import said

if TYPE_CHECKING:
    from jinja2 import Environment

    from belamy.modalities.fields import Media

__all__ = ["file_text", "fragment", "page"]


def page(template: str, title: str, **facts: Any) -> str:
    """A whole page.

    Args:
        template: Its name among the templates, without the ending.
        title: Of the window.
        facts: What the template shows.

    Example:
        >>> page("pretraining", "auto", lead_text="…", chart="", starts=["scratch"], seeds=[["98 %"]])[:15]
        '<!doctype html>'
    """
    style, script = file_text("style.css"), file_text("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    house = {"style": Markup(style), "script": Markup(script), "digest": digest, "contents": []}
    made = _environment().get_template(f"{template}.html").render(title=title, **house, **facts)
    return made.encode(errors="backslashreplace").decode()  # a name may hold bytes that are no UTF-8


def fragment(template: str, **facts: Any) -> str:
    """What a template makes of facts alone: a part of a page, as notebooks show it, or a page that a server sends."""
    return _environment().get_template(f"{template}.html").render(contents=[], **facts)


@cache
def file_text(name: str) -> str:
    """The text of a file that lies in this room, such as the style sheet."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("belamy.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"said": said, "breakable": _breakable, "prose": _prose, "word": _word}
    made.filters |= {"source": source, "played_once": played_once, "address": _address, "text": _text}
    return made


def _address(media: Media) -> str:
    """A file within the page."""
    return f"data:{media.mime};base64,{base64.b64encode(media.data).decode()}"


def _text(data: bytes) -> str:
    """The text of a file."""
    return data.decode("utf-8", "replace")


def _breakable(text: object) -> Markup:
    """Escaped, with places where a narrow column may break a long name or setting."""
    return _marked("([_.,:/])", r"\1<wbr>", text)


def _prose(text: object) -> Markup:
    """Escaped, with `commands` set as code."""
    return _marked("`([^`]+)`", r"<code>\1</code>", text)


def _marked(pattern: str, markup: str, text: object) -> Markup:
    return Markup(re.sub(pattern, markup, str(escape(text))))


def _word(text: object) -> str:
    """A name that an address within the page may end with."""
    return re.sub(r"\W", "_", str(text))
