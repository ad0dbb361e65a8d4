"""What a unit looks for: an image, or a latent, that is changed until the unit answers as strongly as it can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.visualisation.picture import Sheet, shades
from belamy.evaluation.visualisation.subject import CLASSES, OUTPUT, SCORE, Subject
from belamy.methods.base import Classifies, from_range
from belamy.modalities.grid import grid
from belamy.seeds import generator

LAYERS = 4
"""Hidden layers with maps whose units are shown where no layer is asked for."""
MAPS, VECTORS = 3, 2
"""Axes of a layer's answer to one input that is maps, and of an answer to a batch that is vectors."""
STARTS = 8
"""Images of one unit from different beginnings, where a network has no more units."""


@dataclass(frozen=True)
class Ascent:
    r"""Gradient ascent on pixels, kept natural by a prior and by moving the image about.

    .. math:: x \leftarrow x + \eta\Bigl(\frac{g}{\mathrm{rms}(g)} - \lambda\,\nabla TV(x) - \mu\,(x - b)\Bigr),
        \qquad g = \nabla_x\, a(\tau x)

    with a the unit's mean answer, τ a random shift of up to ``jitter`` pixels, TV the squared differences of
    neighbours, and b the mean image. Latents are moved alike without the prior, and keep their length.

    References:
        Erhan et al. 2009, "Visualizing higher-layer features of a deep network"; classes: Simonyan et al. 2013,
        arXiv 1312.6034, section 2; total variation and jitter: Mahendran & Vedaldi 2015, arXiv 1512.02017, sections 3
        and 4; through a generator: Nguyen et al. 2016, arXiv 1605.09304.

    Args:
        steps: How many.
        rate: η, on the scale [-1, 1].
        smoothness: λ.
        pull: μ.
        jitter: In pixels; None is a sixteenth of the side.
    """

    steps: int = 160
    rate: float = 0.05
    smoothness: float = 1.0
    pull: float = 0.3
    jitter: int | None = None

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.rate > 0 or min(self.smoothness, self.pull, self.jitter or 0) < 0:
            raise UsageError(
                f"The ascent has {self.steps} steps of {self.rate:g}, smoothness {self.smoothness:g}, pull "
                f"{self.pull:g} and jitter {self.jitter}, but there must be a step of some size, and nothing negative."
            )


@dataclass(frozen=True)
class Goal:
    """A unit to maximise.

    Args:
        title: What it is called under its picture.
        unit: Its number.
        sign: -1 to minimise.
        label: What a network that is told classes is told.
    """

    title: str
    unit: int
    sign: float = 1.0
    label: int | None = None


def maximised(
    subject: Subject,
    layer: str | None,
    units: int,
    background: Tensor,
    label: int | None = None,
    seed: int = 0,
    ascent: Ascent = Ascent(),
) -> Iterator[Sheet]:
    """A sheet for the output, if the network sees images, and for each of some layers; or for one layer.

    Args:
        subject: The network.
        layer: Its name; None for the output and some layers.
        units: Units of a layer, at most.
        background: b of :class:`Ascent`.  # [C, H, W] in [-1, 1]
        label: What a network that is told classes is told, where its units are no classes.
        seed: Of the beginnings.
        ascent: How.
    """
    if layer is not None and layer not in subject.layers:
        return
    inner = list(subject.layers)[: None if subject.sees else -1]  # a generator's last layer is the image
    hidden = [name for name in inner if len(subject.layers[name].shape) == MAPS]
    chosen = [layer] if layer is not None else hidden[-LAYERS:] if subject.sees else hidden[:LAYERS]
    with torch.no_grad():
        said = subject.answer(subject.inputs(2), None) if layer is None and subject.sees else {}
    for name, answer in said.items():
        if answer.dim() == VECTORS:
            yield _sheet(
                subject, name, goals_of_output(subject, name, answer.shape[1], units), background, seed, ascent
            )
    for name in chosen:
        goals = [Goal(f"{unit}", unit, 1.0, label) for unit in range(min(units, subject.layers[name].shape[0]))]
        yield _sheet(subject, name, goals, background, seed, ascent)


def goals_of_output(subject: Subject, name: str, count: int, units: int) -> list[Goal]:
    """The units of what a network says."""
    classes = subject.method.spec.classes
    if name == SCORE:
        if subject.classes:
            return [Goal(f"{each}: real", 0, 1.0, number) for number, each in enumerate(classes[:units])]
        both = ((1.0, "most real"), (-1.0, "least real"))
        return [Goal(title, 0, sign) for sign, title in both for _ in range(STARTS // 2)]
    if name == CLASSES or isinstance(subject.method, Classifies):
        return [
            Goal(each, number, 1.0, number if subject.classes else None) for number, each in enumerate(classes[:units])
        ]
    return [Goal(f"{unit} {mark}", unit, sign) for unit in range(min(units // 2 or 1, count))
            for sign, mark in ((1.0, "+"), (-1.0, "-"))]  # fmt: skip


def climb(
    subject: Subject, layer: str, goals: list[Goal], background: Tensor, seed: int, ascent: Ascent
) -> tuple[Tensor, Tensor, Tensor]:
    """The inputs that were found, and how strongly their units answered at first and in the end.

    Returns:
        Images in [-1, 1] or latents ``[n, …]``, and two times ``[n]``.
    """
    x = subject.inputs(len(goals), seed)
    x = (x + background.to(x)).clamp(-1, 1) if subject.sees else x
    background, length = background.to(x), x.norm(dim=1, keepdim=True)
    labels = torch.tensor([goal.label or 0 for goal in goals]) if subject.labelled else None
    reach = ascent.jitter if ascent.jitter is not None else max(1, max(subject.method.spec.shape[1:]) // 16)
    before = answered(subject, layer, goals, x, labels).detach()
    for step in range(ascent.steps):
        shift = torch.randint(-reach, reach + 1, (2,), generator=generator(seed, "jitter", step)).tolist()
        x = x.detach().requires_grad_(True)
        moved = x.roll(shift, (2, 3)) if subject.sees else x
        (slope,) = torch.autograd.grad(answered(subject, layer, goals, moved, labels).sum(), x)
        slope = slope / slope.flatten(1).square().mean(1).sqrt().clamp_min(1e-12).view(-1, *[1] * (x.dim() - 1))
        with torch.no_grad():
            if subject.sees:
                slope = slope - ascent.smoothness * roughness_slope(x) - ascent.pull * (x - background)
                x = (x + ascent.rate * slope).clamp(-1, 1)
            else:
                x = x + ascent.rate * slope
                x = x * (length / x.norm(dim=1, keepdim=True))
    x = x.detach()
    return x, before, answered(subject, layer, goals, x, labels).detach()


def answered(subject: Subject, layer: str, goals: list[Goal], inputs: Tensor, labels: Tensor | None) -> Tensor:
    """How strongly the unit of each goal answers to its input, the mean over a map.  # [n]"""
    inner = [layer] if layer not in (OUTPUT, SCORE, CLASSES) else []
    said = subject.responses(inputs, labels, inner)[layer]
    mine = said[torch.arange(len(goals)), torch.tensor([goal.unit for goal in goals])]
    signs = torch.tensor([goal.sign for goal in goals]).to(mine)
    return signs * (mine.flatten(1).mean(1) if mine.dim() > 1 else mine)


def columns(count: int) -> int:
    """Cells in a row of a sheet that is about as wide as half a page.

    Example:
        >>> columns(3), columns(10), columns(16)
        (3, 5, 8)
    """
    return (count + 1) // 2 if 5 < count <= 10 else min(count, 8)


def roughness_slope(images: Tensor) -> Tensor:
    r"""Gradient of half the summed squared differences of neighbours, which is minus the discrete Laplacian.

    Example:
        >>> roughness_slope(torch.ones(1, 1, 3, 3)).abs().max()
        tensor(0.)
    """
    slope = torch.zeros_like(images)
    for axis in (2, 3):
        step = images.diff(dim=axis)
        length = images.shape[axis] - 1
        slope.narrow(axis, 1, length).add_(step)
        slope.narrow(axis, 0, length).sub_(step)
    return slope


def _sheet(
    subject: Subject, layer: str, goals: list[Goal], background: Tensor, seed: int, ascent: Ascent
) -> Sheet:  # fmt: skip
    found, before, after = climb(subject, layer, goals, background, seed, ascent)
    images = found
    if not subject.sees:
        labels = torch.tensor([goal.label or 0 for goal in goals]) if subject.labelled else None
        with torch.no_grad():
            images = from_range(subject.answer(found, labels)[OUTPUT], subject.value_range)
    side = max(images.shape[2:])
    sheet = grid(
        shades(images),
        columns=columns(len(goals)),
        scale=max(1, 96 // side),
        captions=[goal.title for goal in goals],
    )
    what = {OUTPUT: "units of the output", SCORE: "score", CLASSES: "class scores"}.get(layer, f"units of '{layer}'")
    through = "" if subject.sees else ", the images of the latents that were found"
    answers = [
        {"unit": goal.title, "before": float(first), "after": float(last)}
        for goal, first, last in zip(goals, before, after, strict=True)
    ]
    return Sheet(
        subject.name, "maximisation", layer, f"Strongest answers of the {what}{through}", sheet,
        {"answers": answers, "steps": ascent.steps},
    )  # fmt: skip
