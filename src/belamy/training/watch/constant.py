"""What a discriminator loses that gives every image the same score: the measure of its loss."""

from __future__ import annotations

import torch

from belamy.errors import UsageError
from belamy.methods.base import BaseRecipe
from belamy.methods.gan import ADVERSARIAL
from belamy.registry import Part, part_fields


@torch.no_grad()
def least(recipe: BaseRecipe) -> float | None:
    """The discriminator's least loss over constant scores; None where there is no least, as with BEGAN's.

    Example:
        >>> from belamy.methods.gan import Recipe
        >>> round(least(Recipe(adversarial="non-saturating")), 3)
        1.386
    """
    adversarial = getattr(recipe, "adversarial", None)
    if not isinstance(adversarial, Part):
        return None
    try:
        loss = ADVERSARIAL.build(adversarial)
    except UsageError:  # its package is gone
        return None
    values = torch.stack([loss.discriminator(score, score).mean() for score in torch.linspace(-2, 2, 41)[:, None]])
    inside = values[1:-1].min()
    bounded = bool(torch.isfinite(values).all()) and float(torch.min(values[0], values[-1])) >= float(inside) - 1e-6
    return float(inside) * scales(recipe) if bounded else None


def scales(recipe: BaseRecipe) -> int:
    """At how many scales a recipe's discriminator judges; the losses of all are summed.

    Example:
        >>> from belamy.methods.pix2pix_hd import Recipe
        >>> scales(Recipe()), scales(BaseRecipe())
        (3, 1)
    """
    slot, part = part_fields(type(recipe)).get("discriminator"), getattr(recipe, "discriminator", None)
    if slot is None or not isinstance(part, Part):
        return 1
    known = slot.registry.options(part.name)
    return int(part.options.get("count", known["count"].default)) if "count" in known else 1
