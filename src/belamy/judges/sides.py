"""Two sides that are no pairs as one data set, so that judges learn to tell them and their attributes apart."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.data.dataset import Attribute, Memory
from belamy.errors import UsageError

SIDE = "side"
"""The attribute that says which side a picture is of."""
MOST_VALUES = 16
"""Attributes of more values are left out."""


def both_sides(data: Dataset, other: str) -> Dataset:
    """The pictures of both sides, with the attribute ``side`` and those that both know and that are not the same thing.

    An attribute that has one value on each side is what tells the sides apart, and so is left out.

    Args:
        data: The first side, with the second among its sides.
        other: The second's name.

    Raises:
        UsageError: The sides have other channels or sizes.
    """
    first, second = data, data.sides[other]
    if first.shape != second.shape:
        raise UsageError(
            f"One judge sees both sides, but {first.name} has pictures of {list(first.shape)} and {second.name} of "
            f"{list(second.shape)} channels, rows and columns. Leave attributes out of --measures."
        )
    count = len(first)
    pictures = torch.cat([side.images(torch.arange(len(side))) for side in (first, second)])
    codes = torch.cat([torch.full((len(side),), number) for number, side in enumerate((first, second))])
    splits = {
        name: torch.cat([first.indices(name), count + second.indices(name)])
        for name in ("train", "test")
        if len(first.indices(name)) and len(second.indices(name))
    }
    return Dataset(
        f"{first.name} and {second.name}",
        Memory(pictures),
        attributes={SIDE: Attribute(("first", "second"), codes), **_shared(first, second)},
        official=splits,
        rule="those of both sides",
    )


def _shared(first: Dataset, second: Dataset) -> dict[str, Attribute]:
    found = {}
    for name, known in first.attributes.items():
        again = second.attributes.get(name)
        if again is None or again.values != known.values or not 1 < len(known.values) <= MOST_VALUES:
            continue
        if name != SIDE and max(len(each.codes.unique()) for each in (known, again)) > 1:
            found[name] = Attribute(known.values, torch.cat([known.codes, again.codes]))
    return found


def kept(before: Tensor, after: Tensor) -> Tensor:
    """1 for each picture of which the same is said before and after, else 0.  # [N] float64"""
    return (before == after).double()
