"""A run in hand: walks, maps, sums, inversions and edits from Python, each result a picture that Jupyter shows."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.api.steering import Steering
from belamy.data.pictures import read_picture
from belamy.editing.arithmetic import Result, Setting, arithmetic, read
from belamy.editing.expressions import parse
from belamy.editing.groups import ReferenceSet
from belamy.editing.inversion import Inversion, Way, compared, invert
from belamy.editing.text_arithmetic import of_texts, text_arithmetic
from belamy.errors import DataError, Unreadable, UsageError
from belamy.evaluation.candidate import heeds_labels
from belamy.judges.reference_set import reference_set_of
from belamy.methods.base import BaseMethod
from belamy.registry import Part
from belamy.runs.run import Run
from belamy.sampling.draw import class_number
from belamy.sampling.manifold import plane, sheet
from belamy.sampling.picture import Picture
from belamy.sampling.points import class_weights, drawn, pixels_at
from belamy.sampling.styles import Space
from belamy.sampling.walk import Walk, walk


@dataclass(frozen=True, eq=False)
class Edited:
    """Pictures that were changed in a run's latent space.

    Args:
        inversion: The pictures given, and where they are.
        latents: Where the changed ones are.  # [n, latent]
        images: The changed ones, uint8.  # [n, C, H, W]
    """

    inversion: Inversion
    latents: Tensor
    images: Tensor

    def picture(self) -> Picture:
        """Given, inverted and changed pictures."""
        held = self.inversion
        return compared({"given": held.given, "inverted": held.images, "changed": self.images}, held.psnr)

    def _repr_png_(self) -> bytes:
        return self.picture().png


class LatentEditor:
    """Steers a run. What is returned holds arrays, has a ``picture()`` and shows itself in Jupyter.

    A picture is a path, a Pillow image, a uint8 array ``[H, W]`` or ``[H, W, 3]``, or a uint8 tensor ``[C, H, W]`` of
    the run's own shape.

    Args:
        run: What is steered.
        device: Where to compute.
        offline: Never fetch data from the network.
        space: ``z``, or the styles ``w`` or ``w+`` of a style-based generator, which then are the latents.
    """

    def __init__(self, run: Run, device: str = "auto", offline: bool = False, space: Space = "z") -> None:
        self.run = run
        self.steering = Steering.open(run, device, offline, space=space)
        self.heeds_labels = heeds_labels(self.method)

    def __repr__(self) -> str:
        return f"LatentEditor({self.run!r})"

    @property
    def method(self) -> BaseMethod:
        """The run's method."""
        return self.steering.method

    @cached_property
    def reference_set(self) -> ReferenceSet:
        """The images among which groups are found."""
        return reference_set_of(self.method, self.steering.data)

    def walk(
        self, *keys: Any, labels: Sequence[str] | None = None, path: str = "prior", steps: int = 8, loop: bool = False
    ) -> Walk:
        """A walk through keys: seeds, latents or pictures.

        Args:
            keys: Whole numbers, latents ``[latent]`` or pictures.
            labels: The class at each key, where labels matter; by default that of a picture is found, and other keys
                have the classes in turn.
            path: ``prior``, ``linear``, ``slerp`` or ``even``.
            steps: From one key to the next.
            loop: Go back to the first key.

        Raises:
            UsageError: Too few keys, or another number of labels.
        """
        if labels is not None and len(labels) != len(keys):
            raise UsageError(f"{len(keys)} keys have {len(labels)} labels; name one for each, or none.")
        points = [self.point(key, labels[place] if labels else None) for place, key in enumerate(keys)]
        latents = torch.stack([latent for latent, _ in points]) if keys else torch.zeros(0, 1)
        weights = None
        if self.heeds_labels:
            classes = self.method.spec.classes
            numbers = [self.label(name) for name in labels] if labels else [i % len(classes) for i in range(len(keys))]
            weights = class_weights(torch.tensor(numbers), len(classes))
            for place, (_, found) in enumerate(points):
                weights[place] = weights[place] if found is None else found
        return walk(self.method, latents, weights, path=path, steps=steps, loop=loop)

    def manifold(self, axes: tuple[int, int] = (0, 1), count: int = 15, label: str | None = None) -> Picture:
        """The plane of two latent axes; of one class, where labels matter."""
        number = self.label(label) if label is not None else 0 if self.heeds_labels else None
        return sheet(self.method, plane(self.method, axes, count), count, number)

    def arithmetic(self, expression: str, members: int = 64, noise: float = 0.25, seed: int = 0) -> Result:
        """What an expression such as ``thick 7 - thin 7 + thin 1`` comes to."""
        setting = Setting(members, noise, seed, self.heeds_labels)
        read = parse(expression)
        if of_texts(read):
            return text_arithmetic(self.method, read, setting)
        return arithmetic(self.method, read, self.reference_set, setting)

    def invert(self, *pictures: Any, way: Way = "auto", label: str | None = None, **options: Any) -> Inversion:
        """The latents of pictures; see :func:`belamy.editing.inversion.invert`.

        Args:
            pictures: One or several.
            way: ``encoder``, ``optimisation`` or ``hybrid``.
            label: The class that they show, where labels matter; otherwise it is searched for.
            options: ``steps``, ``rate``, ``prior``, ``tries``, ``seed``.
        """
        images = torch.stack([self.pixels(picture) for picture in pictures])
        labels = None if label is None else torch.full((len(images),), self.label(label))
        return invert(self.method, images, way, labels=labels, **options)

    def edit(
        self,
        *pictures: Any,
        add: Mapping[str, float] | None = None,
        label: str | None = None,
        method: str = "mean-difference",
        **options: Any,
    ) -> Edited:
        """Pictures with directions added, or made anew as another class.

        Args:
            pictures: One or several, or an inversion of them.
            add: Standard deviations by attribute, e.g. ``{"thickness": 1.5}``.
            label: The class that they become, where labels matter.
            method: How directions are found.
            options: Of the inversion.
        """
        held = pictures[0] if pictures and isinstance(pictures[0], Inversion) else self.invert(*pictures, **options)
        latents, weights = held.latents, held.weights
        if add:
            latents = latents + self.steering.find(Part.parse(method), list(add)).total(add)
        if label is not None:
            told = torch.full((len(latents),), self.label(label))
            weights = class_weights(told, len(self.method.spec.classes))
        return Edited(held, latents, pixels_at(self.method, latents, weights))

    def point(self, key: Any, label: str | None = None) -> tuple[Tensor, Tensor | None]:
        """Where a seed, a latent or a picture is ``[latent]``, and the weights of a picture's classes, where known."""
        if isinstance(key, int):
            return drawn(self.method, key), None
        if isinstance(key, Tensor) and key.ndim == 1:
            return key, None
        held = self.invert(key, label=label if self.heeds_labels else None)
        return held.latents[0], None if held.weights is None else held.weights[0]

    def pixels(self, picture: Any) -> Tensor:
        """``[C, H, W]`` uint8: a picture as the run's own are.

        Raises:
            DataError: It cannot be read.
        """
        shape = self.method.spec.shape
        if isinstance(picture, str | Path):
            return read(str(picture), shape)
        if isinstance(picture, Tensor) and picture.dtype == torch.uint8:
            return picture
        if not isinstance(picture, Image.Image):
            if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim not in (2, 3):
                kind = getattr(picture, "dtype", type(picture).__name__)
                raise UsageError(
                    f"A picture is a path, a Pillow image, or uint8 numbers [H, W] or [H, W, 3]; got {kind}."
                )
            picture = Image.fromarray(picture)
        file = io.BytesIO()
        picture.save(file, format="PNG")
        try:
            return torch.from_numpy(read_picture(file, (shape[1], shape[2]), "crop", shape[0]).copy())
        except Unreadable as error:
            raise DataError(f"The picture cannot be read: {error}. Give another.") from None

    def label(self, name: str) -> int:
        """The number of a class, as ``belamy sample --label`` finds it.

        Raises:
            UsageError: There is none of that name, or the generator does not heed labels.
        """
        if not self.heeds_labels:
            raise UsageError("This run's networks do not use labels, so they can be told none. Leave the label out.")
        return class_number(name, self.method.spec.classes)


def steer(run: Run | str | Path, *, device: str = "auto", offline: bool = False, space: Space = "z") -> LatentEditor:
    """Take a run in hand.

    Args:
        run: A run or its directory.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
        offline: Never fetch data from the network.
        space: ``z``, or the styles ``w`` or ``w+`` of a style-based generator in place of its latents.

    Raises:
        RunError: There is no run.
        UsageError: Its method does not sample, or its generator has no styles.

    Example:
        >>> editor = belamy.steer("runs/vae")  # doctest: +SKIP
        >>> editor.edit("seven.png", add={"thickness": 1.5}).picture().save("thick.png")  # doctest: +SKIP
    """
    return LatentEditor(run if isinstance(run, Run) else Run.open(run), device, offline, space)
