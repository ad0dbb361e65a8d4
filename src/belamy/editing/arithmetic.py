"""Arithmetic with latents: an expression's place, its neighbours, and the same arithmetic with pixels as control."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from belamy.data import to_uint8
from belamy.data.pictures import read_picture, strict_pillow
from belamy.editing import expressions
from belamy.editing.expressions import Expression, Group, Label, Leaf, Seed
from belamy.editing.groups import ReferenceSet
from belamy.editing.inversion import invert
from belamy.errors import DataError, Unreadable, UsageError, nearest
from belamy.methods.base import BaseMethod
from belamy.modalities.grid import grid
from belamy.sampling.picture import Picture, beside, named
from belamy.sampling.points import class_weights, drawn, images_at, pixels_at
from belamy.seeds import generator

NOISE = 0.25
NEIGHBOURS = 9
CENTRE = 4
MEMBERS = 64
CELL = 72


@dataclass(frozen=True, eq=False)
class Operand:
    """A part of the sum: where it is, what is there, and how many images it is the mean of."""

    text: str
    latent: Tensor
    weights: Tensor | None
    image: Tensor
    members: int
    group: int


@dataclass(frozen=True, eq=False)
class Result:
    """What an expression comes to.

    Args:
        text: The expression.
        operands: Its groups, seeds, images and labels.
        latents: The place itself in the middle (number 4), and eight neighbours.  # [9, latent]
        weights: Of the classes, where labels matter.  # [9, classes]
        images: What is there.  # [9, C, H, W] uint8
        control: The same arithmetic with pixels in place of latents.  # [C, H, W] uint8
    """

    text: str
    operands: tuple[Operand, ...]
    latents: Tensor
    weights: Tensor | None
    images: Tensor
    control: Tensor

    def picture(self) -> Picture:
        """The operands, the 3×3 grid, and the control."""
        scale = max(1, math.ceil(CELL / max(self.images.shape[2:])))
        column = grid(torch.stack([each.image for each in self.operands]), 1, scale=scale)
        operands = named(column, [each.text for each in self.operands])
        control = grid(self.control[None], scale=scale, captions=["in pixels"])
        return Picture(beside([operands, grid(self.images, 3, scale=scale), control]))

    def _repr_png_(self) -> bytes:
        return self.picture().png


@dataclass(frozen=True)
class Setting:
    """How expressions are worked out.

    Args:
        members: Images whose mean a group is, at most; the documents average 3.
        noise: Neighbours differ from the result by numbers uniform on ± this.
        seed: Decides members and neighbours.
        labels_matter: Whether the generator heeds labels.
    """

    members: int = MEMBERS
    noise: float = NOISE
    seed: int = 0
    labels_matter: bool = False

    def __post_init__(self) -> None:
        if self.members < 1 or not 0 <= self.noise < math.inf:
            raise UsageError(
                f"members is {self.members} and noise {self.noise:g}, but they must be at least 1 and at least 0."
            )


def arithmetic(method: BaseMethod, expression: Expression, reference_set: ReferenceSet, setting: Setting) -> Result:
    """The value of an expression, with its neighbours and its control.

    Labels take part as the latents do: where a generator heeds them, every operand has weights of the classes, and the
    sum of the weights says what is generated.

    *Departs from the paper* where groups are of generated images: a sum of means of three latents is about as long as a
    latent, one of more is too short for the generator, and gets one individual's rest.

    References:
        Radford et al. 2015, arXiv 1511.06434, section 6.3.2: mean latents of three samples for each concept, eight
        neighbours by noise uniform on ± 0.25, and the control in pixels.

    Args:
        method: It samples; where it does not encode, images in the expression are found by optimisation.
        expression: What to work out.
        reference_set: Where groups are found.
        setting: How.

    Raises:
        UsageError: An unknown group or label, or a method that cannot.
        DataError: A picture that cannot be read.
    """
    operands = {leaf: _operand(method, leaf, reference_set, setting) for leaf in expression.leaves()}
    latent = expression.value(lambda leaf: operands[leaf].latent)
    if any(isinstance(leaf, Group) for leaf in operands):
        latent = reference_set.settle(latent, setting.seed)
    weights = None
    if setting.labels_matter:
        weights = expression.value(lambda leaf: operands[leaf].weights)  # type: ignore[arg-type, return-value]
        weights = weights.expand(NEIGHBOURS, -1)
    numbers = torch.rand(NEIGHBOURS, len(latent), generator=generator(setting.seed, "neighbours"))
    noise = (numbers * 2 - 1) * setting.noise
    noise[CENTRE] = 0
    latents = latent + noise.to(latent.dtype)
    control = expression.value(lambda leaf: operands[leaf].image)
    shown = tuple(
        Operand(each.text, each.latent, each.weights, to_uint8(each.image), each.members, each.group)
        for each in operands.values()
    )
    return Result(expression.text, shown, latents, weights, pixels_at(method, latents, weights), to_uint8(control))


def _operand(method: BaseMethod, leaf: Leaf, reference_set: ReferenceSet, setting: Setting) -> Operand:
    """The operand, its image in [-1, 1]."""
    classes = method.spec.classes
    if isinstance(leaf, Label) and setting.labels_matter:
        weights = class_weights(torch.tensor([_class(leaf, classes)]), len(classes))
        nowhere = torch.zeros_like(drawn(method, 0))
        return Operand(str(leaf), nowhere, weights[0], images_at(method, nowhere[None], weights)[0], 1, 1)
    if isinstance(leaf, Seed):
        latent = drawn(method, leaf.seed, leaf.index)
        told = class_weights(torch.tensor([leaf.index % len(classes)]), len(classes)) if setting.labels_matter else None
        image = images_at(method, latent[None], told)[0]
        return Operand(str(leaf), latent, None if told is None else told[0], image, 1, 1)
    if isinstance(leaf, expressions.PictureFile):
        image = read(leaf.path, method.spec.shape)
        held = invert(method, image[None], seed=setting.seed)
        told = held.weights if setting.labels_matter else None
        return Operand(str(leaf), held.latents[0], None if told is None else told[0], _floats(image), 1, 1)
    assert not isinstance(leaf, expressions.TextLeaf), "an expression of texts is worked out by text_arithmetic"
    group = Group((expressions.Word(leaf.name, at=leaf.at),), leaf.at) if isinstance(leaf, Label) else leaf
    found = reference_set.members(group, setting.members, setting.seed)
    blend = None if found.weights is None else found.weights.mean(0)
    mean = _floats(found.images).mean(0)
    return Operand(str(leaf), found.latents.mean(0), blend, mean, len(found.images), found.count)


def read(path: str, shape: tuple[int, ...], fit: str = "crop") -> Tensor:
    """A picture file as the run's images are: uint8, of their size and colours.  # [C, H, W]

    Args:
        path: The file.
        shape: (C, H, W) of the images.
        fit: How a picture of another aspect ratio takes that size: ``crop``, ``pad`` or ``stretch``.

    Raises:
        DataError: There is none, or it cannot be read.
    """
    try:
        with strict_pillow(), Path(path).expanduser().open("rb") as file:
            return torch.from_numpy(read_picture(file, (shape[1], shape[2]), fit, shape[0]).copy())
    except Unreadable as error:
        raise DataError(f"{path} cannot be read: {error}. Give another picture.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be opened: {(error.strerror or 'unknown').lower()}.") from None


def _class(leaf: Label, classes: tuple[str, ...]) -> int:
    if leaf.name not in classes:
        raise UsageError(f"There is no class '{leaf.name}' in this run. {nearest(leaf.name, classes)}")
    return classes.index(leaf.name)


def _floats(images: Tensor) -> Tensor:
    return images.float() / 127.5 - 1
