"""Latents with what their images show: encoded from data, or drawn and looked at."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.data.measures import MEASURES
from belamy.data.measures.labelling import is_measured
from belamy.editing.attribute_predictors import AttributePredictor, MeasurePredictor, measured
from belamy.editing.directions import FEWEST, DirectionData
from belamy.errors import UsageError, nearest
from belamy.methods.base import BaseMethod
from belamy.sampling.points import class_weights, encoded, pixels_at, sampler

MOST = 10_000
"""Training images that are encoded."""


def from_data(method: BaseMethod, data: Dataset, names: Sequence[str], most: int = MOST) -> DirectionData:
    """Training images through the encoder, with what the data or a measure knows of them.

    Args:
        method: It encodes and samples.
        data: What it was trained on.
        names: Of attributes, see :func:`present`.
        most: How many images, from the first on.

    Raises:
        UsageError: The method does not encode or sample, or there is no such attribute.
    """
    sampler(method)
    chosen = data.indices("train")[:most]
    images = data.images(chosen)
    known = {name: present(data, chosen, images, name) for name in names}
    return DirectionData(encoded(method, images), known, method)


def from_draws(method: BaseMethod, predictors: Sequence[AttributePredictor], count: int, seed: int) -> DirectionData:
    """Latents drawn from the method's prior, with what attribute predictors say of their images.

    A measure splits them at their own median, so that both sides have as many. Of more than two values each is an
    attribute of its own, ``skin=8d5524``, unless hardly an image has it.

    Raises:
        UsageError: The method does not sample.
    """
    made = sampler(method)
    latents: Tensor = made.latents(seed, range(count))
    images = pixels_at(method, latents, turns(method, count))
    known = {}
    for predictor in predictors:
        looking = measured(predictor.name, images) if isinstance(predictor, MeasurePredictor) else predictor
        verdict = looking.predict(images).verdict
        if len(predictor.values) == 2:
            known[predictor.name] = verdict.bool()
            continue
        each = {f"{predictor.name}={value}": verdict == code for code, value in enumerate(predictor.values)}
        known.update({name: has for name, has in each.items() if min(int(has.sum()), int((~has).sum())) >= FEWEST})
    return DirectionData(latents, known, method)


def turns(method: BaseMethod, count: int) -> Tensor | None:
    """The classes in turn, where there are classes.  # [count, classes]"""
    classes = len(method.spec.classes)
    return class_weights(torch.arange(count) % classes, classes) if classes else None


def present(data: Dataset, chosen: Tensor, images: Tensor, name: str) -> Tensor:
    """Which of the images have an attribute.  # [n] bool

    A name is an attribute of two values (``smile``; the second counts), one value of any (``skin=8d5524``), a class of
    the labels (``7``) or a measure (``thickness``: more than half of these images).

    Args:
        data: The images' set.
        chosen: Which of its images.  # [n]
        images: The same, as pixels.
        name: The attribute.

    Raises:
        UsageError: There is no such thing.
    """
    key, equals, value = name.partition("=")
    if name in data.attributes or (equals and key in data.attributes):
        attribute = data.attributes[key]
        wanted = value if equals else attribute.values[-1]
        if wanted not in attribute.values or (not equals and len(attribute.values) != 2):
            raise UsageError(f"'{key}' is one of {len(attribute.values)} things: type {key}={attribute.values[0]}, "
                             f"or another of {', '.join(attribute.values[:12])}.")  # fmt: skip
        return attribute.codes[chosen] == attribute.values.index(wanted)
    if data.labels is not None and name in data.classes:
        return data.labels[chosen] == data.classes.index(name)
    if is_measured(name):
        return measured(name, images).predict(images).verdict.bool()
    known = [*data.attributes, *data.classes[:50], *MEASURES.names()]
    raise UsageError(f"{data.name} has no attribute or class '{name}', nor is it measured. {nearest(name, known)}")
