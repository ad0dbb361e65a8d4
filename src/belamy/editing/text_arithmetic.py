"""Arithmetic with texts: what lies at sums and differences of their vectors, at one latent."""

from __future__ import annotations

from typing import Any

import torch

from belamy.data import to_uint8
from belamy.editing.arithmetic import CENTRE, NEIGHBOURS, Operand, Result, Setting
from belamy.editing.expressions import Expression, TextLeaf
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod
from belamy.sampling.points import images_at
from belamy.sampling.texts import TextLatents
from belamy.seeds import generator


def of_texts(expression: Expression) -> bool:
    """Whether texts take part in an expression."""
    return any(isinstance(leaf, TextLeaf) for leaf in expression.leaves())


def text_arithmetic(method: BaseMethod, expression: Expression, setting: Setting) -> Result:
    """The value of an expression of texts alone, such as ``text("a face with a beard") - text("a face")``.

    All is at the latent of the setting's seed; the neighbours are of the same sum, at latents near it.

    References:
        Reed et al. 2016, arXiv 1605.05396, figure 8 (texts between two captions); sums as in Radford et al. 2015, arXiv
        1511.06434, section 6.3.2.

    Args:
        method: It learned with captions, and has vectors of texts.
        expression: What to work out.
        setting: How; groups have no members here.

    Raises:
        UsageError: It has no such vectors, something else than texts takes part, or a text that no caption could be.
    """
    told: Any = TextLatents(method)
    leaves = expression.leaves()
    texts = [leaf.said for leaf in leaves if isinstance(leaf, TextLeaf)]
    if len(texts) < len(leaves):
        raise UsageError("Texts add up with texts alone, at the latent of --seed. Leave seeds, images and groups out.")
    size = told.prior.latent
    z = told.latents(setting.seed, [0])
    at = told.told(z.expand(len(texts), -1), texts)
    images = images_at(told, at)
    number = {leaf: place for place, leaf in enumerate(leaves)}
    vector = expression.value(lambda leaf: at[number[leaf], size:])
    noise = torch.rand(NEIGHBOURS, size, generator=generator(setting.seed, "neighbours")) * 2 - 1
    noise[CENTRE] = 0
    latents = torch.cat([z + setting.noise * noise.to(z), vector.expand(NEIGHBOURS, -1)], 1)
    operands = tuple(
        Operand(str(leaf), at[place], None, to_uint8(images[place]), 1, 1) for leaf, place in number.items()
    )
    control = expression.value(lambda leaf: images[number[leaf]])
    return Result(expression.text, operands, latents, None, to_uint8(images_at(told, latents)), to_uint8(control))
