"""A game as one HTML page that loads nothing from anywhere."""

from __future__ import annotations

import base64
from html import escape
from importlib.resources import files

import numpy as np

from belamy.game.moment import describe
from belamy.game.record import Record, methods_of_measuring
from belamy.runs.report.plot import line_chart
from belamy.sampling.grid import encode_png

CHARTS = (
    ("Wasserstein-1", "distance", {"Wasserstein-1": "wasserstein_1"}),
    ("Jensen-Shannon divergence", "nats; ln 2 = 0.693 for disjoint distributions", {"JS": "jensen_shannon"}),
    (
        "Distance from the Nash equilibrium",
        "all are 0 there",
        {"scores parted": "separation", "|D - 1/2|": "indecision", "|D - p/(p+q)|": "gap"},
    ),
    ("Modes covered", "modes", {"covered": "modes_covered"}),
    ("High-quality samples", "share within 3 standard deviations", {"share": "quality"}),
)
"""Title, unit and lines by name, of the facts."""
SMOOTH = "img { image-rendering: auto; }"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(record: Record, moving: bytes, kind: str, last: np.ndarray) -> str:
    """The page of a game.

    Args:
        record: The game.
        moving: Its animation, encoded.
        kind: Of the animation: gif or webp.
        last: The last frame, shown to readers who want no motion.
    """
    style = files("belamy.runs.report").joinpath("style.css").read_text(encoding="utf-8")
    title, subtitle = escape(record.caption.title), escape(record.caption.subtitle)
    still = _data("png", encode_png(last))
    numbers = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in describe(record.facts).items()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · Belamy</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><style>{style}{SMOOTH}</style></head>'
        f'<body><main><header><p class="kicker">The adversarial game</p><h1>{title}</h1>'
        f'<p class="lead">{subtitle}, {record.moments[-1].step:,} steps</p>'
        f'<dl class="numbers">{numbers}</dl></header>'
        f'<section id="game"><h2>The game</h2><p class="hint">{escape(_explanation(record))}</p><picture>'
        f'<source srcset="{still}" media="(prefers-reduced-motion: reduce)"><img src="{_data(kind, moving)}" '
        f'alt="The game from its first step to its last" width="960" height="600"></picture></section>'
        f'<section id="course"><h2>Over time</h2><div class="charts">{_charts(record)}</div></section>'
        f'<section id="settings"><h2>Settings</h2>{_table(_settings(record))}</section>'
        f'<section id="measured"><h2>How it was measured</h2>{_table(_measured(record))}</section>'
        "</main></body></html>\n"
    )


def _explanation(record: Record) -> str:
    if record.line:
        return (
            "Dots: the density of the data. Orange: that of the generated points, which come from normal z by the "
            "lines below. Green: the discriminator; dashed: the best answer to the generator as it is, p/(p+q). "
            "At the equilibrium both densities agree and the discriminator is 1/2 everywhere."
        )
    return (
        "Blue: data. Orange: generated points. The ground is the discriminator's verdict, and the arrows are where the "
        "generator's loss would push a point. At the equilibrium both clouds agree and the ground is even."
    )


def _charts(record: Record) -> str:
    drawn = []
    for title, unit, lines in CHARTS:
        series = {
            name: [(moment.step, value) for moment in record.moments if (value := moment.facts.get(key)) is not None]
            for name, key in lines.items()
        }
        series = {name: points for name, points in series.items() if points}
        if series and not ((record.facts.get("modes") or 0) == 1 and title.startswith(("Modes", "High"))):
            drawn.append(f"<figure>{line_chart(series, title, 'steps', unit, False, smooth=False)}</figure>")
    return "".join(drawn)


def _settings(record: Record) -> dict[str, str]:
    fields = record.settings.model_dump(mode="json")
    words = {name: getattr(record.settings, name) for name in fields}
    words["penalties"] = ", ".join(map(str, record.settings.penalties)) or "none"
    return {name.replace("_", " "): str(value) for name, value in words.items() if value is not None}


def _measured(record: Record) -> dict[str, str]:
    said = methods_of_measuring(record.line)
    return {name.replace("_", " "): text for name, text in said.items() if record.facts.get(name) is not None}


def _table(rows: dict[str, str]) -> str:
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
    return f'<table class="facts">{body}</table>'


def _data(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
