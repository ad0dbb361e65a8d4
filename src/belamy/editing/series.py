"""Series along a direction as pictures, and the page of directions."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np
import torch
from torch import Tensor

from belamy.editing.directions import Directions
from belamy.editing.leakage import Leakage
from belamy.runs.report import document
from belamy.sampling.grid import grid
from belamy.sampling.picture import Picture

STYLE = """
.series img { width: 100%; }
.series figure { margin-bottom: 34px; }
.heat td, .heat th { padding: 6px 10px; text-align: right; font-variant-numeric: tabular-nums; }
.heat th[scope=row] { text-align: left; }
.heat td { background: color-mix(in srgb, var(--tint) var(--much), transparent); border-right: 2px solid var(--paper); }
.heat td.own { outline: 2px solid var(--accent); outline-offset: -3px; }
.scroll { overflow-x: auto; }
"""
PAD = 2
STRONGEST = 1.5
"""Shift per step, in standard deviations, from which on the colour is full."""


def strips(
    render: Callable[[Tensor], Tensor], latents: Tensor, directions: Directions, alphas: Sequence[float]
) -> dict[str, Picture]:
    """One picture for each direction: a row for each latent, a column for each step.

    Args:
        render: Latents to uint8 images.
        latents: Where the rows begin.  # [n, latent]
        directions: Where they go.
        alphas: Steps.
    """
    steps = torch.tensor(alphas)
    found = {}
    for name, vector in zip(directions.names, directions.vectors, strict=True):
        points = latents[:, None] + steps[None, :, None] * vector  # [n, steps, latent]
        images = render(points.flatten(0, 1))
        captions = [f"{alpha:+g}" if alpha else "0" for alpha in alphas]
        rows, last = images[: -len(alphas)], images[-len(alphas) :]  # captions under the last row alone
        sheet = grid(last, columns=len(alphas), scale=None, captions=captions)
        if len(rows):
            sheet = np.concatenate([grid(rows, columns=len(alphas), scale=None, pad=PAD)[:-PAD], sheet])
        found[name] = Picture(sheet)
    return found


def page(title: str, lead: str, pictures: Mapping[str, Picture], facts: Mapping[str, object], leaks: Leakage) -> str:
    """One self-contained HTML page: the series, and what else changed."""
    head = (
        f'<header><p class="kicker">Belamy directions</p><h1>{escape(title)}</h1>'
        f'<p class="lead">{escape(lead)}</p></header>'
    )
    figures = "".join(_figure(name, picture, facts.get(name)) for name, picture in pictures.items())
    hint = "Each row begins, where the step is 0, with one latent; 1 is a standard deviation of the latents along it."
    series = (
        f'<section id="series"><h2>Series</h2><p class="hint">{hint}</p><div class="series">{figures}</div></section>'
    )
    return document(title, head, [series, _matrix(leaks), _kept(leaks)], STYLE)


def _figure(name: str, picture: Picture, facts: object) -> str:
    source = base64.b64encode(picture.png).decode()
    told = ", ".join(f"{key} {value}" for key, value in facts.items()) if isinstance(facts, Mapping) else ""
    caption = f"{name}: {told}" if told else name
    return (
        f'<figure><button type="button" class="look"><img src="data:image/png;base64,{source}" alt="{escape(name)}">'
        f"</button><figcaption>{escape(caption)}</figcaption></figure>"
    )


def _matrix(leaks: Leakage) -> str:
    rows = [
        (name, [(float(value), f"{float(value):+.2f}") for value in row])
        for name, row in zip(leaks.directions, leaks.matrix, strict=True)
    ]
    hint = (
        "What one step along a direction (row) changes by the word of independent observers (column), in standard "
        "deviations of the unmoved images; for observers of more than two values, the share of images with another "
        "verdict. A direction that changes its own attribute alone has colour in the framed cell only."
    )
    return _table("leakage", "Leakage", hint, leaks, rows, STRONGEST)


def _kept(leaks: Leakage) -> str:
    steps = torch.tensor(leaks.alphas, dtype=torch.float64)
    near = int((steps - steps.max() / 2).abs().argmin())
    rows = [
        (name, [(1 - float(value), f"{float(value):.0%}") for value in leaks.kept[place, near]])
        for place, name in enumerate(leaks.directions)
    ]
    hint = f"Share of images whose verdict stays at a step of {leaks.alphas[near]:+g}."
    return _table("kept", "Kept", hint, leaks, rows, 1.0)


def _table(
    word: str, heading: str, hint: str, leaks: Leakage, rows: Sequence[tuple[str, list[tuple[float, str]]]], full: float
) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in leaks.predictors)
    body = []
    for name, cells in rows:
        made = "".join(
            f'<td{" class=own" if predictor == name else ""} style="--tint: var(--s{1 if value > 0 else 0}); '
            f'--much: {min(abs(value) / full, 1) * 70:.0f}%">{text}</td>'
            for predictor, (value, text) in zip(leaks.predictors, cells, strict=True)
        )
        body.append(f'<tr><th scope="row">{escape(name)}</th>{made}</tr>')
    table = f'<table class="heat"><thead><tr><th></th>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    return (
        f'<section id="{word}"><h2>{heading}</h2><p class="hint">{escape(hint)}</p>'
        f'<div class="scroll">{table}</div></section>'
    )
