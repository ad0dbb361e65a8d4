"""The pictures of a method's networks as one HTML page that loads nothing from anywhere."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from belamy.evaluation.visualisation.picture import Sheet
from belamy.runs.report import document
from belamy.sampling.grid import encode_png

KINDS = {
    "filters": (
        "Filters",
        "The weights that meet the pixels. Grey is 0; each filter is scaled by its own largest weight, and the largest "
        "come first.",
    ),
    "activations": (
        "Activations",
        "What one input does in each layer. Black is the layer's lowest value, white its highest; of many maps the "
        "most lively are shown.",
    ),
    "maximisation": (
        "What units look for",
        "Inputs changed by gradient ascent until a unit answers as strongly as it can, smoothed and moved about so "
        "that they stay natural. They are what the unit answers to, not what it has seen.",
    ),
}
"""Heading and explanation of each kind."""
STYLE = """
.sheets { display: grid; gap: 30px 40px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.sheets { align-items: start; }
"""


def render(title: str, lead: str, pictures: Sequence[Sheet]) -> str:
    """The page: a section for each network, in it filters, activations and what units look for.

    Args:
        title: What was looked into.
        lead: A sentence on what was shown to it.
        pictures: The sheets.
    """
    head = (
        f'<header><p class="kicker">Belamy network pictures</p><h1>{escape(title)}</h1>'
        f'<p class="lead">{escape(lead)}</p></header>'
    )
    networks = dict.fromkeys(picture.network for picture in pictures)
    return document(title, head, [_network(name, pictures) for name in networks], STYLE)


def _network(name: str, pictures: Sequence[Sheet]) -> str:
    parts = []
    for kind, (heading, hint) in KINDS.items():
        mine = [picture for picture in pictures if (picture.network, picture.kind) == (name, kind)]
        if mine:
            sheets = "".join(map(_figure, mine))
            parts.append(f'<h3>{heading}</h3><p class="hint">{escape(hint)}</p><div class="sheets">{sheets}</div>')
    word = "".join(letter if letter.isalnum() else "_" for letter in name)
    return f'<section id="{word}"><h2>{escape(name.capitalize())}</h2>{"".join(parts)}</section>'


def _figure(picture: Sheet) -> str:
    source = base64.b64encode(encode_png(picture.pixels)).decode()
    title = escape(picture.title)
    return (
        f'<figure><button type="button" class="look"><img src="data:image/png;base64,{source}" alt="{title}"></button>'
        f"<figcaption>{title}</figcaption></figure>"
    )
