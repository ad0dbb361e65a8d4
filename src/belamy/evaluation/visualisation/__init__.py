"""What a network has learned, in pictures: its filters, what an image does in it, and what its units look for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from belamy.errors import UsageError, nearest
from belamy.evaluation.visualisation.activations import activations
from belamy.evaluation.visualisation.filters import filters
from belamy.evaluation.visualisation.maximisation import Ascent, maximised
from belamy.evaluation.visualisation.picture import Sheet
from belamy.evaluation.visualisation.subject import Subject, subjects
from belamy.methods.base import BaseMethod
from belamy.ranges import Within

__all__ = ["Ascent", "Sheet", "Subject", "VisualisationOptions", "subjects", "visualise"]


@dataclass(frozen=True)
class VisualisationOptions:
    """What to look at.

    Args:
        network: One network of the method, by name; None for all.
        layer: One layer whose units are maximised; None for the output and some layers.
        units: Units of a layer that are shown, at most.
        seed: Of the latent that is followed through a generator, and of the ascents' beginnings.
        ascent: How units are maximised.
    """

    network: str | None = None
    layer: str | None = None
    units: int = 16
    seed: int = 0
    ascent: Ascent = Ascent()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        Within(1, 256).check("units", self.units)


def visualise(
    method: BaseMethod, image: Tensor, label: int | None = None, background: Tensor | None = None,
    request: VisualisationOptions | None = None,
) -> Iterator[Sheet]:  # fmt: skip
    """Pictures of a method's networks, one by one, since they take time.

    Args:
        method: A trained method, in evaluation mode.
        image: One that is followed through networks that see images, in [-1, 1].  # [C, H, W]
        label: Its class, where networks are told classes.
        background: What images tend to where nothing is looked for, e.g. their mean.  # [C, H, W] in [-1, 1]
        request: What to look at.

    Raises:
        UsageError: No such network or layer.
    """
    wanted = request or VisualisationOptions()
    known = {subject.name: subject for subject in subjects(method)}
    if wanted.network is not None and wanted.network not in known:
        raise UsageError(f"This method has no network '{wanted.network}'. {nearest(wanted.network, known)}")
    chosen = [known[wanted.network]] if wanted.network else list(known.values())
    if wanted.layer is not None:
        layers = [name for subject in chosen for name in subject.layers]
        if wanted.layer not in layers:
            raise UsageError(f"There is no layer '{wanted.layer}' with units. {nearest(wanted.layer, layers)}")
    nothing = torch.zeros_like(image) if background is None else background
    for subject in chosen:
        if wanted.layer is None:
            yield from filters(subject)
            yield from activations(subject, image, label, wanted.seed, wanted.units)
        yield from maximised(subject, wanted.layer, wanted.units, nothing, label, wanted.seed, wanted.ascent)
