"""One frame of a game: the classical figure on the line, a map with arrows in the plane, and the numbers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from belamy.game.canvas import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    RULE,
    SOFT,
    Canvas,
    Colour,
    with_cover,
)
from belamy.game.moment import Moment

WIDTH, HEIGHT = 960, 600
MARGIN = 24
SIDE = HEIGHT - 2 * MARGIN
"""Of the square plot on the left."""
PANEL = MARGIN + SIDE + 32
"""Where the words on the right begin."""
SHOWN = 700
"""Points of each kind in the plane."""
TICKS = 220
"""Points of the data on the line."""
BRIGHT = np.array([(240, 190, 168), (251, 250, 247), (172, 203, 230)])
"""The discriminator's verdict: generated, undecided, data."""


@dataclass(frozen=True)
class Caption:
    """What does not change from frame to frame.

    Args:
        title: The distribution.
        subtitle: Loss and penalties.
        steps: Of the whole game.
        window: The stretch of each axis.
    """

    title: str
    subtitle: str
    steps: int
    window: tuple[float, float]


def draw_frame(caption: Caption, moments: Sequence[Moment], number: int) -> np.ndarray:
    """Moment ``number`` of a game, uint8 [600, 960, 3].

    Args:
        caption: Titles and scales.
        moments: All of the game, so that curves keep their scale.
        number: Which one is drawn.
    """
    canvas, moment = Canvas(WIDTH, HEIGHT), moments[number]
    if moment.real.shape[1] == 1:
        _draw_line(canvas, caption, moment)
    else:
        _draw_plane(canvas, caption, moment)
    _draw_panel(canvas, caption, moments, number)
    return canvas.array()


def _draw_line(canvas: Canvas, caption: Caption, moment: Moment) -> None:
    low, high = caption.window
    top, base = MARGIN + 6, MARGIN + SIDE * 0.72
    x = MARGIN + (moment.cells.middles - low) / (high - low) * SIDE
    width = moment.cells.edges[1] - moment.cells.edges[0]
    tall = 1.45 * float(moment.cells.real.max())

    def up(values: np.ndarray, whole: float) -> np.ndarray:
        return np.stack([x, np.maximum(base - values / whole * (base - top), top)], 1)

    for share, label in ((0.0, "0"), (0.5, "1/2"), (1.0, "1")):
        y = base - share * (base - top)
        canvas.line(np.array([[MARGIN, y], [MARGIN + SIDE, y]]), RULE if share else FAINT, 1)
        canvas.text(MARGIN + SIDE + 5, y + 4, label, 12, GREEN)
    real, fake = up(moment.cells.real, tall), up(moment.cells.fake, tall)
    corners = np.array([[x[-1], base], [x[0], base]])
    canvas.fill(np.concatenate([real, corners]), with_cover(BLUE, 26))
    canvas.fill(np.concatenate([fake, corners]), with_cover(ORANGE, 38))
    seen = (moment.cells.real + moment.cells.fake) / width > 0.012  # elsewhere p/(p+q) says nothing
    for run in np.split(np.arange(len(x)), np.flatnonzero(np.diff(seen)) + 1):
        if seen[run[0]] and len(run) > 2:
            canvas.dashes(up(moment.cells.optimal, 1.0)[run], with_cover(PURPLE, 210), 1.8)
    canvas.line(up(moment.verdict, 1.0), GREEN, 2.6)
    canvas.line(fake, ORANGE, 2.6)
    canvas.dotted(real, BLUE, 1.9, 7.5)
    _draw_latents(canvas, caption, moment, base)


def _draw_latents(canvas: Canvas, caption: Caption, moment: Moment, base: float) -> None:
    """Data as dots under the axis; below, where the generator sends latents of even shares."""
    low, high = caption.window
    points = MARGIN + (moment.real[:TICKS, 0] - low) / (high - low) * SIDE
    spread = base + 7 + 9 * ((np.arange(len(points)) * 0.618) % 1)
    canvas.dots(np.stack([points, spread], 1), with_cover(BLUE, 130), 1.6)
    upper, lower = base + 30, MARGIN + SIDE - 8
    images = np.clip(moment.images, low, high)
    ends = MARGIN + (images - low) / (high - low) * SIDE
    starts = MARGIN + (moment.latents - low) / (high - low) * SIDE
    for start, end, image in zip(starts, ends, moment.images, strict=True):
        inside = low <= image <= high
        canvas.line(np.array([[start, lower], [end, upper]]), with_cover(ORANGE, 150 if inside else 50), 1.2)
    for y, name in ((upper, "x"), (lower, "z")):
        canvas.line(np.array([[MARGIN, y], [MARGIN + SIDE, y]]), SOFT, 1.3)
        canvas.text(MARGIN + SIDE + 6, y + 4, name, 13, SOFT)
    canvas.dots(np.stack([starts, np.full_like(starts, lower)], 1), SOFT, 1.8)


def _draw_plane(canvas: Canvas, caption: Caption, moment: Moment) -> None:
    low, high = caption.window
    left, top, right, bottom = MARGIN, MARGIN, MARGIN + SIDE, MARGIN + SIDE
    canvas.picture(_shade(moment.verdict)[::-1], left, top, right, bottom)

    def place(points: np.ndarray) -> np.ndarray:
        share = (points - low) / (high - low)
        return np.stack([left + share[:, 0] * SIDE, bottom - share[:, 1] * SIDE], 1)

    canvas.dots(place(_inside(moment.real[:SHOWN], low, high)), with_cover(BLUE, 120), 1.9)
    length = np.hypot(*moment.pushes.T)
    typical = float(np.percentile(length, 90)) or 1.0
    step = SIDE / np.sqrt(len(length))
    for start, push, size in zip(place(moment.places), moment.pushes, length, strict=True):
        if size > 0.02 * typical:
            reach = 0.8 * step * min(1.0, (size / typical) ** 0.5)
            way = np.array([push[0], -push[1]]) / size * reach
            canvas.arrow(start - way / 2, start + way / 2, with_cover(SOFT, 150))
    canvas.dots(place(_inside(moment.fake[:SHOWN], low, high)), with_cover(ORANGE, 190), 1.9)
    canvas.frame(left, top, right, bottom, RULE)


def _inside(points: np.ndarray, low: float, high: float) -> np.ndarray:
    return points[((points > low) & (points < high)).all(1)]


def _shade(verdict: np.ndarray) -> np.ndarray:
    """Colours of verdicts in 0..1, uint8 [rows, columns, 3]."""
    channels = [np.interp(verdict, (0.0, 0.5, 1.0), BRIGHT[:, channel]) for channel in range(3)]
    return np.stack(channels, -1).round().astype(np.uint8)


def _draw_panel(canvas: Canvas, caption: Caption, moments: Sequence[Moment], number: int) -> None:
    moment, right = moments[number], WIDTH - MARGIN
    canvas.text(PANEL, MARGIN + 22, caption.title, 25)
    y = MARGIN + 46.0
    for line in _wrapped(canvas, caption.subtitle, right - PANEL):
        canvas.text(PANEL, y, line, 14, SOFT)
        y += 19
    canvas.text(PANEL, y + 22, f"step {moment.step:,}", 19)
    y += 34
    canvas.box(PANEL, y, right, y + 4, RULE)
    canvas.box(PANEL, y, PANEL + (right - PANEL) * moment.step / caption.steps, y + 4, INK)
    y = _draw_legend(canvas, moment, y + 34)
    for name, key, form in FIGURES:
        if key in moment.facts and moment.facts[key] is not None:
            y = _draw_figure(canvas, moments, number, name, key, form, y)


FIGURES = (
    ("modes covered", "modes_covered", "{:.0f}"),
    ("high quality", "quality", "{:.0%}"),
    ("Wasserstein-1", "wasserstein_1", "{:.3f}"),
    ("Jensen-Shannon", "jensen_shannon", "{:.3f}"),
    ("scores parted", "separation", "{:.2f}"),
    ("|D - 1/2|", "indecision", "{:.3f}"),
    ("|D - D*|", "gap", "{:.3f}"),
)
"""Name, fact and form of the numbers beside the plot."""
ROW = 34


def _draw_figure(
    canvas: Canvas, moments: Sequence[Moment], number: int, name: str, key: str, form: str, y: float
) -> float:
    """A number with its course so far; where the next one goes."""
    facts = moments[number].facts
    words = form.format(facts[key])
    if facts.get("modes") == 1 and key in ("modes_covered", "quality"):
        return y
    if key == "modes_covered":
        words = f"{facts[key]:.0f} of {facts['modes']:.0f}"
    canvas.text(PANEL, y + 20, name, 14, SOFT)
    canvas.text(PANEL + 186, y + 20, words, 16, INK, "rs")
    left, right, top, bottom = PANEL + 202, WIDTH - MARGIN, y + 5, y + 24
    values = np.array([float(moment.facts[key] or 0.0) for moment in moments])
    tall = float(values.max()) or 1.0
    x = np.linspace(left, right, len(values))
    height = bottom - values / tall * (bottom - top)
    canvas.line(np.array([[left, bottom], [right, bottom]]), RULE, 1)
    course = np.stack([x, height], 1)[: number + 1]
    if len(course) > 1:
        canvas.line(course, SOFT, 1.5)
    canvas.dots(course[-1:], ORANGE, 2.6)
    return y + ROW


def _draw_legend(canvas: Canvas, moment: Moment, y: float) -> float:
    """What the marks mean; where the numbers begin."""
    verdict = "discriminator D(x)" if moment.states_belief else "critic's score, stretched"
    if moment.real.shape[1] == 1:
        for row, (kind, colour, words) in enumerate(
            (("dots", BLUE, "data p(x)"), ("line", ORANGE, "generated q(x)"), ("line", GREEN, verdict),
             ("dash", PURPLE, "optimal D*(x) = p / (p + q)"))
        ):  # fmt: skip
            _draw_key(canvas, PANEL, y + 21 * row, kind, colour, words)
        return y + 21 * 4 + 4
    _draw_key(canvas, PANEL, y, "dot", BLUE, "data")
    _draw_key(canvas, PANEL + 120, y, "dot", ORANGE, "generated")
    _draw_key(canvas, PANEL, y + 21, "arrow", SOFT, "where the generator's loss pushes")
    steps = 40
    for index in range(steps):
        red, green, blue = (int(value) for value in _shade(np.array([index / (steps - 1)]))[0])
        canvas.box(PANEL + index * 3, y + 33, PANEL + index * 3 + 3.5, y + 45, (red, green, blue))
    canvas.text(PANEL + 130, y + 43, f"{verdict}, 0 to 1" if moment.states_belief else verdict, 13, SOFT)
    return y + 58


def _draw_key(canvas: Canvas, x: float, y: float, kind: str, colour: Colour, words: str) -> None:
    ends = np.array([[x, y - 5.0], [x + 24, y - 5.0]])
    if kind == "line":
        canvas.line(ends, colour, 2.6)
    elif kind == "dash":
        canvas.dashes(ends, colour, 1.8)
    elif kind == "dots":
        canvas.dotted(ends, colour, 1.9, 7.5)
    elif kind == "dot":
        canvas.dots(np.array([[x + 12.0, y - 5]]), colour, 4)
    else:
        canvas.arrow(ends[0], ends[1], colour)
    canvas.text(x + 32, y, words, 13, SOFT)


def _wrapped(canvas: Canvas, text: str, width: float) -> list[str]:
    """The text in lines no wider than ``width``, broken between words."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and canvas.extent(longer, 14) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
